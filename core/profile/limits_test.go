package profile_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestEndsByItself(t *testing.T) {
	tests := []struct {
		name string
		r    profile.StartRequest
		at   time.Duration
		by   profile.EndedBy
	}{
		{"max_duration", profile.StartRequest{}, 10 * time.Minute, profile.EndedByMaxDuration},
		{"duration", profile.StartRequest{Duration: 3 * time.Second}, 3 * time.Second, profile.EndedByDuration},
		{"requests", profile.StartRequest{NumRequests: 4, Duration: time.Minute}, 4 * time.Second, profile.EndedByNumRequests},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := coretest.New(t, coretest.Options{})
				id := start(t, c, tt.r).ID
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() { // a request each second
					for {
						select {
						case <-time.After(time.Second):
							c.Profiles.CountRequest()
						case <-ctx.Done():
							return
						}
					}
				}()
				time.Sleep(tt.at - time.Millisecond)
				if v, _ := c.Profiles.Get(id); v.State != profile.StateRecording {
					t.Errorf("before the end: %s", v.State)
				}
				time.Sleep(2 * time.Millisecond)
				synctest.Wait()
				if v, _ := c.Profiles.Get(id); v.State != profile.StateComplete || v.EndedBy != tt.by {
					t.Errorf("after the end: %s by %s", v.State, v.EndedBy)
				}
				nothingLeft(t, c)
				_, err := c.Profiles.Stop(t.Context(), "")
				code(t, err, profile.CodeNoActive)
				if v, ok := c.Profiles.Uncollected(); !ok || v.ID != id {
					t.Errorf("uncollected: %v %+v", ok, v)
				}
				if _, ok := c.Profiles.Uncollected(); ok {
					t.Error("it was collected twice")
				}
			})
		})
	}
}

func TestCollected(t *testing.T) {
	tests := []struct {
		name string
		do   func(*testing.T, *coretest.Core, string)
		want bool
	}{
		{"left alone", func(*testing.T, *coretest.Core, string) {}, true},
		{"stopped by id", func(t *testing.T, c *coretest.Core, id string) { stop(t, c, id) }, false},
		{"only looked at", func(t *testing.T, c *coretest.Core, id string) { c.Profiles.Get(id) }, true},
		{"deleted", func(t *testing.T, c *coretest.Core, id string) {
			if err := c.Profiles.Delete(id); err != nil {
				t.Error(err)
			}
		}, false},
		{"followed by another", func(t *testing.T, c *coretest.Core, _ string) {
			start(t, c, profile.StartRequest{})
			stop(t, c, "")
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := coretest.New(t, coretest.Options{})
				id := start(t, c, profile.StartRequest{Duration: time.Second}).ID
				time.Sleep(2 * time.Second)
				tt.do(t, c, id)
				if _, ok := c.Profiles.Uncollected(); ok != tt.want {
					t.Errorf("uncollected: %v", ok)
				}
			})
		})
	}
}

// Whoever stops a profile and does not wait for its end can come back for the result.
func TestStopWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		c.Exporters["chrome"].OnFinish = func(context.Context, wireFinish) error { time.Sleep(time.Minute); return nil }
		id := start(t, c, profile.StartRequest{}).ID
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if v, err := c.Profiles.Stop(ctx, ""); err != nil || v.State != profile.StateExporting {
			t.Errorf("stop: %+v, %v", v, err)
		}
		time.Sleep(time.Hour)
		if v, ok := c.Profiles.Uncollected(); !ok || v.ID != id || v.State != profile.StateComplete {
			t.Errorf("uncollected: %v %+v", ok, v)
		}
		start(t, c, profile.StartRequest{})
		stop(t, c, "")
		if v, ok := c.Profiles.Uncollected(); ok {
			t.Errorf("a result that was answered is uncollected: %+v", v)
		}
	})
}

// A stop that comes while the profile starts is not lost, also when the one who asked has gone.
func TestStopWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		c.Resize.OnStart = func(context.Context, trace.Start) error { time.Sleep(time.Second); return nil }
		started := make(chan profile.View)
		go func() {
			v, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
			if err != nil {
				t.Error(err)
			}
			started <- v
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		v, err := c.Profiles.Stop(ctx, "")
		if err != nil || v.State != profile.StateStarting {
			t.Errorf("stop: %s, %v", v.State, err)
		}
		id := (<-started).ID
		synctest.Wait()
		if v, _ := c.Profiles.Get(id); v.State != profile.StateComplete || v.EndedBy != profile.EndedByStop {
			t.Errorf("view %+v", v)
		}
	})
}

// A stop that waits for a start that fails says that there is nothing to stop.
func TestStopWhileStartFails(t *testing.T) {
	for _, byID := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := coretest.New(t, coretest.Options{})
			c.Resize.OnStart = func(context.Context, trace.Start) error { time.Sleep(time.Second); return errBoom }
			failed := make(chan error)
			go func() {
				_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
				failed <- err
			}()
			synctest.Wait()
			id, want := "", profile.CodeNoActive
			if byID {
				id, want = c.Profiles.List()[0].ID, profile.CodeNotFound
			}
			stopped := make(chan error)
			go func() {
				_, err := c.Profiles.Stop(t.Context(), id)
				stopped <- err
			}()
			code(t, <-failed, profile.CodeRecordingFailed)
			code(t, <-stopped, want)
		})
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		c.Exporters["chrome"].OnFinish = func(context.Context, wireFinish) error { time.Sleep(time.Second); return nil }
		id := start(t, c, profile.StartRequest{}).ID
		if err := c.Profiles.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if v, _ := c.Profiles.Get(id); v.State != profile.StateComplete || v.EndedBy != profile.EndedByShutdown {
			t.Errorf("view %+v", v)
		}
		_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
		code(t, err, profile.CodeShuttingDown)
	})
}

func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		c.Exporters["chrome"].OnFinish = func(ctx context.Context, _ wireFinish) error { return hang(ctx) }
		id := start(t, c, profile.StartRequest{}).ID
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Profiles.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		v := manifest(t, c, id)
		if v.State != profile.StateFailed || !strings.Contains(v.Error, "the server shut down") {
			t.Errorf("manifest %s: %s", v.State, v.Error)
		}
		if names := dirs(t, c.Dir+"/"+id+"/recording"); len(names) != 4 { // the manifest and a segment a process
			t.Errorf("the recording was not kept: %v", names)
		}
	})
}
