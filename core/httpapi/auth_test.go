package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// on sends a request by a listener of the exposure.
func (h *harness) on(e Exposure, r *http.Request) *httptest.ResponseRecorder {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.server.On(e).ServeHTTP(w, r)
	return w
}

// TestRoles has each role's token at each kind of route.
func TestRoles(t *testing.T) {
	routes := []struct{ method, path, body string }{
		{"POST", generations, `{"prompt":"cat"}`}, {"GET", "/v1/models", ""},
		{"GET", "/v1/profiles", ""}, {"GET", "/v1/profiles/" + idOne, ""},
		{"POST", "/v1/profiles", "{}"}, {"GET", "/start_profile", ""}, {"DELETE", "/v1/profiles/" + idOne, ""},
		{"GET", "/metrics", ""}, {"GET", "/health", ""},
	}
	all := func(o *Options) { o.ControlToken, o.ReadToken, o.APIKey = "c", "r", "k" }
	for name, c := range map[string]struct {
		change   func(*Options)
		loopback bool
		statuses map[string]string // by token: a digit a route, the first of its status
	}{
		"all three": {all, false, map[string]string{
			"":  "444444422",
			"c": "222222222",
			"r": "442244422",
			"k": "224444422",
			"x": "444444422",
		}},
		"all three, loopback": {all, true, map[string]string{"": "444444422", "c": "222222222", "r": "442244422", "k": "224444422"}},
		"control only": {func(o *Options) { o.ControlToken = "c" }, false, map[string]string{
			"": "224444422", "c": "222222222", "x": "224444422",
		}},
		"read only": {func(o *Options) { o.ReadToken = "r" }, true, map[string]string{
			"": "224444422", "r": "222244422",
		}},
		"key only":           {func(o *Options) { o.APIKey = "k" }, false, map[string]string{"": "444444422", "k": "224444422"}},
		"key only, loopback": {func(o *Options) { o.APIKey = "k" }, true, map[string]string{"": "442222222", "k": "222222222"}},
		"none":               {func(*Options) {}, false, map[string]string{"": "224444422", "x": "224444422"}},
		"none, loopback":     {func(*Options) {}, true, map[string]string{"": "222222222", "x": "222222222"}},
	} {
		t.Run(name, func(t *testing.T) {
			for secret, want := range c.statuses {
				got := ""
				for _, rt := range routes {
					h := newHarness(t, c.change, func(o *Options) { o.Loopback = c.loopback })
					h.profiles.put(fakeView(idOne))
					r := request(rt.method, rt.path, "", nil)
					if rt.body != "" {
						r = request(rt.method, rt.path, typeJSON, strings.NewReader(rt.body))
					}
					if secret != "" {
						r.Header.Set("Authorization", "Bearer "+secret)
					}
					w := h.do(r)
					got += string("0123456789"[w.Code/100])
				}
				if got != want {
					t.Errorf("token %q: statuses %s, want %s", secret, got, want)
				}
			}
		})
	}
}

// TestRefusals: each refusal has its code, and says what to do.
func TestRefusals(t *testing.T) {
	all := func(o *Options) { o.ControlToken, o.ReadToken, o.APIKey = "c", "r", "k" }
	for name, c := range map[string]struct {
		change               func(*Options)
		method, path, secret string
		status               int
		code, says           string
	}{
		"no token":                 {all, "POST", "/v1/profiles", "", 401, codeBadToken, "a token of the role control"},
		"wrong token":              {all, "GET", "/v1/profiles", "x", 401, codeBadToken, "read or control"},
		"read token starts":        {all, "POST", "/v1/profiles", "r", 403, codeReadOnly, "the one sent has the role read"},
		"key looks":                {all, "GET", "/v1/profiles", "k", 403, codeReadOnly, "the one sent has the role api_key"},
		"read token draws":         {all, "POST", generations, "r", 403, codeReadOnly, "an API key or a token of the role control"},
		"nobody may start":         {func(o *Options) { o.ReadToken = "r" }, "POST", "/v1/profiles", "r", 403, codeTokenRequired, "set server.control_token_file"},
		"no token is set":          {func(o *Options) { o.Loopback = false }, "GET", "/v1/profiles", "", 403, codeTokenRequired, "set server.control_token_file"},
		"a file that is not there": {func(o *Options) { o.ControlTokenFile = "/nowhere/t" }, "GET", "/v1/profiles", "x", 503, codeTokenUnreadable, "its log says why"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, c.change)
			r := request(c.method, c.path, "", nil)
			if c.secret != "" {
				r.Header.Set("Authorization", "Bearer "+c.secret)
			}
			if e := wantError(t, h.do(r), c.status, c.code, ""); !strings.Contains(e.Message, c.says) {
				t.Error(e.Message)
			}
		})
	}
}

