package httpapi

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/token"
)

// changing are the requests that a foreign page must not be able to send.
func changing() map[string]func(headers ...string) *http.Request {
	all := map[string]func(headers ...string) *http.Request{}
	for _, c := range []struct{ method, path, contentType, body string }{
		{"GET", "/start_profile", "", ""}, {"POST", "/start_profile", "", ""}, {"GET", "/stop_profile", "", ""}, {"POST", "/stop_profile", "", ""},
		{"POST", "/v1/profiles", typeJSON, "{}"}, {"POST", "/v1/profiles/" + idOne + "/stop", "", ""}, {"POST", exportPath, typeJSON, `{"profiler":"chrome"}`},
		{"POST", snapshotPath, "", ""}, {"POST", "/v1/plugins/dit/restart", "", ""},
		{"DELETE", "/v1/profiles/" + idOne, "", ""},
		{"PATCH", "/v1/profiles/" + idOne, typeJSON, `{"pinned":true}`},
		{"POST", "/v1/profiles/" + idOne + "/tickets", typeJSON, `{"artifact":"x"}`},
		{"POST", generations, typeJSON, `{"prompt":"cat"}`}, {"POST", edits, typeForm, "prompt=cat"},
		{"POST", chat, typeJSON, `{"messages":[{"role":"user","content":"cat"}]}`},
	} {
		all[c.method+" "+c.path] = func(headers ...string) *http.Request {
			return request(c.method, c.path, c.contentType, strings.NewReader(c.body), headers...)
		}
	}
	return all
}

func TestCrossSite(t *testing.T) {
	for name, make := range changing() {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			for _, foreign := range [][]string{
				{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", ""}, {"Origin", "http://127.0.0.1:9999"}, {"Origin", "http://localhost:8091"},
				{"Origin", "file://"}, {"Origin", "http://127.0.0.1:8091.evil.example"}, {"Origin", "::"},
				{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
				{"Sec-Fetch-Site", "cross-site", "Origin", "http://127.0.0.1:8091"},
			} {
				wantError(t, h.do(make(foreign...)), 403, codeCrossSite, "")
			}
			two := make("Origin", "http://127.0.0.1:8091")
			two.Header.Add("Origin", "https://evil.example")
			wantError(t, h.do(two), 403, codeCrossSite, "")
			if len(h.profiles.starts)+len(h.engine.requests) != 0 {
				t.Fatal("a refused request did something")
			}
			for _, own := range [][]string{
				{}, {"Origin", "http://127.0.0.1:8091"}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"},
			} {
				if w := h.do(make(own...)); w.Code == 403 {
					t.Errorf("%v is refused: %s", own, w.Body)
				}
			}
		})
	}
}

// TestEveryChangingRouteIsMarked: a route that is not a GET changes something, and of the GETs the two compatible ones do.
func TestEveryChangingRouteIsMarked(t *testing.T) {
	h := newHarness(t)
	tried := changing()
	for pattern, rt := range h.server.routes {
		compat := rt.path == "/start_profile" || rt.path == "/stop_profile"
		if want := rt.method != http.MethodGet || compat; rt.changes != want {
			t.Errorf("%s: changes is %v", pattern, rt.changes)
		}
		if _, ok := tried[strings.NewReplacer("{id}", idOne, "{name}", "dit").Replace(pattern)]; rt.changes && !ok {
			t.Errorf("%s is not tried by TestCrossSite", pattern)
		}
		if profileRoute := compat || strings.HasPrefix(rt.path, "/v1/profiles") || strings.HasPrefix(rt.path, "/v1/plugins"); profileRoute != (rt.access == accessRead || rt.access == accessControl) || profileRoute && rt.path != "/v1/profiles/{id}/tickets" && rt.changes != (rt.access == accessControl) { // a ticket is for who may download
			t.Errorf("%s: access is %v", pattern, rt.access)
		}
		if rt.access == accessControl && rt.audit == "" {
			t.Errorf("%s changes something and the audit has no action for it", pattern)
		}
	}
}

func TestHost(t *testing.T) {
	for name, c := range map[string]struct {
		loopback bool
		allowed  []string
		ok, no   []string
	}{
		"loopback": {true, nil,
			[]string{"127.0.0.1:8091", "127.0.0.1", "localhost:8091", "LOCALHOST", "localhost.", "[::1]:8091", "[::1]", "127.9.9.9", "x.localhost", "[::ffff:127.0.0.1]"},
			[]string{"evil.example", "evil.example:8091", "10.0.0.1", "localhost.evil.example", "127.0.0.1.nip.io", "gpu1", "0.0.0.0", "[fe80::1]", "notlocalhost"}},
		"loopback, allowed": {true, []string{"Strobe.Example", "gpu1"}, []string{"strobe.example:80", "gpu1", "localhost"}, []string{"evil.example"}},
		"beyond loopback":   {false, nil, []string{"10.0.0.1:8091", "[2001:db8::1]", "gpu1:8091", "localhost", "127.0.0.1"}, []string{"evil.example", "gpu1.evil.example"}},
		"beyond, allowed":   {false, []string{"api.example"}, []string{"api.example"}, []string{"evil.example"}},
		"any":               {false, []string{"*"}, []string{"evil.example"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(o *Options) { o.Loopback, o.AllowedHosts = c.loopback, c.allowed })
			try := func(host string) int {
				r := request(http.MethodGet, "/health", "", nil)
				r.Host = host
				w := h.do(r)
				if w.Code == 403 {
					wantError(t, w, 403, codeHost, "")
				}
				return w.Code
			}
			for _, host := range c.ok {
				if code := try(host); code != 200 {
					t.Errorf("%s: %d", host, code)
				}
			}
			for _, host := range c.no {
				if code := try(host); code != 403 {
					t.Errorf("%s: %d", host, code)
				}
			}
		})
	}
}

