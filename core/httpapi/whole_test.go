package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// wholeServer is this package over TCP in front of the real engine and profile manager, whose plugins are fakes.
func wholeServer(t *testing.T, core *coretest.Core, rec *trace.Recorder) string {
	t.Helper()
	s := httptest.NewServer(checked(t, New(Options{
		Engine: core.Engine, Profiles: core.Profiles, Recorder: rec, Loopback: true, Log: slog.New(slog.DiscardHandler),
	})))
	t.Cleanup(s.Close)
	return s.URL
}

// call makes a request and reads the whole reply.
func call(t *testing.T, method, url, contentType, body string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, data
}

func TestWholeProfile(t *testing.T) {
	url := wholeServer(t, coretest.New(t, coretest.Options{Replicas: 2}), nil)
	if status, body := call(t, "POST", url+"/start_profile", typeJSON, `{"stages":[9]}`); status != 400 || !strings.Contains(string(body), `"param":"stages"`) {
		t.Fatalf("a stage that is not there: %d %s", status, body)
	}
	if status, body := call(t, "POST", url+"/v1/profiles", typeJSON, `{"profilers":["crome"]}`); status != 400 || !strings.Contains(string(body), "chrome") {
		t.Fatalf("a profiler that is not there: %d %s", status, body)
	}
	if status, body := call(t, "POST", url+"/start_profile", "", ""); status != 200 {
		t.Fatalf("start: %d %s", status, body)
	}
	for range 3 {
		if status, body := call(t, "POST", url+generations, typeJSON, `{"prompt":"cat","size":"64x64"}`); status != 200 {
			t.Fatalf("generate: %d %s", status, body)
		}
	}
	status, body := call(t, "POST", url+"/stop_profile", "", "")
	var v struct {
		Status string
		profile.View
	}
	if err := json.Unmarshal(body, &v); err != nil || status != 200 || v.Status != "SUCCESS" || v.State != profile.StateComplete || v.Requests != 3 {
		t.Fatalf("stop: %d %s %v", status, body, err)
	}
	for _, a := range v.Artifacts {
		if status, data := call(t, "GET", url+a.URL, "", ""); status != 200 || int64(len(data)) != a.Bytes {
			t.Errorf("%s: %d, %d bytes of %d", a.URL, status, len(data), a.Bytes)
		}
	}
	if len(v.Artifacts) == 0 {
		t.Error("no artifacts")
	}
	if status, _ := call(t, "POST", url+"/stop_profile", "", ""); status != 409 {
		t.Errorf("an idle stop: %d", status)
	}
}

func TestWholeQueueFull(t *testing.T) {
	core := coretest.New(t, coretest.Options{QueueSize: 1})
	release := make(chan struct{})
	busy := make(chan struct{}, 3)
	core.Diffusion[0].OnGenerate = func(_ context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
		busy <- struct{}{}
		<-release
		return &model.Result{Images: []model.Image{{Width: 1, Height: 1, Pixels: make([]byte, 3)}}}, nil
	}
	url := wholeServer(t, core, nil)
	done := make(chan int, 2)
	for range 2 {
		go func() {
			resp, err := http.Post(url+generations, typeJSON, strings.NewReader(`{"prompt":"cat"}`))
			if err != nil {
				done <- 0
				return
			}
			resp.Body.Close()
			done <- resp.StatusCode
		}()
	}
	<-busy
	for core.Engine.Stats().Queue == 0 { // the second one is on its way
		select {
		case <-t.Context().Done():
			t.Fatal("nobody waits")
		case <-time.After(time.Millisecond):
		}
	}
	resp, err := http.Post(url+generations, typeJSON, strings.NewReader(`{"prompt":"cat"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	close(release)
	if a, b := <-done, <-done; a != 200 || b != 200 {
		t.Errorf("the others got %d and %d", a, b)
	}
}

// span is what the test looks at of a span.
type span struct{ Name, Parent, Request string }

// TestSpans: a request's spans are in the recording, closed, although the recording stops as soon as the client has its reply.
func TestSpans(t *testing.T) {
	rec := trace.New(trace.Options{})
	defer rec.Close()
	url := wholeServer(t, coretest.New(t, coretest.Options{}), rec)
	dir := t.TempDir()
	start := trace.Start{Path: filepath.Join(dir, "core.seg"), Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}, MaxBytes: 8 << 20}
	if err := rec.Start(start); err != nil {
		t.Fatal(err)
	}
	ct, body := multipartBody(t, formPart{name: "prompt", data: "cat"}, formPart{name: "n", data: "2"}, formPart{"image", "a.png", "", string(testPNG(t, 32, 32))})
	r, err := http.NewRequestWithContext(t.Context(), "POST", url+edits, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", ct)
	r.Header.Set("X-Request-Id", "the-one")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, err)
	}
	if _, err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	got := readSpans(t, dir)
	want := []span{
		{"http", "", "the-one"}, {"decode_image", "http", "the-one"}, {"queue_wait", "http", "the-one"}, {"dispatch", "http", "the-one"},
		{"queue_wait", "http", "the-one"}, {"dispatch", "http", "the-one"},
		{"encode_image", "http", "the-one"}, {"encode_image", "http", "the-one"}, {"respond", "http", "the-one"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// readSpans reads the spans of category request in order of their begin; an open one is an error.
func readSpans(t *testing.T, dir string) []span {
	t.Helper()
	var events []recording.Event
	names := map[uint64]string{}
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			if e.Kind == recording.Span && e.Name.Category == trace.CategoryRequest {
				events = append(events, *e)
				names[e.Seq] = e.Name.Text
			}
			if e.Open {
				t.Errorf("span %s is open", e.Name.Text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(events, func(a, b recording.Event) int { return int(a.Seq) - int(b.Seq) })
	var spans []span
	for _, e := range events {
		spans = append(spans, span{e.Name.Text, names[e.Parent], e.Request})
	}
	return spans
}
