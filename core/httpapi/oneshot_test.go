package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/profile"
)

const chatBody = `{"messages":[{"role":"user","content":"cat"}]`

// TestOneShot: a request that asks for it gets a profile of itself, by any wire form, and hears its id.
func TestOneShot(t *testing.T) {
	form, multipart := multipartBody(t, formPart{name: "prompt", data: "cat"}, formPart{name: "profile", data: "true"},
		formPart{"image", "a.png", "", string(testPNG(t, 32, 32))})
	for name, r := range map[string]*http.Request{
		"header":           request("POST", generations, typeJSON, strings.NewReader(`{"prompt":"cat"}`), headerProfile, "1"),
		"body":             request("POST", generations, typeJSON, strings.NewReader(`{"prompt":"cat","profile":true}`)),
		"form":             request("POST", edits, form, strings.NewReader(multipart)),
		"chat":             request("POST", chat, typeJSON, strings.NewReader(chatBody+`,"profile":true}`)),
		"chat, extra_body": request("POST", chat, typeJSON, strings.NewReader(chatBody+`,"extra_body":{"profile":true}}`)),
		"chat, stream":     request("POST", chat, typeJSON, strings.NewReader(chatBody+`,"stream":true,"profile":true}`)),
		"a file":           request("POST", generations, typeJSON, strings.NewReader(`{"prompt":"cat","response_format":"file"}`), headerProfile, "true"),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			r.Header.Set(headerRequestID, "the-one")
			w := h.do(r)
			if w.Code != 200 || w.Header().Get(headerProfileID) != idOne || w.Header().Get(headerProfileStatus) != "recording" {
				t.Fatalf("%d %v %s", w.Code, w.Header(), clip(w.Body.String(), 200))
			}
			if name != "a file" && !strings.Contains(w.Body.String(), `"profile":{"id":"`+idOne+`","status":"recording"}`) {
				t.Error(w.Body)
			}
			want := []profile.StartRequest{{Trigger: "request", OnlyRequests: []string{"the-one"}, Label: "request the-one"}}
			if diff := cmp.Diff(want, h.profiles.starts); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{idOne}, h.profiles.shotsEnded); diff != "" {
				t.Error(diff)
			}
			if log := h.log.String(); !strings.Contains(log, "profile="+idOne) || !strings.Contains(log, "msg=audit action=start") {
				t.Error(log)
			}
		})
	}
}

// TestOneShotNotAsked: nothing is said and nothing started.
func TestOneShotNotAsked(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"nothing said": request("POST", generations, typeJSON, strings.NewReader(`{"prompt":"cat"}`)),
		"no":           request("POST", generations, typeJSON, strings.NewReader(`{"prompt":"cat","profile":false}`), headerProfile, "0"),
		"null":         request("POST", generations, typeJSON, strings.NewReader(`{"prompt":"cat","profile":null}`)),
		"no picture":   request("GET", "/v1/models", "", nil, headerProfile, "1"),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			w := h.do(r)
			if w.Code != 200 || w.Header().Get(headerProfileStatus) != "" || len(h.profiles.starts) != 0 || strings.Contains(w.Body.String(), `"profile":`) {
				t.Errorf("%d %v %v", w.Code, w.Header(), h.profiles.starts)
			}
		})
	}
}

// TestOneShotMalformed: a wish that cannot be read is the caller's error, like any other field.
func TestOneShotMalformed(t *testing.T) {
	h := newHarness(t)
	wantError(t, h.postJSON(generations, `{"prompt":"cat"}`, headerProfile, "please"), 400, codeInvalidValue, headerProfile)
	wantError(t, h.postJSON(generations, `{"prompt":"cat","profile":"please"}`), 400, codeInvalidValue, "profile")
	wantError(t, h.postJSON(chat, chatBody+`,"extra_body":{"profile":7}}`), 400, codeInvalidValue, "extra_body.profile")
	if len(h.profiles.starts) != 0 {
		t.Error(h.profiles.starts)
	}
}

// TestOneShotServedAllTheSame: whatever is in the profile's way, the picture is made and the reply says what it was.
func TestOneShotServedAllTheSame(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		active string
		err    error
		status string
		audit  string
	}{
		{"another profile runs", nil, "other", nil, shotBusy, codeProfileActive},
		{"a rank is down", nil, "", &profile.Error{Code: profile.CodeRankUnavailable, Message: "rank 0 is down"}, shotFailed, codeRankUnavailable},
		{"no profiler", func(o *Options) { o.Profiles = nil }, "", nil, shotRefused, codeProfilingOff},
		{"no token", func(o *Options) { o.ControlToken = "secret" }, "", nil, shotRefused, codeBadToken},
		{"off loopback without tokens", func(o *Options) { o.Loopback = false }, "", nil, shotRefused, codeTokenRequired},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func(o *Options) {
				if c.change != nil {
					c.change(o)
				}
			})
			h.profiles.active, h.profiles.startErr = c.active, c.err
			w := h.postJSON(generations, `{"prompt":"cat"}`, headerProfile, "1")
			if said := w.Header().Get(headerProfileStatus); w.Code != 200 || !strings.HasPrefix(said, c.status+`; reason="`) || len(w.Header()[headerProfileID]) != 0 {
				t.Errorf("%d %q %v", w.Code, said, w.Header())
			}
			if !strings.Contains(w.Body.String(), `"profile":{"status":"`+c.status+`","reason":"`) {
				t.Error(w.Body)
			}
			if log := h.log.String(); !strings.Contains(log, "msg=audit action=start") || !strings.Contains(log, "result="+c.audit) {
				t.Error(log)
			}
			if len(h.profiles.shotsEnded) != 0 {
				t.Errorf("%v ended", h.profiles.shotsEnded)
			}
		})
	}
}

