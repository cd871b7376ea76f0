package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

// TestCompatWireForms sends requests as the named clients put them on the wire: method, type, body. They are written from
// what those clients document and were seen to send.
func TestCompatWireForms(t *testing.T) {
	cpuGPU, err := profile.ParseActivities([]string{"CPU", "GPU"})
	if err != nil {
		t.Fatal(err)
	}
	mem, _ := profile.ParseActivities([]string{"CPU", "GPU", "MEM"})
	for name, c := range map[string]struct {
		method, contentType, body string
		want                      profile.StartRequest
		ignored                   []string
		waits                     bool // the answer comes when the artifacts are complete
	}{
		"SGLang's profiler.py": {http.MethodPost, typeJSON,
			`{"output_dir": "/tmp/1790000000.5", "num_steps": "5", "activities": ["CPU", "GPU", "MEM", "RPD"], "profile_by_stage": false, "merge_profiles": false, "profile_prefix": null, "start_step": "3"}`,
			profile.StartRequest{NumSteps: 5, StartStep: 3, Activities: mem},
			[]string{"activities.RPD", "merge_profiles", "output_dir", "profile_by_stage", "profile_prefix"}, true},
		"SGLang's bench_serving, which starts its requests after the answer": {http.MethodPost, typeJSON,
			`{"activities": ["CPU", "GPU"], "num_steps": 5, "profile_by_stage": false, "profile_stages": null, "output_dir": "/tmp/1790000000.5", "profile_prefix": null}`,
			profile.StartRequest{NumSteps: 5, Activities: cpuGPU},
			[]string{"output_dir", "profile_by_stage", "profile_prefix", "profile_stages"}, false},
		"SGLang's bench_serving without steps": {http.MethodPost, typeJSON,
			`{"activities": [], "num_steps": null, "profile_by_stage": null, "profile_stages": null, "output_dir": "/tmp/1", "profile_prefix": null}`,
			profile.StartRequest{}, []string{"output_dir", "profile_by_stage", "profile_prefix", "profile_stages"}, false},
		"SGLang by curl with an id": {http.MethodPost, typeJSON, `{"profile_id": "1790000000.5", "num_steps": 2}`,
			profile.StartRequest{Label: "1790000000.5", NumSteps: 2}, []string{}, false},
		"a label goes before an id": {http.MethodPost, typeJSON, `{"profile_id": 17, "label": "mine"}`,
			profile.StartRequest{Label: "mine"}, []string{"profile_id"}, false},
		"a number for an id":       {http.MethodPost, typeJSON, `{"profile_id": 17}`, profile.StartRequest{Label: "17"}, []string{}, false},
		"zero is none":             {http.MethodPost, typeJSON, `{"num_steps": 0, "start_step": "0"}`, profile.StartRequest{}, []string{}, false},
		"CPU in small letters":     {http.MethodPost, typeJSON, `{"activities": "cpu,gpu"}`, profile.StartRequest{Activities: cpuGPU}, []string{}, false},
		"a list as Python's forms": {http.MethodPost, typeForm, "activities=CPU&activities=GPU&stages=0&stages=1", profile.StartRequest{Activities: cpuGPU, Stages: []int{0, 1}}, []string{}, false},
		"TensorRT-LLM": {http.MethodPost, typeJSON, `{"output_dir": "/tmp/trtllm", "num_steps": 3, "start_step": 10, "activities": ["CPU", "GPU", "CUDA_PROFILER"]}`,
			profile.StartRequest{NumSteps: 3, StartStep: 10, Activities: cpuGPU}, []string{"activities.CUDA_PROFILER", "output_dir"}, true},
		"TensorRT-LLM that will not wait": {http.MethodPost, typeJSON, `{"output_dir": "/tmp/trtllm", "num_steps": 3, "wait": false}`,
			profile.StartRequest{NumSteps: 3}, []string{"output_dir"}, false},
		"SkyRL":         {http.MethodPost, typeJSON, `{}`, profile.StartRequest{}, []string{}, false},
		"Triton, a GET": {http.MethodGet, "", "", profile.StartRequest{}, []string{}, false},
		"Dynolog-like": {http.MethodPost, typeJSON,
			`{"fn": "setKinetOnDemandRequest", "config": "ACTIVITIES_LOG_FILE=/tmp/a.json\nACTIVITIES_DURATION_MSECS=500", "job_id": 0, "pids": [0], "process_limit": 3}`,
			profile.StartRequest{}, []string{"config", "fn", "job_id", "pids", "process_limit"}, false},
		"a whole generation": {http.MethodPost, typeJSON,
			`{"model": "demo", "prompt": "cat", "n": 1, "size": "64x64", "response_format": "b64_json", "num_inference_steps": 4, "seed": 7, "profile": true}`,
			profile.StartRequest{}, []string{"model", "n", "num_inference_steps", "profile", "prompt", "response_format", "seed", "size"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.profiles.endsAtOnce = c.waits
			w := h.do(request(c.method, "/start_profile", c.contentType, strings.NewReader(c.body)))
			start := decode[compatReply](t, w)
			if w.Code != 200 || start.Status != "SUCCESS" || start.State.Final() != c.waits {
				t.Fatalf("start: %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(c.want, h.profiles.starts[0]); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.ignored, start.Ignored); diff != "" {
				t.Error(diff)
			}
			if w := h.do(request(c.method, "/stop_profile", c.contentType, strings.NewReader(c.body))); w.Code != 200 {
				t.Errorf("stop: %d %s", w.Code, w.Body)
			}
		})
	}
}

const sglangBody = `{"output_dir": "/tmp/x", "num_steps": "5", "merge_profiles": false}`

// TestCompatAwaits: the answer to SGLang's profiling script comes with the artifacts, and not before.
func TestCompatAwaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		ended := make(chan struct{})
		h.profiles.done = map[string]chan struct{}{idOne: ended}
		began := time.Now()
		time.AfterFunc(7*time.Minute, func() {
			v := fakeView(idOne)
			v.EndedBy = profile.EndedByNumSteps
			h.profiles.mu.Lock()
			h.profiles.put(v)
			h.profiles.mu.Unlock()
			close(ended)
		})
		r := decode[compatReply](t, h.postJSON("/start_profile", sglangBody))
		if r.State != profile.StateComplete || len(r.Artifacts) != 1 || r.EndedBy != profile.EndedByNumSteps {
			t.Errorf("%+v", r)
		}
		if took := time.Since(began); took != 7*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// TestCompatAwaitsFailure: a profile that failed meanwhile is an error with its result beside it.
func TestCompatAwaitsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		ended := make(chan struct{})
		h.profiles.done = map[string]chan struct{}{idOne: ended}
		time.AfterFunc(time.Minute, func() {
			v := fakeView(idOne)
			v.State, v.Exports[0].State, v.Exports[0].Error = profile.StateFailed, profile.ExportFailed, "disk full"
			h.profiles.mu.Lock()
			h.profiles.put(v)
			h.profiles.mu.Unlock()
			close(ended)
		})
		w := h.postJSON("/start_profile", sglangBody)
		wantError(t, w, 500, codeProfilerFailed, "")
		if !strings.Contains(w.Body.String(), `"status":"FAILED"`) {
			t.Error(w.Body)
		}
	})
}

// TestCompatAwaitsShutdown: a server that goes down does not wait for the steps.
func TestCompatAwaitsShutdown(t *testing.T) {
	h := newHarness(t)
	time.AfterFunc(time.Millisecond, h.server.EndStreams)
	w := h.postJSON("/start_profile", sglangBody)
	if e := wantError(t, w, 503, codeShuttingDown, ""); !strings.Contains(e.Message, idOne) || w.Header().Get("Retry-After") == "" {
		t.Error(e.Message)
	}
}

func TestServerInfo(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{"/server_info", "/get_server_info"} {
		got := decode[serverInfo](t, h.get(path))
		got.StartedAt = 0
		want := serverInfo{Version: "0.1.0", ModelPath: "emoji", ServedModelName: "emoji", InternalStates: []internalState{
			{Stage: "diffusion", Plugin: "dit", Ranks: 2, RanksUp: 2}, {Stage: "resize", Plugin: "resize", Ranks: 1, RanksUp: 1}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
