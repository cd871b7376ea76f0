package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestUnknownPathsAndMethods(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{"/", "/v1", "/v1/image/generations", "/favicon.ico", "/v2/x", "/%ff", "/" + strings.Repeat("a", 4000)} {
		if e := wantError(t, h.get(path), 404, codeNotFound, ""); len(e.Message) > 300 {
			t.Errorf("the message has %d bytes", len(e.Message))
		}
	}
	for _, c := range []struct{ method, path, allow string }{
		{"GET", generations, "POST"}, {"HEAD", "/start_profile", "GET, POST"}, {"HEAD", "/stop_profile", "GET, POST"}, {"PUT", "/start_profile", "GET, POST"}, {"OPTIONS", "/v1/profiles", "GET, HEAD, POST"},
		{"POST", "/health", "GET, HEAD"}, {"PUT", "/v1/profiles/" + idOne, "DELETE, GET, HEAD, PATCH"},
	} {
		w := h.do(request(c.method, c.path, "", nil))
		wantError(t, w, 405, codeMethod, "")
		if got := w.Header().Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow is %q, want %q", c.method, c.path, got, c.allow)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Error("another origin is allowed")
		}
	}
	for _, path := range []string{"/v1/videos", "/v1/videos/sync", "/v1/videos/video_gen_1/content"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			e := wantError(t, h.do(request(method, path, typeForm, strings.NewReader("prompt=x"))), 404, codeNotSupported, "")
			if !strings.HasPrefix(e.Message, "model emoji makes images") {
				t.Error(e.Message)
			}
		}
	}
}

func TestPanic(t *testing.T) {
	h := newHarness(t)
	h.engine.hook = func(context.Context, *trace.Track, *model.Request) error {
		panic("a defect: the secret word is sesame")
	}
	w := h.postJSON(generations, `{"prompt":"cat"}`)
	if e := wantError(t, w, 500, codeInternal, ""); strings.Contains(e.Message, "sesame") || !strings.Contains(e.Message, w.Header().Get("X-Request-Id")) {
		t.Error(e.Message)
	}
	if log := h.log.String(); !strings.Contains(log, "sesame") || !strings.Contains(log, "server_test.go") {
		t.Errorf("the log has no stack: %s", log)
	}
	h.engine.hook = nil
	if w := h.postJSON(generations, `{"prompt":"cat"}`); w.Code != 200 {
		t.Errorf("the server does not serve on: %d", w.Code)
	}
}

func TestRequestID(t *testing.T) {
	h := newHarness(t)
	for given, kept := range map[string]bool{
		"abc-1.2_Z": true, "": false, "a b": false, "a\nb": false, "é": false, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
	} {
		got := h.get("/health", "X-Request-Id", given).Header().Get("X-Request-Id")
		if (got == given) != kept || got == "" {
			t.Errorf("%q became %q", given, got)
		}
	}
}

func TestAccessLog(t *testing.T) {
	h := newHarness(t)
	h.postJSON(generations, `{"prompt":"red heart of darkness"}`, "X-Request-Id", "one")
	h.postJSON(generations, `{"prompt":"red heart of darkness","n":0}`, "X-Request-Id", "two")
	h.get("/health", "X-Request-Id", "three")
	h.get("/nowhere/darkness?prompt=darkness", "X-Request-Id", "four")
	log := h.log.String()
	for _, line := range []string{
		`level=INFO msg=request request_id=one method=POST route=/v1/images/generations status=200`,
		`level=INFO msg=request request_id=two method=POST route=/v1/images/generations status=400`,
		`level=DEBUG msg=request request_id=three method=GET route=/health status=200`,
		`level=DEBUG msg=request request_id=four method=GET route=none status=404`,
	} {
		if !strings.Contains(log, line) {
			t.Errorf("missing %q in\n%s", line, log)
		}
	}
	if strings.Contains(log, "darkness") || !strings.Contains(log, "code=invalid_value") {
		t.Error(log)
	}
}