// writeTokens writes a token file whose time of change moves on with each call.
func writeTokens(t *testing.T, path, text string, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(-age)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

func TestTokens(t *testing.T) {
	profileFile, keyFile := filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "k")
	writeTokens(t, profileFile, "# of the team\nprofile-secret\n\n", time.Hour)
	writeTokens(t, keyFile, "key-one\nkey-two\n", time.Hour)
	h := newHarness(t, func(o *Options) { o.ControlTokenFile, o.APIKeyFile = profileFile, keyFile })
	if err := h.server.CheckTokens(); err != nil {
		t.Fatal(err)
	}
	generate := func(auth string) int {
		return h.postJSON(generations, `{"prompt":"cat"}`, "Authorization", auth).Code
	}
	profiles := func(auth string) int { return h.get("/v1/profiles", "Authorization", auth).Code }
	for _, c := range []struct {
		auth               string
		generate, profiles int
	}{
		{"", 401, 401}, {"Bearer", 401, 401}, {"Bearer ", 401, 401}, {"Bearer wrong", 401, 401}, {"Basic a2V5LW9uZQ==", 401, 401},
		{"Bearer # of the team", 401, 401}, {"Bearer key-one\nkey-two", 401, 401}, {"Bearer EMPTY", 401, 401},
		{"Bearer key-one", 200, 403}, {"bearer key-two", 200, 403}, {"Bearer profile-secret", 200, 200},
	} {
		if g, p := generate(c.auth), profiles(c.auth); g != c.generate || p != c.profiles {
			t.Errorf("%q: generate %d, profiles %d; want %d, %d", c.auth, g, p, c.generate, c.profiles)
		}
	}
	w := h.get("/v1/profiles")
	wantError(t, w, 401, codeBadToken, "")
	if w.Header().Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	for _, open := range []string{"/health", "/ready", "/version", "/metrics", "/openapi.json"} {
		if w := h.get(open); w.Code != 200 {
			t.Errorf("%s: %d", open, w.Code)
		}
	}
	writeTokens(t, profileFile, "turned-secret\n", time.Minute)
	if old, turned := profiles("Bearer profile-secret"), profiles("Bearer turned-secret"); old != 401 || turned != 200 {
		t.Errorf("after the file changed: old %d, new %d", old, turned)
	}
	if err := os.Remove(profileFile); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.get("/v1/profiles", "Authorization", "Bearer turned-secret"), 503, codeTokenUnreadable, "")
	if generate("Bearer key-one") != 200 {
		t.Error("a missing profile token file closes the generation routes")
	}
	if log := h.log.String(); strings.Contains(log, "secret\n") || strings.Contains(log, "key-one") {
		t.Error("a token is in the log")
	}
}

func TestTokenFiles(t *testing.T) {
	dir := t.TempDir()
	for name, write := range map[string]func(path string){
		"missing": func(string) {}, "empty": func(p string) { writeTokens(t, p, "", 0) }, "comments only": func(p string) { writeTokens(t, p, "# x\n\n", 0) },
		"a folder": func(p string) {
			if err := os.Mkdir(p, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"too large": func(p string) { writeTokens(t, p, strings.Repeat("x", token.MaxFileBytes+1), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			write(path)
			h := newHarness(t, func(o *Options) { o.ControlTokenFile = path })
			if err := h.server.CheckTokens(); err == nil || !strings.Contains(err.Error(), "server.control_token_file") {
				t.Errorf("CheckTokens: %v", err)
			}
			wantError(t, h.get("/v1/profiles", "Authorization", "Bearer x"), 503, codeTokenUnreadable, "")
		})
	}
}

func TestTokensFromEnvironment(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.ControlToken, o.APIKey, o.Loopback = "p", "k", false })
	for auth, want := range map[string][2]int{"Bearer p": {200, 200}, "Bearer k": {200, 403}, "": {401, 401}} {
		g := h.postJSON(generations, `{"prompt":"cat"}`, "Authorization", auth).Code
		p := h.get("/v1/profiles", "Authorization", auth).Code
		if g != want[0] || p != want[1] {
			t.Errorf("%q: %d, %d", auth, g, p)
		}
	}
}

func TestBeyondLoopbackWithoutToken(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.Loopback = false })
	for _, r := range []*http.Request{
		request("POST", "/start_profile", "", nil), request("GET", "/v1/profiles", "", nil), request("GET", "/v1/profiles/x/artifacts/y", "", nil),
	} {
		if e := wantError(t, h.do(r), 403, codeTokenRequired, ""); !strings.Contains(e.Message, "control_token_file") {
			t.Error(e.Message)
		}
	}
	if w := h.postJSON(generations, `{"prompt":"cat"}`); w.Code != 200 {
		t.Errorf("generation: %d", w.Code)
	}
}
