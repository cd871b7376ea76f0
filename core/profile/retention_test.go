package profile_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
)

// one makes a profile and gives its id. In a bubble each gets a second of its own.
func one(t *testing.T, c *coretest.Core) string {
	t.Helper()
	time.Sleep(time.Second)
	id := start(t, c, profile.StartRequest{}).ID
	stop(t, c, id)
	return id
}

// ids are those of a list, the newest first.
func ids(views []profile.View) []string {
	var all []string
	for _, v := range views {
		all = append(all, v.ID)
	}
	return all
}

func pin(t *testing.T, c *coretest.Core, id string, pinned bool) error {
	t.Helper()
	_, err := c.Profiles.Change(id, profile.Change{Pinned: &pinned})
	return err
}

func keeping(logs *syncBuffer, change func(*profile.Options)) coretest.Options {
	return coretest.Options{Log: slog.New(slog.NewTextHandler(logs, nil)), Profile: change}
}

func TestKeepAndPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs syncBuffer
		c := coretest.New(t, keeping(&logs, func(o *profile.Options) { o.Keep = 3 }))
		first, second := one(t, c), one(t, c)
		for _, id := range []string{first, second} {
			if err := pin(t, c, id, true); err != nil {
				t.Fatal(err)
			}
		}
		third := one(t, c)
		e := code(t, pin(t, c, third, true), profile.CodePinLimit)
		if e.Param != "pinned" || !strings.Contains(e.Message, "profile.keep") {
			t.Errorf("%+v", e)
		}
		fourth := one(t, c)
		if diff := cmp.Diff([]string{fourth, second, first}, ids(c.Profiles.List())); diff != "" {
			t.Error(diff)
		}
		synctest.Wait() // files go after the answer
		if text := logs.String(); !strings.Contains(text, "id="+third+" state=removed why=\"more profiles than profile.keep\" keep=3") {
			t.Errorf("the removal is not logged: %s", text)
		}
		if err := pin(t, c, second, false); err != nil {
			t.Fatal(err)
		}
		fifth := one(t, c)
		if diff := cmp.Diff([]string{fifth, fourth, first}, ids(c.Profiles.List())); diff != "" {
			t.Error(diff)
		}
		if err := c.Profiles.Delete(first); err != nil { // a pin does not keep anybody from deleting by hand
			t.Error(err)
		}
	})
}

func TestMaxTotalBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs syncBuffer
		c := coretest.New(t, keeping(&logs, func(o *profile.Options) { o.MaxBytes, o.MaxTotalBytes = 16<<20, 40<<20 }))
		fat := func() string {
			time.Sleep(time.Second)
			id := start(t, c, profile.StartRequest{}).ID
			if err := os.WriteFile(filepath.Join(c.Dir, id, "fat"), make([]byte, 16<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			stop(t, c, id)
			return id
		}
		first, second := fat(), fat()
		if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{second, first}) {
			t.Fatalf("within the bound: %v", got)
		}
		third := fat()
		synctest.Wait()
		if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{third, second}) {
			t.Errorf("beyond the bound: %v", got)
		}
		if !strings.Contains(logs.String(), "id="+first+" state=removed why=\"more bytes than profile.max_total_bytes\"") {
			t.Error(logs.String())
		}
		if err := pin(t, c, second, true); err != nil {
			t.Error(err)
		}
		if e := code(t, pin(t, c, third, true), profile.CodePinLimit); !strings.Contains(e.Message, "max_total_bytes") {
			t.Error(e.Message)
		}
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs syncBuffer
		c := coretest.New(t, keeping(&logs, func(o *profile.Options) { o.MaxAge = time.Hour }))
		first := one(t, c)
		pinned := one(t, c)
		if err := pin(t, c, pinned, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		young := one(t, c)
		if got := ids(c.Profiles.List()); len(got) != 3 {
			t.Errorf("before: %v", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{young, pinned}) {
			t.Errorf("after: %v", got)
		}
		if !strings.Contains(logs.String(), "id="+first+" state=removed why=\"older than profile.max_age\" max_age=1h0m0s") {
			t.Error(logs.String())
		}
		time.Sleep(2 * time.Hour) // the newest goes by its age, too
		synctest.Wait()
		if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{pinned}) {
			t.Errorf("at last: %v", got)
		}
	})
}

func TestMinFreeBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Int64
		free.Store(100)
		var logs syncBuffer
		c := coretest.New(t, keeping(&logs, func(o *profile.Options) {
			o.MinFreeBytes, o.FreeBytes = 50, func(string) (int64, error) { return free.Load(), nil }
		}))
		first, second, third := one(t, c), one(t, c), one(t, c)
		if err := pin(t, c, first, true); err != nil {
			t.Fatal(err)
		}
		free.Store(49)
		_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
		if e := code(t, err, profile.CodeDiskFull); e.Param != "profile.min_free_bytes" || !strings.Contains(e.Message, "delete") {
			t.Errorf("%+v", e)
		}
		// The old one that could go is gone; the pinned one and the newest are there.
		if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{third, first}) {
			t.Errorf("kept %v, without %s", got, second)
		}
		free.Store(100)
		time.Sleep(time.Second)
		id := start(t, c, profile.StartRequest{}).ID
		free.Store(10)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		v, err := c.Profiles.Get(id)
		if err != nil || v.State != profile.StateComplete || v.EndedBy != profile.EndedByMinFree || !strings.Contains(strings.Join(v.Warnings, "\n"), "nearly full") {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestUnknownFreeBytes(t *testing.T) {
	c := coretest.New(t, coretest.Options{Profile: func(o *profile.Options) {
		o.MinFreeBytes, o.FreeBytes = 1<<60, func(string) (int64, error) { return 0, errors.New("no such call") }
	}})
	stop(t, c, start(t, c, profile.StartRequest{}).ID) // what cannot be asked keeps nobody from profiling
	real := coretest.New(t, coretest.Options{Profile: func(o *profile.Options) { o.MinFreeBytes = 1 << 62 }})
	_, err := real.Profiles.Start(t.Context(), profile.StartRequest{})
	code(t, err, profile.CodeDiskFull)
}

// TestRetentionAtStart: a server with lower bounds removes what is beyond them, and says what it cannot remove.
func TestRetentionAtStart(t *testing.T) {
	var all []string
	c := coretest.New(t, coretest.Options{})
	for range 4 {
		id := start(t, c, profile.StartRequest{}).ID
		stop(t, c, id)
		all = append(all, id)
	}
	for _, id := range all[:3] {
		if err := pin(t, c, id, true); err != nil {
			t.Fatal(err)
		}
	}
	var logs syncBuffer
	m := coretest.NewManager(t, profile.Options{Dir: c.Dir, Keep: 2, Log: slog.New(slog.NewTextHandler(&logs, nil))})
	if got := m.List(); len(got) < 3 {
		t.Errorf("pinned profiles are gone: %v", ids(got))
	}
	if !strings.Contains(logs.String(), "unpin or delete some") {
		t.Errorf("nothing says that more is pinned than kept: %s", logs.String())
	}
}

func TestChange(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	text, yes := "night run", true
	id := start(t, c, profile.StartRequest{Label: "before"}).ID
	if v, err := c.Profiles.Change(id, profile.Change{Label: &text, Pinned: &yes}); err != nil || v.Label != text || !v.Pinned || v.State != profile.StateRecording {
		t.Fatalf("while it records: %+v, %v", v, err)
	}
	if v := stop(t, c, id); v.Label != text || !v.Pinned {
		t.Errorf("the end forgot it: %+v", v)
	}
	again := "again"
	if v, err := c.Profiles.Change(id, profile.Change{Label: &again}); err != nil || v.Label != again || !v.Pinned {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := c.Profiles.Export(t.Context(), id, profile.ExportRequest{Profiler: "chrome"}); err != nil || v.Label != again || !v.Pinned {
		t.Errorf("the export forgot it: %+v, %v", v, err)
	}
	m := coretest.NewManager(t, profile.Options{Dir: c.Dir})
	if v, err := m.Get(id); err != nil || v.Label != again || !v.Pinned {
		t.Errorf("the next server forgot it: %+v, %v", v, err)
	}
	for name, bad := range map[string]string{"long": strings.Repeat("é", 201), "control": "a\x1b[2Jb", "bytes": "\xff"} {
		if _, err := c.Profiles.Change(id, profile.Change{Label: &bad}); code(t, err, profile.CodeInvalid).Param != "label" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", ".", "../" + id, "20260101-000000-000000"} {
		_, err := c.Profiles.Change(id, profile.Change{Pinned: &yes})
		code(t, err, profile.CodeNotFound)
	}
	path := "/../../etc/passwd" // a label is text, and no part of a path
	if v, err := c.Profiles.Change(id, profile.Change{Label: &path}); err != nil || v.Label != path {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestHostileMarks: what was changed is read as anybody may have written it.
func TestHostileMarks(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	id := start(t, c, profile.StartRequest{Label: "mine"}).ID
	stop(t, c, id)
	for name, text := range map[string]string{
		"no JSON": "{", "another shape": `[1]`, "a control character": `{"label":"\u001b"}`, "huge": `{"label":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		if err := os.WriteFile(filepath.Join(c.Dir, id, "recording", "marks.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m := coretest.NewManager(t, profile.Options{Dir: c.Dir})
		if v, err := m.Get(id); err != nil || v.Label != "mine" || v.Pinned {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}
