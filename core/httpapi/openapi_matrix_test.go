package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/profile"
)

// slowBody is a body that does not come in time.
type slowBody struct{}

func (slowBody) Read([]byte) (int, error) { return 0, errSlowBody }

// bodies are good bodies, by route; others take none.
var bodies = map[string]string{
	"POST /v1/images/generations":    `{"prompt":"cat"}`,
	"POST /v1/chat/completions":      `{"messages":[{"role":"user","content":"cat"}]}`,
	"POST /v1/profiles/{id}/export":  `{"profiler":"chrome"}`,
	"POST /v1/profiles/{id}/tickets": `{"artifact":"` + artifactName + `"}`,
	"PATCH /v1/profiles/{id}":        `{"label":"x"}`,
}

// goodRequest is a request for a route that is answered well.
func goodRequest(t *testing.T, rt *route) (r *http.Request, contentType string) {
	t.Helper()
	path := strings.NewReplacer("{name...}", artifactName, "{id}", idOne).Replace(rt.path)
	path = strings.Replace(path, "{name}", "dit", 1)
	if rt.path == "/v1/models/{id}" {
		path = "/v1/models/emoji"
	}
	if rt.path == "/v1/images/edits" {
		contentType, body := multipartBody(t, formPart{name: "prompt", data: "cat"}, formPart{"image", "a.png", "image/png", string(testPNG(t, 2, 2))})
		return request(rt.method, path, contentType, strings.NewReader(body)), contentType
	}
	if body, ok := bodies[rt.method+" "+rt.path]; ok {
		return request(rt.method, path, typeJSON, strings.NewReader(body)), typeJSON
	}
	return request(rt.method, path, "", nil), typeJSON
}

// tryOut makes a request. A reply that is broken off in its middle is no reply.
func tryOut(h http.Handler, r *http.Request) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// TestEveryRouteEveryWay calls every route in each way that can go wrong for any of them; what it answers must be in the
// document, which checked holds it against.
func TestEveryRouteEveryWay(t *testing.T) {
	tokens := func(o *Options) { o.ControlToken, o.ReadToken, o.APIKey = "control", "read", "key" }
	for name, way := range map[string]struct {
		options func(*Options)
		change  func(h *harness, r *http.Request, contentType string)
		times   int
	}{
		"as it should be": {},
		"another's Host":  {change: func(_ *harness, r *http.Request, _ string) { r.Host = "evil.example" }},
		"another's page":  {change: func(_ *harness, r *http.Request, _ string) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		"no token":        {options: tokens},
		"a wrong token":   {options: tokens, change: func(_ *harness, r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer x") }},
		"a lesser token":  {options: tokens, change: func(_ *harness, r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer read") }},
		"an API key":      {options: tokens, change: func(_ *harness, r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer key") }},
		"a token file that is gone": {options: func(o *Options) {
			o.ControlTokenFile, o.APIKeyFile = filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "none")
		}, change: func(_ *harness, r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer x") }},
		"beyond loopback without a token": {options: func(o *Options) { o.Loopback = false }},
		"profiling is off":                {options: func(o *Options) { o.Profiles = nil }},
		"a slow body": {change: func(_ *harness, r *http.Request, contentType string) {
			r.Header.Set("Content-Type", contentType)
			r.Body, r.ContentLength = io.NopCloser(slowBody{}), -1
		}},
		"a large body": {options: func(o *Options) { o.MaxBodyBytes = 8 }, change: func(_ *harness, r *http.Request, contentType string) {
			r.Header.Set("Content-Type", contentType)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"label": "too long"}`)), -1
		}},
		"another type": {change: func(_ *harness, r *http.Request, _ string) {
			r.Header.Set("Content-Type", "text/turtle")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1
		}},
		"no JSON": {change: func(_ *harness, r *http.Request, _ string) {
			r.Header.Set("Content-Type", typeJSON)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{")), 1
		}},
		"a bad query": {change: func(_ *harness, r *http.Request, _ string) {
			r.URL.RawQuery = "num_steps=x&wait=x&limit=x&format=x&ticket=x"
		}},
		"too often":     {options: func(o *Options) { o.Limits.StartsPerMinute, o.Limits.GenerationsPerMinute = 1, 1 }, times: 3},
		"it panics":     {options: func(o *Options) { o.Profiles = struct{ Profiles }{} }, change: func(h *harness, _ *http.Request, _ string) { h.engine.err = io.ErrUnexpectedEOF }},
		"it takes long": {change: func(h *harness, _ *http.Request, _ string) { h.engine.err = engine.ErrTimeout }},
		"it goes down": {change: func(h *harness, _ *http.Request, _ string) {
			h.engine.err, h.engine.stats.Draining = engine.ErrDraining, true
		}},
		"the disk is full": {change: func(h *harness, _ *http.Request, _ string) {
			full := &profile.Error{Code: profile.CodeDiskFull, Message: "12 bytes are free: delete profiles"}
			h.profiles.startErr, h.profiles.snapshotErr = full, full
		}},
		"nothing is there": {change: func(h *harness, _ *http.Request, _ string) { h.profiles.views, h.profiles.active = nil, "" }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, rt := range newHarness(t).server.routes {
				h, _ := artifactHarness(t)
				if way.options != nil {
					files := h.profiles
					h = newHarness(t, func(o *Options) { o.Profiles = files; way.options(o) })
					h.profiles = files
				}
				for range max(1, way.times) {
					r, contentType := goodRequest(t, rt)
					if way.change != nil {
						way.change(h, r, contentType)
					}
					tryOut(checked(t, h.server), r)
				}
			}
		})
	}
	t.Run("where an admin listener has it", func(t *testing.T) {
		h, _ := artifactHarness(t)
		for _, rt := range h.server.routes {
			r, _ := goodRequest(t, rt)
			tryOut(checked(t, h.server.On(Exposure{Loopback: true, Public: true})), r)
		}
	})
}