// TestOneShotRights: a generation's key does not start profiles, a control token does.
func TestOneShotRights(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.ControlToken, o.ReadToken, o.APIKey = "control", "read", "key" })
	for token, want := range map[string]string{"key": shotRefused, "control": shotRecording} {
		w := h.postJSON(generations, `{"prompt":"cat"}`, headerProfile, "1", "Authorization", "Bearer "+token)
		if said := w.Header().Get(headerProfileStatus); w.Code != 200 || !strings.HasPrefix(said, want) {
			t.Errorf("%s: %d %q", token, w.Code, said)
		}
	}
}

// TestOneShotLimited: it counts as a start, and those who draw requests have an allowance of their own.
func TestOneShotLimited(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.Limits.StartsPerMinute = 1; o.SampleEvery = 1 })
	if w := h.postJSON(generations, `{"prompt":"cat"}`); w.Header().Get(headerProfileStatus) != "" || len(h.profiles.starts) != 1 {
		t.Fatalf("%v %v", w.Header(), h.profiles.starts)
	}
	for _, want := range []string{shotRecording, shotLimited} {
		if said := h.postJSON(generations, `{"prompt":"cat"}`, headerProfile, "1").Header().Get(headerProfileStatus); !strings.HasPrefix(said, want) {
			t.Errorf("%q, want %s", said, want)
		}
	}
	if h.postJSON(generations, `{"prompt":"cat"}`); len(h.profiles.starts) != 2 {
		t.Errorf("%d starts: a request was drawn beyond the limit", len(h.profiles.starts))
	}
}

// TestOneShotFailedRequest: the profile ends with a request that fails, and the reply has its id.
func TestOneShotFailedRequest(t *testing.T) {
	h := newHarness(t)
	h.engine.err = &engine.QueueFullError{Waiting: 64, RetryAfter: time.Second}
	w := h.postJSON(generations, `{"prompt":"cat"}`, headerProfile, "1")
	if w.Code != 503 || w.Header().Get(headerProfileID) != idOne || len(h.profiles.shotsEnded) != 1 {
		t.Errorf("%d %v %v", w.Code, w.Header(), h.profiles.shotsEnded)
	}
}

// TestSample: one of so many is drawn, its caller hears nothing of it, and a profile that runs is no fault.
func TestSample(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.SampleEvery = 10 })
	drawn := 0
	h.server.samples.draw = func(n int) int { drawn++; return drawn % n }
	for range 20 {
		if w := h.postJSON(generations, `{"prompt":"cat"}`); w.Code != 200 || w.Header().Get(headerProfileID) != "" {
			t.Fatal(w.Code, w.Header())
		}
	}
	if n := len(h.profiles.starts); n != 2 || h.profiles.starts[0].Trigger != profile.TriggerSample || len(h.profiles.shotsEnded) != 2 {
		t.Errorf("%d were drawn: %+v", n, h.profiles.starts)
	}
	h.profiles.active = "other"
	h.server.samples.draw = func(int) int { return 0 }
	h.postJSON(generations, `{"prompt":"cat"}`)
	if log := h.log.String(); !strings.Contains(log, "profile="+idOne) || strings.Contains(log, "level=WARN") {
		t.Error(log)
	}
}

// TestRequestIDInFlight: two generations in flight never have one id.
func TestRequestIDInFlight(t *testing.T) {
	var ids idSet
	a, b := ids.take("x"), ids.take("x")
	if a != "x" || b == a || !strings.HasPrefix(b, "x.") {
		t.Errorf("%q %q", a, b)
	}
	ids.drop(a)
	if c := ids.take("x"); c != "x" {
		t.Errorf("%q after the first had ended", c)
	}
}

// TestAccessLogLevels: the level is of what users do; errors of the server are always logged.
func TestAccessLogLevels(t *testing.T) {
	for level, want := range map[string][3]string{
		"DEBUG": {"level=DEBUG", "level=DEBUG", "level=ERROR"}, "WARN": {"level=WARN", "level=DEBUG", "level=ERROR"},
		"off": {"", "", "level=ERROR"},
	} {
		t.Run(level, func(t *testing.T) {
			h := newHarness(t, func(o *Options) {
				if level == "off" {
					o.AccessLog = AccessLogOff
				} else if err := o.AccessLog.UnmarshalText([]byte(level)); err != nil {
					t.Fatal(err)
				}
			})
			h.get("/v1/models", headerRequestID, "user")
			h.get("/health", headerRequestID, "machine")
			h.engine.err = &engine.RankError{Stage: "diffusion", Plugin: "dit"}
			h.postJSON(generations, `{"prompt":"cat"}`, headerRequestID, "error")
			for i, id := range []string{"user", "machine", "error"} {
				line := ""
				for l := range strings.Lines(h.log.String()) {
					if strings.Contains(l, "msg=request request_id="+id+" ") {
						line = l
					}
				}
				if (line == "") != (want[i] == "") || !strings.Contains(line, want[i]) {
					t.Errorf("%s: %q, want %q", id, line, want[i])
				}
			}
		})
	}
}