// TestAdminTakesRoutes: on the public listener the routes of profiles and metrics are not found, whoever asks and by whatever method.
func TestAdminTakesRoutes(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.ControlToken = "c" })
	public, admin := Exposure{Loopback: true, Public: true}, Exposure{Loopback: true, Socket: true}
	auth := []string{"Authorization", "Bearer c"}
	for pattern, rt := range h.server.routes {
		if !rt.access.private() {
			continue
		}
		path := strings.NewReplacer("{id}", idOne, "{name...}", "x", "{name}", "x").Replace(rt.path)
		wantError(t, h.on(public, request(rt.method, path, "", nil, auth...)), 404, codeNotFound, "")
		wantError(t, h.on(public, request("PUT", path, "", nil, auth...)), 404, codeNotFound, "")
		if _, ok := h.server.public.routes[pattern]; ok {
			t.Errorf("%s is public", pattern)
		}
	}
	for _, path := range []string{"/health", "/ready", "/version", "/openapi.json", "/v1/models"} {
		if w := h.on(public, request("GET", path, "", nil)); w.Code != 200 {
			t.Errorf("public %s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/metrics", "/v1/profiles", "/health", "/v1/models"} {
		r := request("GET", path, "", nil, auth...)
		r.Host = "whatever.example" // no browser reaches a socket
		if w := h.on(admin, r); w.Code != 200 {
			t.Errorf("admin %s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestCrossSiteReads: a page of another site gets nothing of profiles either; a link to them may be followed.
func TestCrossSiteReads(t *testing.T) {
	h := newHarness(t)
	h.profiles.put(fakeView(idOne))
	for _, path := range []string{"/v1/profiles", "/v1/profiles/" + idOne, "/v1/models"} {
		wantError(t, h.get(path, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"), 403, codeCrossSite, "")
		wantError(t, h.get(path, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"), 403, codeCrossSite, "")
		if w := h.get(path, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); w.Code != 200 {
			t.Errorf("%s by a link: %d", path, w.Code)
		}
		for name := range h.get(path, "Origin", "http://127.0.0.1:8091").Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s answers %s", path, name)
			}
		}
	}
	wantError(t, h.get("/start_profile", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"), 403, codeCrossSite, "")
}

// TestPathsAreForThisMachine: folders of the server are told on loopback and to control tokens, not to others.
func TestPathsAreForThisMachine(t *testing.T) {
	const folder = "/srv/secret-folder"
	h := newHarness(t, func(o *Options) { o.ControlToken, o.ReadToken, o.APIKey = "c", "r", "k" })
	h.profiles.put(fakeView(idOne))
	v := h.profiles.views[idOne]
	v.Dir = folder + "/profiles/" + idOne
	v.Error = "profiler(chrome): open " + folder + "/profiles/x.seg: no such file"
	v.Warnings = []string{"read " + folder + "/a b\n" + folder + "/second: it is (" + folder + "/third)"}
	h.profiles.views[idOne] = v
	h.engine.err = &failingModel{folder + "/weights.bin"}
	for name, c := range map[string]struct {
		via    Exposure
		secret string
		told   bool
	}{
		"loopback, read": {Exposure{Loopback: true}, "r", true}, "socket, read": {Exposure{Loopback: true, Socket: true}, "r", true},
		"beyond, control": {Exposure{}, "c", true}, "beyond, read": {Exposure{}, "r", false}, "beyond, key": {Exposure{}, "k", false},
	} {
		t.Run(name, func(t *testing.T) {
			h.log.Reset()
			auth := []string{"Authorization", "Bearer " + c.secret}
			got := h.on(c.via, request("GET", "/v1/profiles/"+idOne, "", nil, auth...)).Body.String() +
				h.on(c.via, request("GET", "/v1/profiles", "", nil, auth...)).Body.String() +
				h.on(c.via, request("POST", generations, typeJSON, strings.NewReader(`{"prompt":"cat"}`), auth...)).Body.String() + h.log.String()
			if strings.Contains(got, folder) != c.told {
				t.Errorf("told is %v:\n%s", !c.told, got)
			}
			if c.secret == "r" && !strings.Contains(got, "x.seg") && !strings.Contains(got, `"url":"/v1/profiles/`) {
				t.Errorf("what is no folder is gone, too:\n%s", got)
			}
		})
	}
}

// failingModel is an engine's error that names a path.
type failingModel struct{ path string }

func (e *failingModel) Error() string { return "open " + e.path + ": permission denied" }

func TestCloak(t *testing.T) {
	for text, want := range map[string]string{
		"open /etc/nvidia/gpu.conf: no such file":                "open …/gpu.conf: no such file",
		`"error":"open /a/b"`:                                    `"error":"open …/b"`,
		`one\n/root/x/y`:                                         `one\n…/y`,
		"GET /v1/profiles/x and POST /start_profile":             "GET /v1/profiles/x and POST /start_profile",
		"https://ui.perfetto.dev/#!/":                            "https://ui.perfetto.dev/#!/",
		"application/json and/or merged/x.json.gz, 3 / 4 at w/s": "application/json and/or merged/x.json.gz, 3 / 4 at w/s",
		"/home/me/profiles":                                      "…/profiles",
		"in '/home/me/profiles/'.":                               "in '…/profiles'.",
	} {
		if got := cloak(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// TestAudit: one line for what changes, whatever came of it, with who, what, from where and the result.
func TestAudit(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "control")
	writeTokens(t, tokens, "deploy top-secret\n", time.Hour)
	h := newHarness(t, func(o *Options) { o.ControlTokenFile, o.ReadToken = tokens, "r" })
	send := func(method, path, secret, body string) {
		var in io.Reader
		typ := ""
		if body != "" {
			in, typ = strings.NewReader(body), typeJSON
		}
		r := request(method, path, typ, in)
		r.RemoteAddr = "192.0.2.7:4711"
		if secret != "" {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		h.do(r)
	}
	h.profiles.put(fakeView(idOne))
	send("POST", "/v1/profiles", "top-secret", "{}")
	send("GET", "/start_profile", "wrong-secret", "")
	send("POST", "/v1/profiles/"+idOne+"/stop", "r", "")
	send("POST", snapshotPath, "top-secret", "")
	send("POST", "/v1/profiles/"+idOne+"/export", "top-secret", `{"profiler":"chrome"}`)
	send("GET", "/v1/profiles/"+idOne+"/artifacts/none", "r", "")
	send("DELETE", "/v1/profiles/none", "top-secret", "")
	send("GET", "/v1/profiles", "r", "")
	var lines []string
	for line := range strings.Lines(h.log.String()) {
		if strings.Contains(line, "msg="+auditMessage) {
			lines = append(lines, line)
		}
	}
	want := []string{
		"action=start who=control:deploy remote=192.0.2.7:4711 path=/v1/profiles result=ok status=200",
		"action=start who=none remote=192.0.2.7:4711 path=/start_profile result=invalid_api_key status=401",
		"action=stop who=read:environment remote=192.0.2.7:4711 path=/v1/profiles/" + idOne + "/stop result=control_token_required status=403",
		"action=snapshot who=control:deploy", "action=export who=control:deploy",
		"action=download who=read:environment remote=192.0.2.7:4711 path=/v1/profiles/" + idOne + "/artifacts/none result=not_found status=404",
		"action=delete who=control:deploy remote=192.0.2.7:4711 path=/v1/profiles/none result=not_found status=404",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), strings.Join(lines, ""))
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("got  %swant %s", lines[i], want[i])
		}
	}
	if log := h.log.String(); strings.Contains(log, "secret") {
		t.Errorf("a token is in the log:\n%s", log)
	}
}

// TestTokenFilesFollow: the API takes up changes of a token file, and closes when it is gone.
func TestTokenFilesFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	writeTokens(t, path, "one\n", time.Hour)
	h := newHarness(t, func(o *Options) { o.ControlTokenFile = path })
	status := func(secret string) int {
		return h.get("/v1/profiles", "Authorization", "Bearer "+secret).Code
	}
	if a, b := status("one"), status("two"); a != 200 || b != 401 {
		t.Fatal(a, b)
	}
	writeTokens(t, path+".new", "two\n", time.Minute)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if a, b := status("one"), status("two"); a != 401 || b != 200 {
		t.Fatal(a, b)
	}
	writeTokens(t, path, "", 0)
	if a := status("two"); a != 503 {
		t.Fatal(a)
	}
}
