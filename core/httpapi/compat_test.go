package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

// cpuAndGPU is what SGLang's CPU and GPU stand for.
var cpuAndGPU = []profile.Activity{profile.ActivityRequest, profile.ActivityStep, profile.ActivityBlock, profile.ActivityOperator, profile.ActivityCounter, profile.ActivityDevice}

// TestCompatBodies sends what the named clients send to both routes.
func TestCompatBodies(t *testing.T) {
	editType, editBody := multipartBody(t,
		formPart{name: "model", data: "demo"}, formPart{name: "prompt", data: "cat"}, formPart{name: "size", data: "64x64"},
		formPart{"image", "a.png", "image/png", string(testPNG(t, 2, 2))})
	for name, c := range map[string]struct {
		method, contentType, body string
		query                     string
		want                      profile.StartRequest
		ignored                   []string
		waits                     bool // the start is answered when the artifacts are complete
	}{
		"vLLM":             {"POST", "", "", "", profile.StartRequest{}, []string{}, false},
		"vLLM-Omni stages": {"POST", typeJSON, `{"stages":[0,1]}`, "", profile.StartRequest{Stages: []int{0, 1}}, []string{}, false},
		"vllm bench serve --omni, chat": {"POST", typeJSON,
			`{"model":"demo","messages":[{"role":"user","content":"x"}],"stream":true,"extra_body":{"seed":7}}`, "",
			profile.StartRequest{}, []string{"extra_body", "messages", "model", "stream"}, false},
		"vllm bench serve --omni, edits": {"POST", editType, editBody, "", profile.StartRequest{}, []string{"image", "model", "prompt", "size"}, false},
		"SGLang": {"POST", typeJSON,
			`{"output_dir":"../../etc","start_step":1,"num_steps":"5","activities":["CPU","GPU"],"with_stack":true,"record_shapes":false,"profile_by_stage":false,"merge_profiles":false,"profile_prefix":"p","profile_stages":["prefill"]}`, "",
			profile.StartRequest{StartStep: 1, NumSteps: 5, Activities: cpuAndGPU},
			[]string{"merge_profiles", "output_dir", "profile_by_stage", "profile_prefix", "profile_stages", "record_shapes", "with_stack"}, true},
		"SGLang by GET": {"GET", "", "", "", profile.StartRequest{}, []string{}, false},
		"TensorRT-LLM":  {"POST", typeJSON, `{"output_dir":"/tmp","num_steps":3,"activities":["CUDA_PROFILER"]}`, "", profile.StartRequest{NumSteps: 3}, []string{"activities.CUDA_PROFILER", "output_dir"}, true},
		"ours as a form": {"POST", typeForm, "label=x&stages=0,1&num_requests=2&duration_s=0.5&profilers=chrome&other=1", "",
			profile.StartRequest{Label: "x", Stages: []int{0, 1}, NumRequests: 2, Duration: 500 * time.Millisecond, Profilers: []string{"chrome"}}, []string{"other"}, false},
		"ours as a query":            {"GET", "", "", "?stages=1&label=q&x=", profile.StartRequest{Stages: []int{1}, Label: "q"}, []string{"x"}, false},
		"strings for numbers":        {"POST", typeJSON, `{"stages":["0","1"],"num_requests":"2"}`, "", profile.StartRequest{Stages: []int{0, 1}, NumRequests: 2}, []string{}, false},
		"JSON without a type":        {"POST", "", `{"label":"x"}`, "", profile.StartRequest{Label: "x"}, []string{}, false},
		"a JSON array":               {"POST", typeJSON, `[1,2]`, "", profile.StartRequest{}, []string{}, false},
		"JSON null":                  {"POST", typeJSON, `null`, "", profile.StartRequest{}, []string{}, false},
		"empty JSON body":            {"POST", typeJSON, ``, "", profile.StartRequest{}, []string{}, false},
		"text that nobody asked for": {"POST", "text/plain", "hello", "", profile.StartRequest{}, []string{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.profiles.endsAtOnce = c.waits
			w := h.do(request(c.method, "/start_profile"+c.query, c.contentType, strings.NewReader(c.body)))
			start := decode[compatReply](t, w)
			if w.Code != 200 || start.Status != "SUCCESS" || start.ID != idOne || start.State.Final() != c.waits {
				t.Fatalf("start: %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(c.want, h.profiles.starts[0]); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.ignored, start.Ignored); diff != "" {
				t.Error(diff)
			}
			w = h.do(request(c.method, "/stop_profile"+c.query, c.contentType, strings.NewReader(c.body)))
			stop := decode[compatReply](t, w)
			if w.Code != 200 || stop.Status != "SUCCESS" || stop.State != profile.StateComplete || len(stop.Traces) != 1 || len(stop.Artifacts) != 1 {
				t.Fatalf("stop: %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestCompatReplyShape(t *testing.T) {
	h := newHarness(t)
	h.postJSON("/start_profile", "")
	var got map[string]json.RawMessage
	if err := json.Unmarshal(h.postJSON("/stop_profile", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"status", "id", "state", "artifacts", "traces", "losses", "warnings", "ignored", "processes", "exports"} {
		if len(got[key]) == 0 || string(got[key]) == "null" {
			t.Errorf("%s is %s", key, got[key])
		}
	}
}

func TestCompatConflicts(t *testing.T) {
	h := newHarness(t)
	wantError(t, h.postJSON("/stop_profile", ""), 409, codeNoActiveProfile, "")
	h.postJSON("/start_profile", "")
	if e := wantError(t, h.postJSON("/start_profile", ""), 409, codeProfileActive, ""); !strings.Contains(e.Message, idOne) {
		t.Error(e.Message)
	}
	h.postJSON("/stop_profile", "")

	ended := fakeView("20261123-110000-000001")
	ended.EndedBy = profile.EndedByMaxDuration
	h.profiles.put(ended)
	h.profiles.uncollected = ended.ID
	if r := decode[compatReply](t, h.postJSON("/stop_profile", "")); r.ID != ended.ID || r.EndedBy != profile.EndedByMaxDuration {
		t.Errorf("the profile that ended by itself: %+v", r)
	}
	wantError(t, h.postJSON("/stop_profile", ""), 409, codeNoActiveProfile, "")
}

func TestCompatBadValues(t *testing.T) {
	h := newHarness(t)
	wantError(t, h.postJSON("/start_profile", `{"stages":["x"]}`), 400, codeInvalidValue, "stages")
	wantError(t, h.postJSON("/start_profile", `{"stages":`), 400, codeInvalidJSON, "")
	wantError(t, h.do(request("POST", "/start_profile", "multipart/form-data; boundary=x", strings.NewReader("zzz"))), 400, codeInvalidValue, "")
}

// TestCompatFailure: a rank or a profiler that failed is never a 200, and what exists is in the reply all the same.
func TestCompatFailure(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*profile.View)
		code  string
		says  string
	}{
		"profiler": {func(v *profile.View) {
			v.State, v.Exports[0].State, v.Exports[0].Error = profile.StateFailed, profile.ExportFailed, "disk full"
		}, codeProfilerFailed, "chrome: disk full"},
		"rank": {func(v *profile.View) { v.State, v.Processes[0].Error = profile.StateFailed, "it was killed" }, codeProfileFailed, "it was killed"},
		"said": {func(v *profile.View) { v.State, v.Error = profile.StateFailed, "everything broke" }, codeProfileFailed, "everything broke"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.profiles.stopped = func(_ context.Context, v profile.View) profile.View { c.spoil(&v); return v }
			h.postJSON("/start_profile", "")
			w := h.postJSON("/stop_profile", "")
			if e := wantError(t, w, 500, c.code, ""); !strings.Contains(e.Message, c.says) || !strings.Contains(e.Message, idOne) {
				t.Error(e.Message)
			}
			var rest struct {
				Status    string
				ID        string
				Artifacts []profile.Artifact
			}
			if err := json.Unmarshal(w.Body.Bytes(), &rest); err != nil || rest.Status != "FAILED" || rest.ID != idOne || len(rest.Artifacts) != 1 {
				t.Errorf("%v: %s", err, w.Body)
			}
			w = h.do(request(http.MethodPost, "/v1/profiles/"+idOne+"/stop", "", nil))
			if v := decode[profile.View](t, w); w.Code != 200 || v.State != profile.StateFailed {
				t.Errorf("the strict route: %d %s", w.Code, v.State)
			}
		})
	}
}

// TestCompatStopDeadline: the reply comes within 50 s although the export does not end.
func TestCompatStopDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.postJSON("/start_profile", "")
		h.profiles.stopped = func(ctx context.Context, v profile.View) profile.View {
			<-ctx.Done()
			v.State = profile.StateExporting
			v.Exports[0].State = profile.ExportRunning
			return v
		}
		began := time.Now()
		w := h.postJSON("/stop_profile", "")
		if r := decode[compatReply](t, w); w.Code != 200 || r.State != profile.StateExporting || r.Status != "SUCCESS" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if took := time.Since(began); took > 50*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
