package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

func TestListQuery(t *testing.T) {
	slow, none, yes := "slow", "", true
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		query string
		want  profile.Query
	}{
		"none":    {"", profile.Query{Limit: 100}},
		"page":    {"?limit=7&after=abc.20261123-100312-a1b2c3", profile.Query{Limit: 7, After: "abc.20261123-100312-a1b2c3"}},
		"states":  {"?state=complete,failed", profile.Query{Limit: 100, States: []profile.State{profile.StateComplete, profile.StateFailed}}},
		"texts":   {"?label=night+run&model=emoji&profiler=chrome", profile.Query{Limit: 100, Label: "night run", Model: "emoji", Profiler: "chrome"}},
		"trigger": {"?trigger=slow&pinned=true", profile.Query{Limit: 100, Trigger: &slow, Pinned: &yes}},
		"caller":  {"?trigger=", profile.Query{Limit: 100, Trigger: &none}},
		"times":   {"?since=2026-11-23T11:00:00%2B01:00&until=1795428000.5", profile.Query{Limit: 100, Since: at, Until: at.Add(500 * time.Millisecond)}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			if w := h.get("/v1/profiles" + c.query); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(c.want, h.profiles.queries[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListErrors(t *testing.T) {
	for query, c := range map[string]struct{ code, param, says string }{
		"?lable=x":                     {codeUnknownParam, "lable", `did you mean "label"?`},
		"?output_dir=/tmp":             {codeUnknownParam, "output_dir", "the query takes limit"},
		"?limit=0":                     {codeInvalidValue, "limit", "from 1 to 1000"},
		"?limit=1001":                  {codeInvalidValue, "limit", "from 1"},
		"?limit=ten":                   {codeInvalidValue, "limit", "whole number"},
		"?limit=1&limit=2":             {codeInvalidValue, "limit", "twice"},
		"?state=done":                  {codeInvalidValue, "state", "complete"},
		"?pinned=perhaps":              {codeInvalidValue, "pinned", "true or false"},
		"?since=yesterday":             {codeInvalidValue, "since", "2026-11-23T10:00:00Z"},
		"?until=-1":                    {codeInvalidValue, "until", "1970"},
		"?until=1e300":                 {codeInvalidValue, "until", "1970"},
		"?label=%ff":                   {codeInvalidValue, "label", "UTF-8"},
		"?" + strings.Repeat("x", 500): {codeUnknownParam, strings.Repeat("x", 80) + "…", "unknown query key"},
	} {
		h := newHarness(t)
		if e := wantError(t, h.get("/v1/profiles"+query), 400, c.code, c.param); !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %s", query, e.Message)
		}
		if len(h.profiles.queries) != 0 {
			t.Errorf("%s was asked for all the same", query)
		}
	}
	h := newHarness(t)
	h.profiles.listErr = &profile.Error{Code: profile.CodeInvalid, Param: "after", Message: "after: it is no cursor"}
	wantError(t, h.get("/v1/profiles?after=../../etc"), 400, codeInvalidValue, "after")
}

func TestListNext(t *testing.T) {
	h := newHarness(t)
	h.profiles.put(fakeView(idOne))
	h.profiles.next = "c.x"
	if list := decode[profileList](t, h.get("/v1/profiles?limit=1")); len(list.Profiles) != 1 || list.Next == nil || *list.Next != "c.x" {
		t.Errorf("%+v", list)
	}
}

func TestChangeProfile(t *testing.T) {
	label, empty, yes := "night run", "", true
	for name, c := range map[string]struct {
		body string
		want profile.Change
	}{
		"label":    {`{"label":"night run"}`, profile.Change{Label: &label}},
		"no label": {`{"label":""}`, profile.Change{Label: &empty}},
		"pin":      {`{"pinned":true}`, profile.Change{Pinned: &yes}},
		"both":     {`{"label":"night run","pinned":true}`, profile.Change{Label: &label, Pinned: &yes}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.profiles.put(fakeView(idOne))
			w := h.do(request(http.MethodPatch, "/v1/profiles/"+idOne, typeJSON, strings.NewReader(c.body)))
			if v := decode[profile.View](t, w); w.Code != 200 || c.want.Label != nil && v.Label != *c.want.Label || v.Pinned != (c.want.Pinned != nil) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff([]profile.Change{c.want}, h.profiles.changes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChangeErrors(t *testing.T) {
	patch := func(h *harness, path, contentType, body string) *http.Request {
		return request(http.MethodPatch, "/v1/profiles/"+path, contentType, strings.NewReader(body))
	}
	h := newHarness(t)
	h.profiles.put(fakeView(idOne))
	for body, c := range map[string]struct{ code, param string }{
		`{}`:                 {codeMissing, "label"},
		`{"label":null}`:     {codeMissing, "label"},
		`{"label":5}`:        {codeInvalidValue, "label"},
		`{"pinned":"soon"}`:  {codeInvalidValue, "pinned"},
		`{"pined":true}`:     {codeUnknownParam, "pined"},
		`{"state":"failed"}`: {codeUnknownParam, "state"},
		`[`:                  {codeInvalidJSON, ""},
	} {
		wantError(t, h.do(patch(h, idOne, typeJSON, body)), 400, c.code, c.param)
	}
	wantError(t, h.do(patch(h, idOne, typeForm, "pinned=true")), 415, codeMediaType, "")
	wantError(t, h.do(patch(h, "..%2f..%2fetc", typeJSON, `{"pinned":true}`)), 404, codeNotFound, "id")
	wantError(t, h.do(patch(h, "20260101-000000-000000", typeJSON, `{"pinned":true}`)), 404, codeNotFound, "id")
	for code, status := range map[profile.Code]int{profile.CodePinLimit: 409, profile.CodeDir: 500} {
		h.profiles.changeErr = &profile.Error{Code: code, Message: "no"}
		if w := h.do(patch(h, idOne, typeJSON, `{"pinned":true}`)); w.Code != status {
			t.Errorf("%s: %d %s", code, w.Code, w.Body)
		}
	}
	small := newHarness(t, func(o *Options) { o.MaxBodyBytes = 4 })
	wantError(t, small.do(patch(small, idOne, typeJSON, `{"pinned":true}`)), 413, codeTooLarge, "")
}
