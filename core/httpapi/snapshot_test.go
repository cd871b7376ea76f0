package httpapi

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

const snapshotPath = "/v1/profiles/snapshot"

func TestSnapshotProfile(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		want       profile.SnapshotRequest
		state      profile.State
	}{
		"no body": {snapshotPath, "", profile.SnapshotRequest{}, profile.StateExporting},
		"all keys": {snapshotPath, `{"last_s":2.5,"label":"odd","profilers":["chrome"]}`,
			profile.SnapshotRequest{Last: 2500 * time.Millisecond, Label: "odd", Profilers: []string{"chrome"}}, profile.StateExporting},
		"waiting":            {snapshotPath, `{"wait":true}`, profile.SnapshotRequest{}, profile.StateComplete},
		"waiting, by URL":    {snapshotPath + "?wait=true", "", profile.SnapshotRequest{}, profile.StateComplete},
		"no waiting":         {snapshotPath, `{"wait":false}`, profile.SnapshotRequest{}, profile.StateExporting},
		"no waiting, by URL": {snapshotPath + "?wait=false", "", profile.SnapshotRequest{}, profile.StateExporting},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			w := h.postJSON(c.path, c.body)
			v := decode[profile.View](t, w)
			if w.Code != 200 || v.State != c.state || w.Header().Get("Location") != "/v1/profiles/"+v.ID {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff([]profile.SnapshotRequest{c.want}, h.profiles.snapshots); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSnapshotProfileRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body        string
		err         error
		status      int
		code, param string
	}{
		"unknown key":   {`{"last":10}`, nil, 400, codeUnknownParam, "last"},
		"trigger":       {`{"trigger":"slow"}`, nil, 400, codeUnknownParam, "trigger"},
		"not a number":  {`{"last_s":"long"}`, nil, 400, codeInvalidValue, "last_s"},
		"zero":          {`{"last_s":0}`, nil, 400, codeInvalidValue, "last_s"},
		"output_dir":    {`{"output_dir":"/tmp"}`, nil, 400, codeUnsupported, "output_dir"},
		"off":           {"", &profile.Error{Code: profile.CodeFlightOff, Message: "off"}, 404, codeFlightOff, ""},
		"active":        {"", &profile.Error{Code: profile.CodeActive, Message: "it is recording"}, 409, codeProfileActive, ""},
		"beyond window": {`{"last_s":99}`, &profile.Error{Code: profile.CodeInvalid, Param: "last_s", Message: "too long"}, 400, codeInvalidValue, "last_s"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.profiles.snapshotErr = c.err
			wantError(t, h.postJSON(snapshotPath, c.body), c.status, c.code, c.param)
		})
	}
}
