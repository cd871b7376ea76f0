package profile_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
)

func oneShot(trigger, request string) profile.StartRequest {
	return profile.StartRequest{Trigger: trigger, OnlyRequests: []string{request}}
}

// TestOneShot: a profile of one request counts that request only, ends with it, and leaves nothing for a stop to collect.
func TestOneShot(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	v, err := c.Profiles.Start(t.Context(), oneShot(profile.TriggerRequest, "req-1"))
	if err != nil {
		t.Fatal(err)
	}
	c.Profiles.CountRequest() // a neighbour
	c.Profiles.CountRequest()
	ended := make(chan struct{}, 3)
	then := func() { ended <- struct{}{} }
	c.Profiles.EndRequest(v.ID, then)
	c.Profiles.EndRequest(v.ID, then)
	c.Profiles.EndRequest("none", then)
	for range 3 {
		<-ended
	}
	v, err = c.Profiles.Stop(t.Context(), v.ID)
	if err != nil {
		t.Fatal(err)
	}
	if v.State != profile.StateComplete || v.EndedBy != profile.EndedByRequest || v.Requests != 1 || v.Trigger != profile.TriggerRequest {
		t.Errorf("%+v", v)
	}
	if diff := cmp.Diff([]string{"req-1"}, v.Options.OnlyRequests); diff != "" {
		t.Error(diff)
	}
	if opens := c.Exporters["chrome"].Opens(); len(opens) != 1 || !cmp.Equal(opens[0].Profile.Filter.Requests, []string{"req-1"}) {
		t.Errorf("the profiler was opened with %+v", opens)
	}
	if got := c.Profiles.Stats().Totals.StartedBy; !cmp.Equal(got, map[string]uint64{"request": 1}) {
		t.Error(got)
	}
}

// TestOneShotUncollected: it takes no caller's result from it, and leaves none.
func TestOneShotUncollected(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	first, err := c.Profiles.Start(t.Context(), profile.StartRequest{NumRequests: 1})
	if err != nil {
		t.Fatal(err)
	}
	c.Profiles.CountRequest()
	waitFinal(t, c, first.ID)
	second, err := c.Profiles.Start(t.Context(), oneShot(profile.TriggerSample, "r"))
	if err != nil {
		t.Fatal(err)
	}
	c.Profiles.EndRequest(second.ID, func() {})
	waitFinal(t, c, second.ID)
	if v, ok := c.Profiles.Uncollected(); !ok || v.ID != first.ID {
		t.Errorf("uncollected is %v %s, want %s", ok, v.ID, first.ID)
	}
}

// TestOneShotAmongOthers: while another profile runs there is none of one request, and who starts a profile waits for one.
func TestOneShotAmongOthers(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	v, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = c.Profiles.Start(t.Context(), oneShot(profile.TriggerRequest, "r"))
	if e, ok := profile.AsError(err); !ok || e.Code != profile.CodeActive || e.ID != v.ID || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	c.Profiles.EndRequest(v.ID, func() {}) // it is none of one request
	if v, err := c.Profiles.Get(v.ID); err != nil || v.State != profile.StateRecording {
		t.Errorf("%s %v", v.State, err)
	}
	if _, err := c.Profiles.Stop(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	shot, err := c.Profiles.Start(t.Context(), oneShot(profile.TriggerRequest, "r"))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { c.Profiles.EndRequest(shot.ID, func() {}) })
	if _, err := c.Profiles.Start(t.Context(), profile.StartRequest{}); err != nil {
		t.Errorf("a start that waits for the profile of a request: %v", err)
	}
}

func TestOneShotRefused(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	for name, r := range map[string]profile.StartRequest{
		"no request":      {Trigger: profile.TriggerRequest},
		"two requests":    {Trigger: profile.TriggerRequest, OnlyRequests: []string{"a", "b"}},
		"another trigger": {Trigger: profile.TriggerSlow, OnlyRequests: []string{"a"}},
	} {
		if _, err := c.Profiles.Start(t.Context(), r); err == nil {
			t.Errorf("%s: it was started", name)
		} else if e, ok := profile.AsError(err); !ok || e.Code != profile.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// waitFinal waits for a profile that ends by itself.
func waitFinal(t *testing.T, c *coretest.Core, id string) {
	t.Helper()
	for range 1000 {
		v, err := c.Profiles.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if v.State.Final() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("profile %s does not end", id)
}
