package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// streamed is a reply that a test reads while it is written. Its writes can be held up.
type streamed struct {
	mu     sync.Mutex
	header http.Header
	status int
	text   strings.Builder
	hold   chan struct{} // writes wait until it is closed; nil: they do not
	gone   bool          // writes fail
}

func (s *streamed) Header() http.Header { return s.header }
func (s *streamed) WriteHeader(n int)   { s.status = n }
func (s *streamed) Flush()              {}
func (s *streamed) Write(p []byte) (int, error) {
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return 0, http.ErrHandlerTimeout
	}
	return s.text.Write(p)
}

func (s *streamed) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// event is one of a stream.
type event struct {
	id, name string
	data     progress
}

func readEvents(t *testing.T, text string) (events []event, comments []string) {
	t.Helper()
	var e event
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && e.name != "":
			events, e = append(events, e), event{}
		case strings.HasPrefix(line, ":"):
			comments = append(comments, line)
		case key == "id":
			e.id = value
		case key == "event":
			e.name = value
		case key == "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				t.Fatal(err)
			}
		}
	}
	return events, comments
}

// watching begins a stream in the background. ended is closed when the handler has returned.
func watching(ctx context.Context, h *harness, w *streamed, headers ...string) (ended chan struct{}) {
	w.header, ended = http.Header{}, make(chan struct{})
	r := request(http.MethodGet, "/v1/profiles/"+idOne+"/events", "", nil, headers...).WithContext(ctx)
	go func() {
		defer close(ended)
		h.server.ServeHTTP(w, r)
	}()
	return ended
}

// recordingOne puts a profile that records and says how to change it and how to end it.
func recordingOne(h *harness) (change func(func(*profile.View)), end func()) {
	v := fakeView(idOne)
	v.State, v.EndedBy = profile.StateRecording, ""
	h.profiles.put(v)
	done := make(chan struct{})
	h.profiles.done = map[string]chan struct{}{idOne: done}
	change = func(f func(*profile.View)) {
		h.profiles.mu.Lock()
		defer h.profiles.mu.Unlock()
		v := h.profiles.views[idOne]
		f(&v)
		h.profiles.views[idOne] = v
	}
	return change, func() {
		change(func(v *profile.View) { v.State, v.EndedBy = profile.StateComplete, profile.EndedByStop })
		close(done)
	}
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		change, end := recordingOne(h)
		w := &streamed{}
		ended := watching(t.Context(), h, w, "Last-Event-ID", "no such thing")
		synctest.Wait()
		if events, _ := readEvents(t, w.String()); len(events) != 1 || events[0].id != "1" || events[0].name != "progress" || events[0].data.State != profile.StateRecording {
			t.Fatalf("at once: %q", w)
		}
		if w.header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(w.String(), "retry: 2000\n\n") {
			t.Errorf("%v %q", w.header, w)
		}
		for i := range 100 { // 10 s of changes, ten a second
			change(func(v *profile.View) { v.Requests, v.DurationS = int64(i), float64(i)/10 })
			time.Sleep(100 * time.Millisecond)
		}
		events, comments := readEvents(t, w.String())
		if n := len(events); n < 20 || n > 22 || len(comments) != 0 {
			t.Errorf("%d events in 10 s, comments %q", n, comments)
		}
		time.Sleep(time.Minute) // nothing changes
		more, comments := readEvents(t, w.String())
		if len(more) > len(events)+1 || len(comments) != 4 && len(comments) != 3 {
			t.Errorf("%d events and %d comments in a quiet minute", len(more)-len(events), len(comments))
		}
		end()
		synctest.Wait() // at once, not at the next tick
		select {
		case <-ended:
		default:
			t.Fatal("the stream goes on after the profile's end")
		}
		events, _ = readEvents(t, w.String())
		if last := events[len(events)-1]; last.id != "end" || last.name != "end" || last.data.State != profile.StateComplete || last.data.EndedBy != profile.EndedByStop || last.data.Losses.ByReason == nil {
			t.Errorf("last event %+v", last)
		}
	})
}

