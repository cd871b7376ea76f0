package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// withToken sends a request by client with a token, to the address that base names.
func withToken(t *testing.T, client *http.Client, method, url, secret, body string) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, text}
}

// onSocket is a client of a unix socket; its URLs begin with http://localhost.
func onSocket(t *testing.T, path string) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// certificate writes server.crt and server.key for this machine and gives a client that trusts them.
func certificate(t *testing.T, dir string) *http.Client {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writeSecret(t, dir, "server.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeSecret(t, dir, "server.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// writeSecret writes a file that nobody else can read.
func writeSecret(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shortDir is a folder whose sockets' paths are short enough for every system.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "st")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

const oneStage = `
model "emoji" {
  stage "diffusion" {
    plugin = "dit"
  }
}
profiler "chrome" {
}
`

// TestSafeServer has TLS, tokens of all roles out of files and the environment and an admin socket, and uses them as
// curl and the command line do. No secret is anywhere that others can see.
func TestSafeServer(t *testing.T) {
	dir := shortDir(t)
	client := certificate(t, dir)
	writeSecret(t, dir, "control", "deploy secret-control\n")
	writeSecret(t, dir, "keys", "alice secret-alice\nbob secret-bob\n")
	socket := filepath.Join(dir, "admin.sock")
	write(t, dir, "plugins.hcl", fmt.Sprintf(`
server {
  profilers          = ["chrome"]
  control_token_file = "control"
  api_key_file       = "keys"
  tls {
    cert = "server.crt"
    key  = "server.key"
  }
  admin {
    listen = "unix://%s"
  }
}
`, socket)+oneStage)
	t.Setenv(envReadToken, "secret-read")
	p := startServerIn(t, dir, "-v")
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Fatal(p.url)
	}
	public := func(method, path, secret, body string) int {
		return withToken(t, client, method, p.url+path, secret, body).status
	}
	admin := onSocket(t, socket)
	private := func(method, path, secret, body string) int {
		return withToken(t, admin, method, "http://localhost"+path, secret, body).status
	}
	const draw = `{"prompt":"noto cat","num_inference_steps":1,"size":"32x32"}`
	for name, c := range map[string]struct{ got, want int }{
		"a key draws":                       {public("POST", "/v1/images/generations", "secret-alice", draw), 200},
		"nobody does not":                   {public("POST", "/v1/images/generations", "", draw), 401},
		"control draws":                     {public("POST", "/v1/images/generations", "secret-control", draw), 200},
		"no profiles in public":             {public("GET", "/v1/profiles", "secret-control", ""), 404},
		"no start in public":                {public("POST", "/start_profile", "secret-control", ""), 404},
		"no metrics in public":              {public("GET", "/metrics", "secret-control", ""), 404},
		"health in public":                  {public("GET", "/health", "", ""), 200},
		"read looks":                        {private("GET", "/v1/profiles", "secret-read", ""), 200},
		"read does not start":               {private("POST", "/v1/profiles", "secret-read", ""), 403},
		"a key does not look":               {private("GET", "/v1/profiles", "secret-bob", ""), 403},
		"metrics on the socket":             {private("GET", "/metrics", "", ""), 200},
		"a key draws on the socket, too":    {private("POST", "/v1/images/generations", "secret-bob", draw), 200},
		"nobody looks even from the socket": {private("GET", "/v1/profiles", "", ""), 401},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}

	if plain, err := http.Get(strings.Replace(p.url, "https", "http", 1) + "/health"); err == nil {
		_ = plain.Body.Close()
		if plain.StatusCode != 400 {
			t.Errorf("plain HTTP: %s", plain.Status)
		}
	}
	command := func(want int, says, secret string, args ...string) {
		t.Helper()
		t.Setenv(envToken, secret)
		if status, stderr := runStrobe(t, dir, args...); status != want || !strings.Contains(stderr, says) {
			t.Errorf("%v: exit status %d\n%s", args, status, stderr)
		}
	}
	command(1, "control_token_required", "secret-read", "profile", "start", "--server", "unix://"+socket)
	command(0, "", "secret-control", "profile", "start", "--server", "unix://"+socket)
	command(0, "", "secret-alice", "generate", "noto cat", "--steps", "1", "-o", "cat.png", "--server", p.url, "--ca", "server.crt")
	command(1, "--ca", "secret-alice", "generate", "noto cat", "-o", "cat.png", "--server", p.url)
	command(0, "", "secret-control", "profile", "stop", "--server", "unix://"+socket)
	command(1, "no server answers at unix://", "", "profile", "list", "--server", "unix://"+filepath.Join(dir, "none.sock"))

	writeSecret(t, dir, "control.new", "secret-turned\n")
	if err := os.Rename(filepath.Join(dir, "control.new"), filepath.Join(dir, "control")); err != nil {
		t.Fatal(err)
	}
	if old, turned := private("DELETE", "/v1/profiles/x", "secret-control", ""), private("DELETE", "/v1/profiles/x", "secret-turned", ""); old != 401 || turned != 404 {
		t.Errorf("after the token file changed: %d, %d", old, turned)
	}

	log := p.stderr.String()
	for _, want := range []string{"msg=audit action=start who=control:deploy remote=unix", "msg=audit action=start who=read:environment", "action=stop who=control:deploy", "action=delete who=control:line-1"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q", want)
		}
	}
	seen := log + string(withToken(t, admin, "GET", "http://localhost/openapi.json", "", "").body) +
		string(withToken(t, admin, "GET", "http://localhost/metrics", "", "").body)
	if runtime.GOOS == "linux" {
		for _, pid := range childrenOf(p.cmd.Process.Pid) {
			env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if len(env)*len(line) == 0 {
				t.Errorf("nothing is known of plugin %d", pid)
			}
			seen += string(env) + string(line)
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
		seen += string(line)
	}
	if strings.Contains(seen, "secret-") {
		t.Error("a secret is in the log, the API's own replies, arguments or a plugin's environment")
	}
	p.stop()
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

// TestLimitsAreTheConfigurations: what plugins.hcl says of limits holds in the server.
func TestLimitsAreTheConfigurations(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", `
server {
  profilers = ["chrome"]
  limits {
    starts_per_minute = 4
    header_timeout    = "200ms"
    max_header        = "4KiB"
  }
}
`+oneStage)
	p := startServerIn(t, dir)
	if r := p.post("/start_profile", ""); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := p.post("/v1/profiles", ""); r.status != 429 || r.header.Get("Retry-After") == "" || !strings.Contains(string(r.body), `"code":"rate_limited"`) {
		t.Errorf("%d %s %v", r.status, r.body, r.header)
	}
	if r := p.post("/stop_profile", ""); r.status != 200 { // stops are not limited
		t.Errorf("%d %s", r.status, r.body)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(c); err != nil || len(text) > 0 {
		t.Errorf("half a header: %q, %v", text, err)
	}
}

// TestPathsBeyondLoopback: where a server keeps things is not told to those who may only look, and not logged for them.
func TestPathsBeyondLoopback(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", "server {\n  profilers = [\"chrome\"]\n}\n"+oneStage)
	t.Setenv(envControlToken, "secret-control")
	t.Setenv(envReadToken, "secret-read")
	p := startServerIn(t, dir, "--listen", "0.0.0.0:0", "-v")
	base := "http://127.0.0.1:" + p.url[strings.LastIndex(p.url, ":")+1:]
	ask := func(method, path, secret, body string) reply {
		return withToken(t, http.DefaultClient, method, base+path, secret, body)
	}
	begun := ask("POST", "/v1/profiles", "secret-control", "")
	id, _ := begun.json(t)["id"].(string)
	stopped := ask("POST", "/v1/profiles/"+id+"/stop", "secret-control", "")
	if !bytes.Contains(stopped.body, []byte(dir)) {
		t.Errorf("control is not told the folder: %s", stopped.body)
	}
	if err := os.RemoveAll(filepath.Join(dir, "profiles", id)); err != nil { // now what is asked for fails
		t.Fatal(err)
	}
	before := len(p.stderr.String())
	seen := ""
	for _, path := range []string{"/v1/profiles", "/v1/profiles/" + id, "/v1/profiles/" + id + "/summary", "/v1/profiles/" + id + "/artifacts",
		"/v1/profiles/" + id + "/artifacts/merged/" + id + ".trace.json.gz", "/v1/profiles/" + id + "/artifacts.zip", "/v1/profiles/x", "/metrics", "/v1/models"} {
		seen += string(ask("GET", path, "secret-read", "").body)
	}
	seen += string(ask("POST", "/v1/images/generations", "", `{"prompt":1}`).body)
	seen += p.stderr.String()[before:]
	if strings.Contains(seen, dir) {
		t.Errorf("the folder is told:\n%s", seen)
	}
}

// TestPromptsAndImagesStayOut sends a prompt and a picture that can be recognised, in requests that go well and in those
// that fail, while a profile runs and the log is at debug, and looks for them everywhere afterwards.
func TestPromptsAndImagesStayOut(t *testing.T) {
	const marked = "zqxprivatewordzqx"
	noise := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		noise.Set(i%32, i/32, color.NRGBA{R: uint8(i * 7), G: uint8(i*i + 3), B: uint8(i * 13), A: 255})
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, noise); err != nil {
		t.Fatal(err)
	}
	picture := buf.Bytes()
	broken := append(bytes.Clone(picture[:len(picture)-40]), []byte("cut short here")...)
	inBase64 := base64.StdEncoding.EncodeToString
	p := startServer(t, "-v")
	p.post("/start_profile", `{"prompt":"`+marked+`","label":"fine"}`)
	var errors strings.Builder
	note := func(r reply) {
		if r.status >= 400 {
			errors.Write(r.body)
			errors.WriteByte('\n')
		}
	}
	for _, body := range []string{
		`{"prompt":"noto ` + marked + `","num_inference_steps":1,"size":"32x32"}`,
		`{"prompt":"noto cat","negative_prompt":"` + marked + `","num_inference_steps":1,"guidance_scale":3}`,
		`{"prompt":"` + marked + `","size":"0x0"}`, `{"prompt":"` + marked + `","n":99}`, `{"prompt":"` + marked + `","stream":true}`,
		`{"prompt":["` + marked + `"]}`, `{"prompt":{"a":"` + marked + `"}}`, `{"prompt":"` + marked + `"`, `"` + marked + `"`, `["` + marked + `"]`,
		`{"prompt":"` + strings.Repeat(marked+" ", 4000) + `"}`, `{"prompt":"` + marked + `","model":"none"}`, `{"prompt":"` + marked + `","seed":"x"}`,
		`{"prompt":"` + marked + `","image":"` + inBase64(picture) + `"}`, `{"prompt":"` + marked + `\u0000","lora":"x"}`,
	} {
		note(p.post("/v1/images/generations", body))
	}
	for _, content := range []string{
		`"` + marked + `"`, `[{"type":"text","text":"` + marked + `"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + inBase64(picture) + `"}}]`,
		`[{"type":"text","text":"` + marked + `"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + inBase64(broken) + `"}}]`,
		`[{"type":"image_url","image_url":{"url":"` + inBase64(picture) + `"}}]`, `[{"type":"` + "video" + `","text":"` + marked + `"}]`, `{"text":"` + marked + `"}`,
	} {
		note(p.post("/v1/chat/completions", `{"messages":[{"role":"user","content":`+content+`}],"extra_body":{"num_inference_steps":1}}`))
	}
	note(p.edit(picture))
	note(p.edit(broken))
	note(p.do("POST", "/v1/images/generations", "text/plain", strings.NewReader(marked)))
	note(p.post("/v1/profiles", `{"prompt":"`+marked+`"}`))
	note(p.post("/v1/profiles", marked))
	note(p.post("/start_profile", `{"messages":[{"content":"`+marked+`"}],"image":"`+inBase64(picture)+`"}`))
	note(p.get("/v1/profiles?prompt=" + marked))
	note(p.get("/v1/images/generations?prompt=" + marked))
	view := p.stopProfile()
	if view.Requests == 0 || errors.Len() == 0 {
		t.Fatalf("%d requests went well, errors:\n%s", view.Requests, errors.String())
	}
	places := map[string][]byte{
		"an error": []byte(errors.String()), "the log": []byte(p.stderr.String()), "the metrics": p.get("/metrics").body,
		"the profile's replies": append(p.get("/v1/profiles/"+view.ID).body, p.get("/v1/profiles/"+view.ID+"/summary").body...),
	}
	err := filepath.WalkDir(filepath.Join(p.dir, "profiles"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(path, ".gz") {
			text = gunzipped(t, text)
		}
		places["file "+d.Name()] = text
		return err
	})
	if err != nil || len(places) < 8 {
		t.Fatalf("%d places, %v", len(places), err)
	}
	middle := len(picture) / 2 / 3 * 3
	for place, text := range places {
		for what, secret := range map[string]string{
			"the prompt": marked, "the picture": string(picture[middle : middle+24]), "the picture in base64": inBase64(picture[middle : middle+24]),
		} {
			if i := bytes.Index(text, []byte(secret)); i >= 0 {
				t.Errorf("%s is in %s: …%q…", what, place, text[max(0, i-200):min(len(text), i+50)])
			}
		}
		if strings.HasPrefix(place, "file ") && place != "file profile.json" && bytes.Contains(text, []byte(p.dir)) {
			t.Errorf("the server's folder is in %s", place)
		}
	}
}

func gunzipped(t *testing.T, gz []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
