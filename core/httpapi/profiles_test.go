package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

func TestProfileLife(t *testing.T) {
	h := newHarness(t)
	w := h.postJSON("/v1/profiles", `{"profilers":["chrome"],"label":"nightly","stages":[0],"num_requests":3,"duration_s":1.5,
		"model":"demo","ranks":[0],"activities":["GPU","step"],"min_duration_us":5,"num_steps":7,"start_step":2,"start_after_s":0.25,"max_bytes":33554432,"record_prompts":true}`)
	started := decode[profile.View](t, w)
	if w.Code != 200 || started.State != profile.StateRecording || w.Header().Get("Location") != "/v1/profiles/"+idOne {
		t.Fatalf("start: %d %s", w.Code, w.Body)
	}
	want := profile.StartRequest{Profilers: []string{"chrome"}, Label: "nightly", Stages: []int{0}, NumRequests: 3, Duration: 1500 * time.Millisecond,
		Model: "demo", Ranks: []int{0}, Activities: []profile.Activity{profile.ActivityDevice, profile.ActivityStep}, MinDuration: 5 * time.Microsecond, NumSteps: 7, StartStep: 2,
		StartAfter: 250 * time.Millisecond, MaxBytes: 32 << 20, RecordPrompts: true}
	if diff := cmp.Diff(want, h.profiles.starts[0]); diff != "" {
		t.Error(diff)
	}
	e := wantError(t, h.postJSON("/v1/profiles", ""), 409, codeProfileActive, "")
	if !strings.Contains(e.Message, idOne) {
		t.Errorf("the second start does not name the first: %s", e.Message)
	}
	wantError(t, h.do(request(http.MethodDelete, "/v1/profiles/"+idOne, "", nil)), 409, codeProfileActive, "")

	stop := "/v1/profiles/" + idOne + "/stop"
	for range 2 {
		w = h.do(request(http.MethodPost, stop, "", nil))
		if v := decode[profile.View](t, w); w.Code != 200 || v.State != profile.StateComplete || len(v.Artifacts) != 1 {
			t.Fatalf("stop: %d %s", w.Code, w.Body)
		}
	}
	list := decode[struct{ Profiles []profile.View }](t, h.get("/v1/profiles"))
	one := decode[profile.View](t, h.get("/v1/profiles/"+idOne))
	if len(list.Profiles) != 1 || list.Profiles[0].ID != one.ID {
		t.Errorf("list %v, one %v", list, one.ID)
	}
	files := decode[struct{ Artifacts []profile.Artifact }](t, h.get("/v1/profiles/"+idOne+"/artifacts"))
	if diff := cmp.Diff(one.Artifacts, files.Artifacts); diff != "" {
		t.Error(diff)
	}
	w = h.do(request(http.MethodDelete, "/v1/profiles/"+idOne, "", nil))
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"id":"`+idOne+`","object":"profile.deleted","deleted":true}` {
		t.Fatalf("delete: %d %s", w.Code, w.Body)
	}
	wantError(t, h.get("/v1/profiles/"+idOne), 404, codeNotFound, "id")
	if w := h.get("/v1/profiles"); strings.TrimSpace(w.Body.String()) != `{"profiles":[],"next":null}` {
		t.Errorf("an empty list is %s", w.Body)
	}
	if !strings.Contains(h.log.String(), "profile="+idOne) {
		t.Error("the access log does not name the profile")
	}
}

func TestProfileStrict(t *testing.T) {
	for name, c := range map[string]struct{ body, code, param, says string }{
		"near miss":         {`{"profiler":["chrome"]}`, codeUnknownParam, "profiler", `did you mean "profilers"?`},
		"far miss":          {`{"zzzzzzzz":["CPU"]}`, codeUnknownParam, "zzzzzzzz", "the body takes model, profilers, stages"},
		"output_dir":        {`{"output_dir":"/tmp/x"}`, codeUnsupported, "output_dir", "profile.dir"},
		"stages a text":     {`{"stages":"abc"}`, codeInvalidValue, "stages", "list of numbers from 0"},
		"stages negative":   {`{"stages":[-1]}`, codeInvalidValue, "stages", "list of numbers from 0"},
		"stages nested":     {`{"stages":[[0]]}`, codeInvalidValue, "stages", "list"},
		"profilers numbers": {`{"profilers":{"a":1}}`, codeInvalidValue, "profilers", "array"},
		"label a number":    {`{"label":5}`, codeInvalidValue, "label", "string"},
		"num_requests 0":    {`{"num_requests":0}`, codeInvalidValue, "num_requests", "from 1"},
		"ranks a text":      {`{"ranks":"x"}`, codeInvalidValue, "ranks", "list of numbers from 0"},
		"an activity":       {`{"activities":["steps"]}`, codeInvalidValue, "activities", "request, step, block"},
		"min_duration -1":   {`{"min_duration_us":-1}`, codeInvalidValue, "min_duration_us", "from 0"},
		"num_steps 0":       {`{"num_steps":0}`, codeInvalidValue, "num_steps", "from 1"},
		"start_step a text": {`{"start_step":"soon"}`, codeInvalidValue, "start_step", "whole number"},
		"start_after -1":    {`{"start_after_s":-1}`, codeInvalidValue, "start_after_s", "from 0"},
		"max_bytes 0":       {`{"max_bytes":0}`, codeInvalidValue, "max_bytes", "from 1"},
		"prompts":           {`{"record_prompts":"perhaps"}`, codeInvalidValue, "record_prompts", "true or false"},
		"model a number":    {`{"model":1}`, codeInvalidValue, "model", "string"},
		"duration -1":       {`{"duration_s":-1}`, codeInvalidValue, "duration_s", "from"},
		"duration huge":     {`{"duration_s":1e300}`, codeInvalidValue, "duration_s", "from"},
		"bad JSON":          {`{`, codeInvalidJSON, "", "byte"},
		"an array":          {`[]`, codeInvalidJSON, "", "object"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			if e := wantError(t, h.postJSON("/v1/profiles", c.body), 400, c.code, c.param); !strings.Contains(e.Message, c.says) {
				t.Error(e.Message)
			}
			if len(h.profiles.starts) != 0 {
				t.Error("it was started all the same")
			}
		})
	}
	h := newHarness(t)
	wantError(t, h.do(request(http.MethodPost, "/v1/profiles", typeForm, strings.NewReader("label=x"))), 415, codeMediaType, "")
	if w := h.do(request(http.MethodPost, "/v1/profiles", "", nil)); w.Code != 200 {
		t.Errorf("no body: %d", w.Code)
	}
}

func TestProfileErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err    *profile.Error
		status int
		code   string
		param  string
	}{
		"rank down":     {&profile.Error{Code: profile.CodeRankUnavailable, Message: "stage_0_diffusion_rank0 is loading"}, 503, codeRankUnavailable, ""},
		"profiler":      {&profile.Error{Code: profile.CodeProfilerFailed, Message: "profiler(chrome): no"}, 500, codeProfilerFailed, ""},
		"recording":     {&profile.Error{Code: profile.CodeRecordingFailed, Message: "core: no"}, 500, codeRecordingFailed, ""},
		"folder":        {&profile.Error{Code: profile.CodeDir, Param: "profile.dir", Message: "a file is in its place"}, 500, codeProfileDir, "profile.dir"},
		"invalid":       {&profile.Error{Code: profile.CodeInvalid, Param: "profilers", Message: "no such"}, 400, codeInvalidValue, "profilers"},
		"off":           {&profile.Error{Code: profile.CodeOff, Message: "off"}, 404, codeProfilingOff, ""},
		"shutting down": {&profile.Error{Code: profile.CodeShuttingDown, Message: "bye"}, 503, codeShuttingDown, ""},
		"unheard of":    {&profile.Error{Code: "new", Message: "new"}, 500, codeInternal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.profiles.startErr = c.err
			for _, path := range []string{"/v1/profiles", "/start_profile"} {
				if e := wantError(t, h.postJSON(path, `{}`), c.status, c.code, c.param); !strings.HasPrefix(e.Message, c.err.Message) && c.code != codeInternal {
					t.Error(e.Message)
				}
			}
		})
	}
}

func TestProfilingOff(t *testing.T) {
	h := newHarness(t, func(o *Options) {
		o.Profiles, o.ProfilingOff = nil, "no profiler is configured: serve --profiler chrome"
	})
	for _, r := range []*http.Request{
		request(http.MethodPost, "/start_profile", "", nil), request(http.MethodGet, "/stop_profile", "", nil),
		request(http.MethodPost, "/v1/profiles", typeJSON, strings.NewReader("{}")), request(http.MethodGet, "/v1/profiles", "", nil),
		request(http.MethodGet, "/v1/profiles/x/artifacts/y", "", nil),
	} {
		if e := wantError(t, h.do(r), 404, codeProfilingOff, ""); !strings.HasPrefix(e.Message, "no profiler is configured") {
			t.Error(e.Message)
		}
	}
	if w := h.postJSON(generations, `{"prompt":"cat"}`); w.Code != 200 {
		t.Errorf("generation: %d", w.Code)
	}
	if w := h.get("/metrics"); w.Code != 200 || strings.Contains(w.Body.String(), "strobe_profiles{") {
		t.Errorf("metrics: %d", w.Code)
	}
}

func TestHostileIDs(t *testing.T) {
	h := newHarness(t)
	h.postJSON("/v1/profiles", "{}")
	for _, id := range []string{"..%2f..%2fetc", "%2e%2e", "a%00b", "x%5cy", strings.Repeat("a", 65), "%F0%9F%98%80", "a b"[:1] + "%20b", "%0d%0aX:1"} {
		for _, r := range []*http.Request{
			request(http.MethodGet, "/v1/profiles/"+id, "", nil), request(http.MethodDelete, "/v1/profiles/"+id, "", nil),
			request(http.MethodPost, "/v1/profiles/"+id+"/stop", "", nil), request(http.MethodGet, "/v1/profiles/"+id+"/summary", "", nil),
			request(http.MethodGet, "/v1/profiles/"+id+"/artifacts", "", nil), request(http.MethodGet, "/v1/profiles/"+id+"/artifacts/x", "", nil),
		} {
			w := h.do(r)
			if w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusMovedPermanently || w.Code == http.StatusPermanentRedirect {
				continue // the path was cleaned; its target is another route's business
			}
			if w.Code != 404 {
				t.Errorf("%s %s: %d", r.Method, r.URL, w.Code)
			}
			if w.Header().Get("X") != "" {
				t.Error("a header was injected")
			}
		}
	}
}

func TestSummary(t *testing.T) {
	h := newHarness(t)
	h.postJSON("/v1/profiles", "{}")
	path := "/v1/profiles/" + idOne + "/summary"
	wantError(t, h.get(path), 409, codeProfileActive, "")
	h.profiles.put(fakeView(idOne))
	for name, c := range map[string]struct {
		query, accept string
		text          bool
	}{
		"default": {"", "", false}, "anything": {"", "*/*", false}, "browser": {"", "text/html,application/json", false},
		"text": {"", "text/plain", true}, "both": {"", "text/plain, application/json", false},
		"format": {"?format=text", "application/json", true}, "format json": {"?format=json", "text/plain", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := h.get(path+c.query, "Accept", c.accept)
			text := strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain")
			if w.Code != 200 || text != c.text || w.Header().Get("Vary") != "Accept" {
				t.Fatalf("%d %s", w.Code, w.Header())
			}
			if !text && !json.Valid(w.Body.Bytes()) {
				t.Error(w.Body)
			}
		})
	}
	wantError(t, h.get(path+"?format=xml"), 400, codeInvalidValue, "format")
	wantError(t, h.get("/v1/profiles/20261123-100312-ffffff/summary"), 404, codeNotFound, "id")
}

// TestStopOutlivesClient: a client that goes away does not take its stop back, and a stop is bounded.
func TestStopOutlivesClient(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.StopWait = 20 * time.Millisecond })
	h.postJSON("/v1/profiles", "{}")
	var ended error
	h.profiles.stopped = func(ctx context.Context, v profile.View) profile.View {
		<-ctx.Done()
		ended = ctx.Err()
		v.State = profile.StateExporting
		return v
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w := h.do(request(http.MethodPost, "/v1/profiles/"+idOne+"/stop", "", nil).WithContext(gone))
	if v := decode[profile.View](t, w); w.Code != 200 || v.State != profile.StateExporting {
		t.Errorf("%d %s", w.Code, v.State)
	}
	if !errors.Is(ended, context.DeadlineExceeded) {
		t.Errorf("the stop ended by %v", ended)
	}
}

// TestProfileMessages: they are about profiles, and write their bounds as people do.
func TestProfileMessages(t *testing.T) {
	h := newHarness(t)
	for body, want := range map[string]string{
		`{"duration_s":1e9}`: "from 0.001 to 1000000",
		`[]`:                 "must be a JSON object: {…}",
		`null`:               "must be a JSON object: {…}",
	} {
		if w := h.postJSON("/v1/profiles", body); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}