func TestEventsOfAnEndedProfile(t *testing.T) {
	h := newHarness(t)
	h.profiles.put(fakeView(idOne))
	path := "/v1/profiles/" + idOne + "/events"
	if events, _ := readEvents(t, h.get(path).Body.String()); len(events) != 1 || events[0].name != "end" {
		t.Errorf("%+v", events)
	}
	if w := h.get(path, "Last-Event-ID", "end"); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.do(request(http.MethodHead, path, "", nil)); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	wantError(t, h.get(path+"?every=1s"), 400, codeUnknownParam, "every")
	wantError(t, h.get("/v1/profiles/..%2f..%2fx/events"), 404, codeNotFound, "id")
	wantError(t, h.get("/v1/profiles/20260101-000000-000000/events"), 404, codeNotFound, "id")
}

// TestEventsEnd: a stream ends with its client, with the server, and with a client that takes nothing.
func TestEventsEnd(t *testing.T) {
	for name, end := range map[string]func(h *harness, w *streamed, cancel func()){
		"the client goes":     func(_ *harness, _ *streamed, cancel func()) { cancel() },
		"the server goes":     func(h *harness, _ *streamed, _ func()) { h.server.EndStreams(); h.server.EndStreams() },
		"the connection ends": func(_ *harness, w *streamed, _ func()) { w.mu.Lock(); w.gone = true; w.mu.Unlock() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				change, _ := recordingOne(h)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w := &streamed{}
				ended := watching(ctx, h, w)
				synctest.Wait()
				end(h, w, cancel)
				change(func(v *profile.View) { v.Requests++ })
				time.Sleep(eventsEvery)
				synctest.Wait()
				select {
				case <-ended:
				default:
					t.Fatal("the stream goes on")
				}
				if len(h.server.streams) != 0 {
					t.Error("its place is not free")
				}
			})
		})
	}
}

// TestEventsAreBounded: a client that takes nothing holds its own place and nothing else, and one too many is told so.
func TestEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		_, end := recordingOne(h)
		slow := make(chan struct{})
		var all []chan struct{}
		for range maxStreams - 1 {
			all = append(all, watching(t.Context(), h, &streamed{hold: slow}))
		}
		good := &streamed{}
		goodEnded := watching(t.Context(), h, good)
		synctest.Wait()
		w := h.get("/v1/profiles/" + idOne + "/events")
		wantError(t, w, 429, codeRateLimited, "")
		if w.Header().Get("Retry-After") != "2" {
			t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
		}
		end()
		<-goodEnded
		if w := h.get("/v1/profiles/" + idOne); w.Code != 200 {
			t.Error("a slow client holds others up")
		}
		close(slow)
		for _, ended := range all {
			<-ended
		}
	})
}

// TestEventsOverHTTP is a stream through a real server with its limits of time, which a quiet stream outlives.
func TestEventsOverHTTP(t *testing.T) {
	for name, two := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const limit = 500 * time.Millisecond // a busy machine's TLS handshake is within it
			h := newHarness(t, func(o *Options) { o.Limits.StallTimeout = limit })
			_, end := recordingOne(h)
			srv := httptest.NewUnstartedServer(h.server)
			srv.Config.ReadTimeout = limit
			if srv.EnableHTTP2 = two; two {
				srv.StartTLS()
			} else {
				srv.Start()
			}
			defer srv.Close()
			resp, err := srv.Client().Get(srv.URL + "/v1/profiles/" + idOne + "/events")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.Proto != name {
				t.Fatal(resp.Proto)
			}
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
			}
			time.Sleep(3 * limit)
			end()
			var rest []string
			for lines.Scan() {
				rest = append(rest, lines.Text())
			}
			if lines.Err() != nil || !strings.Contains(strings.Join(rest, "\n"), "event: end") {
				t.Errorf("%v %q", lines.Err(), rest)
			}
		})
	}
}
