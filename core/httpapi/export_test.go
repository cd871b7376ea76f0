package httpapi

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

const exportPath = "/v1/profiles/" + idOne + "/export"

func TestExportProfile(t *testing.T) {
	h := newHarness(t)
	h.profiles.put(fakeView(idOne))
	w := h.postJSON(exportPath, `{"profiler":"otlp"}`)
	if v := decode[profile.View](t, w); w.Code != 200 || v.State != profile.StateComplete {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, how := range []struct{ query, body string }{
		{"?wait=false", `{"profiler":"otlp"}`}, {"", `{"profiler":"otlp","wait":false}`}, {"?wait=true", `{"profiler":"otlp","wait":false}`},
	} {
		if v := decode[profile.View](t, h.postJSON(exportPath+how.query, how.body)); v.State != profile.StateExporting {
			t.Errorf("%+v waited: %s", how, v.State)
		}
	}
	want := profile.ExportRequest{Profiler: "otlp"}
	if diff := cmp.Diff([]profile.ExportRequest{want, want, want, want}, h.profiles.exports); diff != "" {
		t.Error(diff)
	}
}

func TestExportProfileRefused(t *testing.T) {
	for name, c := range map[string]struct {
		path, body  string
		err         error
		status      int
		code, param string
	}{
		"no body":          {exportPath, "", nil, 400, codeMissing, "profiler"},
		"no profiler":      {exportPath, "{}", nil, 400, codeMissing, "profiler"},
		"not a name":       {exportPath, `{"profiler":["chrome"]}`, nil, 400, codeInvalidValue, "profiler"},
		"a list":           {exportPath, `{"profilers":["chrome"]}`, nil, 400, codeUnknownParam, "profilers"},
		"wait is no truth": {exportPath, `{"profiler":"chrome","wait":"soon"}`, nil, 400, codeInvalidValue, "wait"},
		"bad query":        {exportPath + "?wait=soon", `{"profiler":"chrome"}`, nil, 400, codeInvalidValue, "wait"},
		"no such profile":  {"/v1/profiles/none/export", `{"profiler":"chrome"}`, nil, 404, codeNotFound, "id"},
		"unknown profiler": {exportPath, `{"profiler":"x"}`, &profile.Error{Code: profile.CodeInvalid, Param: "profiler", Message: "profiler: none"}, 400, codeInvalidValue, "profiler"},
		"active":           {exportPath, `{"profiler":"x"}`, &profile.Error{Code: profile.CodeActive, Message: "it is recording"}, 409, codeProfileActive, ""},
		"gone":             {exportPath, `{"profiler":"x"}`, &profile.Error{Code: profile.CodeRecordingGone, Message: "gone"}, 410, codeRecordingGone, ""},
		"failed":           {exportPath, `{"profiler":"x"}`, &profile.Error{Code: profile.CodeProfilerFailed, Message: "disk full"}, 500, codeProfilerFailed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.profiles.put(fakeView(idOne))
			h.profiles.exportErr = c.err
			wantError(t, h.postJSON(c.path, c.body), c.status, c.code, c.param)
		})
	}
}

// TestStopWithoutWaiting: the reply does not wait for the export.
func TestStopWithoutWaiting(t *testing.T) {
	for _, how := range []struct {
		path, body string
		waits      bool
	}{
		{"/v1/profiles/" + idOne + "/stop", "", true},
		{"/v1/profiles/" + idOne + "/stop", `{"wait":true}`, true},
		{"/v1/profiles/" + idOne + "/stop?wait=false", "", false},
		{"/v1/profiles/" + idOne + "/stop", `{"wait":false}`, false},
		{"/stop_profile?wait=false", "", false},
		{"/stop_profile", `{"wait":false,"prompt":"cat"}`, false},
		{"/stop_profile", `{"wait":"for a bus"}`, true},
	} {
		h := newHarness(t)
		h.postJSON("/v1/profiles", "")
		waited := false
		h.profiles.stopped = func(ctx context.Context, v profile.View) profile.View {
			waited = ctx.Err() == nil
			return v
		}
		if w := h.postJSON(how.path, how.body); w.Code != 200 || waited != how.waits {
			t.Errorf("%s %s: %d, waited %v", how.path, how.body, w.Code, waited)
		}
	}
	h := newHarness(t)
	h.postJSON("/v1/profiles", "")
	wantError(t, h.postJSON("/v1/profiles/"+idOne+"/stop", `{"await":false}`), 400, codeUnknownParam, "await")
	wantError(t, h.postJSON("/v1/profiles/"+idOne+"/stop?wait=x", ""), 400, codeInvalidValue, "wait")
}