func TestModels(t *testing.T) {
	h := newHarness(t)
	list := decode[struct {
		Object string
		Data   []map[string]any
	}](t, h.get("/v1/models"))
	if list.Object != "list" || len(list.Data) != 1 {
		t.Fatal(list)
	}
	m := list.Data[0]
	for key, want := range map[string]any{"id": "emoji", "object": "model", "owned_by": "strobe", "root": "emoji", "parent": nil, "max_model_len": nil} {
		if got, ok := m[key]; !ok || got != want {
			t.Errorf("%s is %v", key, got)
		}
	}
	details := m["strobe"].(map[string]any)
	stage := details["stages"].([]any)[0].(map[string]any)
	if details["synthetic"] != false || details["max_size"] != "1024x1024" || stage["plugin"] != "dit" || stage["ranks_up"] != 2.0 {
		t.Error(details)
	}
	one := decode[map[string]any](t, h.get("/v1/models/emoji"))
	if one["id"] != "emoji" {
		t.Error(one)
	}
	wantError(t, h.get("/v1/models/flux"), 404, codeNotFound, "model")
}

func TestBodyLimit(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.MaxBodyBytes = 1000 })
	large := strings.Repeat(" ", 2000)
	for name, r := range map[string]*http.Request{
		"declared":   request("POST", generations, typeJSON, strings.NewReader(large)),
		"undeclared": request("POST", generations, typeJSON, io.MultiReader(strings.NewReader(large))),
		"chat":       request("POST", chat, typeJSON, io.MultiReader(strings.NewReader(large))),
		"strict":     request("POST", "/v1/profiles", typeJSON, io.MultiReader(strings.NewReader(large))),
		"compat":     request("POST", "/start_profile", typeJSON, io.MultiReader(strings.NewReader(large))),
		"urlencoded": request("POST", edits, typeForm, io.MultiReader(strings.NewReader("prompt="+large))),
	} {
		t.Run(name, func(t *testing.T) {
			if e := wantError(t, h.do(r), 413, codeTooLarge, ""); !strings.Contains(e.Message, "1000") {
				t.Error(e.Message)
			}
		})
	}
	ct, body := multipartBody(t, formPart{name: "prompt", data: "cat"}, formPart{"image", "a.png", "", large})
	wantError(t, h.do(request("POST", edits, ct, io.MultiReader(strings.NewReader(body)))), 413, codeTooLarge, "")
}

// TestLargeBodyOverTheWire: a client that sends 100 MB before it reads, as most do, sees the 413 and no broken pipe.
func TestLargeBodyOverTheWire(t *testing.T) {
	h := newHarness(t)
	s := httptest.NewServer(checked(t, h.server))
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 100 << 20
	head := "POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat([]byte{' '}, 1<<20)
	for range size / len(block) {
		if _, err := conn.Write(block); err != nil {
			t.Fatalf("send: %v", err)
		}
	}
	reply := make([]byte, 12)
	if _, err := io.ReadFull(conn, reply); err != nil || string(reply) != "HTTP/1.1 413" {
		t.Fatalf("%q, %v", reply, err)
	}
}

// TestExpectContinue: a client that asks first, as curl does, is told at once and sends nothing.
func TestExpectContinue(t *testing.T) {
	h := newHarness(t)
	s := httptest.NewServer(checked(t, h.server))
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := "POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 12)
	if _, err := io.ReadFull(conn, reply); err != nil || string(reply) != "HTTP/1.1 413" {
		t.Fatalf("%q, %v", reply, err)
	}
}

// TestClientGoneOverTheWire: a client that hangs up cancels its request.
func TestClientGoneOverTheWire(t *testing.T) {
	h := newHarness(t)
	began, ended := make(chan struct{}), make(chan error, 1)
	h.engine.hook = func(ctx context.Context, _ *trace.Track, _ *model.Request) error {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	s := httptest.NewServer(checked(t, h.server))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+generations, strings.NewReader(`{"prompt":"cat"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", typeJSON)
	go func() {
		<-began
		cancel()
	}()
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Error("there was a reply")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
