package profile_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
)

func TestListPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		var all []string // the newest first
		for range 7 {
			all = append([]string{one(t, c)}, all...)
		}
		var got []string
		q := profile.Query{Limit: 3}
		for pages := 0; ; pages++ {
			page, err := c.Profiles.ListPage(q)
			if err != nil || pages > 3 {
				t.Fatal(err, pages)
			}
			got = append(got, ids(page.Profiles)...)
			if page.Next == "" {
				break
			}
			q.After = page.Next
			switch pages {
			case 0: // the last of the page goes, and a new one comes: neither matters for what follows
				if err := c.Profiles.Delete(got[len(got)-1]); err != nil {
					t.Fatal(err)
				}
				one(t, c)
			}
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Error(diff)
		}
		for _, bad := range []string{"x", ".", "zz.../../etc/passwd", "1.20261123-100312-a1b2c3/..", "!.20261123-100312-a1b2c3", "zzzzzzzzzzzzzzzzzz.20261123-100312-a1b2c3"} {
			_, err := c.Profiles.ListPage(profile.Query{After: bad})
			if e := code(t, err, profile.CodeInvalid); e.Param != "after" {
				t.Errorf("%q: %+v", bad, e)
			}
		}
	})
}

func TestListFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{Profilers: []string{"chrome", "otlp"}})
		make := func(label string, profilers ...string) string {
			time.Sleep(time.Minute)
			id := start(t, c, profile.StartRequest{Label: label, Profilers: profilers}).ID
			stop(t, c, id)
			return id
		}
		began := time.Now()
		night, day := make("Night run"), make("day run", "otlp")
		if err := pin(t, c, day, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		active := start(t, c, profile.StartRequest{}).ID
		none, slow, yes, no := "", "slow", true, false
		for name, tt := range map[string]struct {
			q    profile.Query
			want []string
		}{
			"all":         {profile.Query{}, []string{active, day, night}},
			"state":       {profile.Query{States: []profile.State{profile.StateRecording, profile.StateFailed}}, []string{active}},
			"label":       {profile.Query{Label: "night"}, []string{night}},
			"two labels":  {profile.Query{Label: "RUN"}, []string{day, night}},
			"model":       {profile.Query{Model: "emoji"}, []string{active, day, night}},
			"other model": {profile.Query{Model: "emo"}, nil},
			"profiler":    {profile.Query{Profiler: "otlp"}, []string{day}},
			"no trigger":  {profile.Query{Trigger: &none}, []string{active, day, night}},
			"trigger":     {profile.Query{Trigger: &slow}, nil},
			"pinned":      {profile.Query{Pinned: &yes}, []string{day}},
			"not pinned":  {profile.Query{Pinned: &no}, []string{active, night}},
			"since":       {profile.Query{Since: began.Add(2 * time.Minute)}, []string{active, day}},
			"until":       {profile.Query{Until: began.Add(2 * time.Minute)}, []string{night}},
			"several":     {profile.Query{Label: "run", Pinned: &no, Limit: 5}, []string{night}},
		} {
			page, err := c.Profiles.ListPage(tt.q)
			if err != nil || !cmp.Equal(tt.want, ids(page.Profiles)) || page.Profiles == nil {
				t.Errorf("%s: %v, %v", name, ids(page.Profiles), err)
			}
		}
		stop(t, c, active)
	})
}

func TestEnded(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	if _, err := c.Profiles.Ended("../x"); err == nil {
		t.Error("a profile that is none")
	}
	id := start(t, c, profile.StartRequest{}).ID
	ended, err := c.Profiles.Ended(id)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
		t.Fatal("it has ended while it records")
	default:
	}
	stop(t, c, id)
	<-ended
}
