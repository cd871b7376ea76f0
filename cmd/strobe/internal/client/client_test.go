package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// serve answers every call with h and gives a client for it.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{Server: s.URL + "/", Token: "secret", HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, server := range []string{"", "127.0.0.1:8091", "ftp://x", "http://", "http://x?y=1", "http://x#y", "http://a b", "unix://", "unix://run/x.sock"} {
		if _, err := client.New(client.Options{Server: server}); err == nil {
			t.Errorf("%q is taken for an address", server)
		}
	}
}

func TestErrors(t *testing.T) {
	cases := map[string]struct {
		status      int
		contentType string
		body        string
		want        client.Error
	}{
		"ours": {
			409, "application/json", `{"error":{"message":"profile p is active","type":"invalid_request_error","param":null,"code":"profile_active"}}`,
			client.Error{Status: 409, Code: "profile_active", Message: "profile p is active"},
		},
		"names a field": {
			400, "application/json", `{"error":{"message":"n must be at most 10","type":"x","param":"n","code":"invalid_value"}}`,
			client.Error{Status: 400, Code: "invalid_value", Param: "n", Message: "n must be at most 10"},
		},
		"vLLM's number as a code": {
			404, "application/json", `{"error":{"message":"Not Found","type":"Not Found","param":null,"code":404}}`,
			client.Error{Status: 404, Code: "404", Message: "Not Found"},
		},
		"no code": {
			500, "application/json", `{"error":{"message":"broken","code":null}}`,
			client.Error{Status: 500, Message: "broken"},
		},
		"a bare text": {401, "application/json", `{"error":"Unauthorized"}`, client.Error{Status: 401, Message: "Unauthorized"}},
		"FastAPI":     {422, "application/json", `{"detail":"no image"}`, client.Error{Status: 422, Message: "no image"}},
		"plain text":  {502, "text/plain; charset=utf-8", "bad gateway\n", client.Error{Status: 502, Message: "bad gateway"}},
		"a page": {
			502, "text/html", "<h1>bad</h1>",
			client.Error{Status: 502, Message: "GET /v1/models answered 502 Bad Gateway"},
		},
		"nothing": {503, "", "", client.Error{Status: 503, Message: "GET /v1/models answered 503 Service Unavailable"}},
		"a steered terminal": {
			400, "application/json", `{"error":{"message":"a\u001b[2Jb\u0007"}}`,
			client.Error{Status: 400, Message: "a[2Jb"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := serve(t, answer(tc.status, tc.contentType, tc.body)).Models(t.Context())
			var got *client.Error
			if !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			if d := cmp.Diff(tc.want, *got); d != "" {
				t.Error(d)
			}
			if !strings.Contains(err.Error(), tc.want.Message) {
				t.Errorf("%q does not say %q", err, tc.want.Message)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	c, err := client.New(client.Options{Server: address})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Models(t.Context())
	var gone *client.ConnectError
	if !errors.As(err, &gone) || gone.Server != address || !strings.Contains(err.Error(), "strobe serve") {
		t.Fatalf("%v", err)
	}
}

func TestEndedContextIsItsCause(t *testing.T) {
	c := serve(t, answer(200, "", "{}"))
	why := errors.New("the user pressed a key")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := c.Models(ctx); !errors.Is(err, why) {
		t.Fatal(err)
	}
}

func TestBadReplies(t *testing.T) {
	for name, body := range map[string]string{"no JSON": "<html>", "another shape": `[1]`, "no id": `{}`} {
		if p, err := serve(t, answer(200, "application/json", body)).StopProfile(t.Context(), "p"); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestImagesSendsJSON(t *testing.T) {
	seed, guidance := uint64(1<<63+1), 0.0
	var got map[string]any
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/v1/images/generations" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		d := json.NewDecoder(r.Body)
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"created":1,"data":[{"b64_json":"aGk=","url":null}],"size":"32x32","seed":9223372036854775809,"warnings":["w"]}`)
	})
	reply, err := c.Images(t.Context(), client.ImageRequest{
		Prompt: "red heart", Count: 1, Size: "32x32", Steps: 4, Guidance: &guidance, Seed: &seed, Format: "png",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"prompt": "red heart", "n": json.Number("1"), "size": "32x32", "num_inference_steps": json.Number("4"),
		"guidance_scale": json.Number("0"), "seed": json.Number("9223372036854775809"), "output_format": "png",
		"response_format": "b64_json",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if string(reply.Data[0].Bytes) != "hi" || reply.Seed != seed || reply.Warnings[0] != "w" || len(reply.Raw) == 0 {
		t.Errorf("%+v", reply)
	}
}

func TestImagesSendsForm(t *testing.T) {
	strength := 0.7
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/images/edits" {
			t.Error(r.URL)
		}
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		want := map[string][]string{
			"prompt": {"blue"}, "response_format": {"b64_json"}, "n": {"2"}, "strength": {"0.7"}, "negative_prompt": {"red"},
		}
		if d := cmp.Diff(want, map[string][]string(r.MultipartForm.Value)); d != "" {
			t.Error(d)
		}
		file := r.MultipartForm.File["image"][0]
		if file.Filename != `a"b.png` || file.Header.Get("Content-Type") != "image/png" || file.Size != 3 {
			t.Errorf("%+v", file)
		}
		_, _ = io.WriteString(w, `{"data":[{"b64_json":"aGk="},{"b64_json":"aGk="}]}`)
	})
	reply, err := c.Images(t.Context(), client.ImageRequest{
		Prompt: "blue", NegativePrompt: "red", Count: 2, Strength: &strength,
		Image: &client.File{Name: `a"b.png`, MediaType: "image/png", Data: []byte("png")},
	})
	if err != nil || len(reply.Data) != 2 {
		t.Fatal(reply, err)
	}
}

func TestImagesWithoutImages(t *testing.T) {
	for _, body := range []string{`{"data":[]}`, `{"data":[{"b64_json":""}]}`, `{"data":[{"b64_json":"%"}]}`} {
		if _, err := serve(t, answer(200, "", body)).Images(t.Context(), client.ImageRequest{Prompt: "x"}); err == nil {
			t.Errorf("%s is taken for an image", body)
		}
	}
}

func TestProfileCalls(t *testing.T) {
	var calls []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		if r.Method == "GET" && r.URL.Path == "/v1/profiles" {
			_, _ = io.WriteString(w, `{"profiles":[{"id":"b","state":"complete"},{"id":"a","state":"recording"}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"a","state":"complete","losses":{"total":2,"by_reason":{"full":2}}}`)
	})
	ctx := t.Context()
	p, err := c.StartProfile(ctx, client.StartRequest{Profilers: []string{"chrome"}, Label: "x", NumRequests: 3, DurationS: 1.5})
	if err != nil || p.Losses.Total != 2 || !p.Final() || p.Failed() || !json.Valid(p.Raw) {
		t.Fatal(p, err)
	}
	list, err := c.ListProfiles(ctx)
	if err != nil || list.Active() == nil || list.Active().ID != "a" || string(list.Profiles[0].Raw) != `{"id":"b","state":"complete"}` {
		t.Fatal(list, err)
	}
	if p, err := c.GetProfile(ctx, client.Latest); err != nil || p.ID != "b" {
		t.Fatal(p, err)
	}
	for _, call := range []func() error{
		func() error { _, err := c.StopProfile(ctx, "a/b"); return err },
		func() error { _, err := c.CollectProfile(ctx); return err },
		func() error { _, err := c.GetProfile(ctx, "a"); return err },
		func() error { _, err := c.DeleteProfile(ctx, "a"); return err },
		func() error { _, err := c.SummaryText(ctx, "a"); return err },
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`POST /v1/profiles {"profilers":["chrome"],"label":"x","num_requests":3,"duration_s":1.5}`,
		"GET /v1/profiles ", "GET /v1/profiles ",
		"POST /v1/profiles/a%2Fb/stop ", "POST /stop_profile ", "GET /v1/profiles/a ", "DELETE /v1/profiles/a ",
		"GET /v1/profiles/a/summary?format=text ",
	}
	if d := cmp.Diff(want, calls); d != "" {
		t.Error(d)
	}
}

// TestServerGoesAway: a connection that breaks in the middle, and a name that is nobody's, say what to do.
func TestServerGoesAway(t *testing.T) {
	broken := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := broken.StopProfileNow(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "look at its log, and ask again when it is up") {
		t.Errorf("%v", err)
	}
	nameless, err := client.New(client.Options{Server: "http://server.invalid", HTTP: &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "server.invalid", IsNotFound: true}}
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nameless.ListProfiles(t.Context()); err == nil || !strings.Contains(err.Error(), "leads to no machine: look at it with --server") {
		t.Errorf("%v", err)
	}
}

func TestNoProfileIsLatest(t *testing.T) {
	c := serve(t, answer(200, "", `{"profiles":[]}`))
	if _, err := c.GetProfile(t.Context(), client.Latest); !errors.Is(err, client.ErrNoProfile) {
		t.Fatal(err)
	}
}

func TestFailed(t *testing.T) {
	for name, tc := range map[string]struct {
		p    client.Profile
		want bool
	}{
		"complete":         {client.Profile{State: "complete"}, false},
		"failed":           {client.Profile{State: "failed"}, true},
		"an error":         {client.Profile{State: "complete", Error: "x"}, true},
		"an export failed": {client.Profile{State: "complete", Exports: []client.Export{{Error: "x"}}}, true},
	} {
		if got := tc.p.Failed(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWaitProfile(t *testing.T) {
	asked := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		state := "exporting"
		if asked == 3 {
			state = "complete"
		}
		fmt.Fprintf(w, `{"id":"a","state":%q}`, state)
	})
	p, err := c.WaitProfile(t.Context(), "a", time.Millisecond)
	if err != nil || p.State != client.StateComplete || asked != 3 {
		t.Fatal(p, err, asked)
	}
	asked = -1000
	why := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, why)
	defer cancel()
	if _, err := c.WaitProfile(ctx, "a", time.Millisecond); !errors.Is(err, why) {
		t.Fatal(err)
	}
}

func TestDownloadArtifact(t *testing.T) {
	const content = "trace"
	sum := sha256.Sum256([]byte(content))
	good := client.Artifact{Name: "merged/a b.gz", Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/v1/profiles/p/artifacts/merged/a%20b.gz" {
			t.Error(r.URL)
		}
		_, _ = io.WriteString(w, content)
	})
	var buf bytes.Buffer
	if err := c.DownloadArtifact(t.Context(), "p", good, &buf); err != nil || buf.String() != content {
		t.Fatal(buf.String(), err)
	}
	for name, change := range map[string]func(*client.Artifact){
		"another checksum": func(a *client.Artifact) { a.SHA256 = strings.Repeat("0", 64) },
		"another size":     func(a *client.Artifact) { a.Bytes++ },
	} {
		bad := good
		change(&bad)
		var sum *client.ChecksumError
		if err := c.DownloadArtifact(t.Context(), "p", bad, io.Discard); !errors.As(err, &sum) || sum.Name != good.Name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindArtifacts(t *testing.T) {
	p := &client.Profile{ID: "p", Artifacts: []client.Artifact{{Name: "a.gz"}, {Name: "merged/p.gz"}}}
	if all, err := p.FindArtifacts(nil); err != nil || len(all) != 2 {
		t.Error(all, err)
	}
	if got, err := p.FindArtifacts([]string{"p.gz", "a.gz"}); err != nil || got[0].Name != "merged/p.gz" || len(got) != 2 {
		t.Error(got, err)
	}
	if _, err := p.FindArtifacts([]string{"b.gz"}); err == nil {
		t.Error("an artifact that is not there is found")
	}
	if a, ok := p.Merged(); !ok || a.Name != "merged/p.gz" {
		t.Error(a, ok)
	}
	if _, ok := (&client.Profile{}).Merged(); ok {
		t.Error("a merged trace out of nothing")
	}
}

func TestPostWantsExactly200(t *testing.T) {
	var e *client.Error
	if _, err := serve(t, answer(202, "", "{}")).Post(t.Context(), "/x", "", nil, nil); !errors.As(err, &e) || e.Status != 202 {
		t.Error(err)
	}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" { // the user's token wins over a call's own header
			t.Error(r.Header)
		}
		_, _ = io.WriteString(w, "ok")
	})
	raw, err := c.Post(t.Context(), "/x", "", nil, http.Header{"Authorization": {"Bearer EMPTY"}})
	if err != nil || string(raw) != "ok" {
		t.Error(string(raw), err)
	}
}
