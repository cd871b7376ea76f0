package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chromium is a browser's program.
func chromium(t *testing.T) string {
	t.Helper()
	full(t, "Chromium; install it with `. .ci/clients.sh`")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no chromium in PATH: source .ci/clients.sh")
	return ""
}

// browse opens a page in a headless browser with a profile of its own, until done is closed.
func browse(t *testing.T, url string, done <-chan struct{}, flags ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--user-data-dir=" + t.TempDir(), "--remote-debugging-port=0"}, flags...)
	cmd := exec.CommandContext(ctx, chromium(t), append(args, url)...)
	cmd.WaitDelay = 5 * time.Second
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-ctx.Done():
		t.Errorf("the page did not say that it is done\n%s", out.String())
	}
	cancel()
	_ = cmd.Wait() // it was killed
}

// hostilePage tries everything by which a page can make a browser send requests to the server at %[1]s, waits for what can be
// waited for, and then tells the server that it came from.
const hostilePage = `<!doctype html><title>hostile</title>
<iframe name="frame" style="display:none"></iframe>
<script>
const server = %[1]q, paths = ['/start_profile', '/stop_profile'], log = [];
const attempt = async (what, f) => { try { log.push(what + ': ' + await f()); } catch (e) { log.push(what + ': ' + e.name); } };
const load = (tag, attribute, url) => new Promise((resolve) => {
  const e = document.createElement(tag);
  e.onload = () => resolve('load'); e.onerror = () => resolve('error');
  e[attribute] = url; if (tag === 'link') e.rel = 'stylesheet';
  document.head.append(e); setTimeout(() => resolve('nothing'), 500);
});
const post = (type, path, fields) => new Promise((resolve) => {
  const form = document.createElement('form');
  form.method = type.method; form.enctype = type.enctype; form.action = server + path; form.target = 'frame';
  for (const [k, v] of Object.entries(fields)) { const i = document.createElement('input'); i.name = k; i.value = v; form.append(i); }
  document.body.append(form); form.submit(); setTimeout(() => resolve('sent'), 300);
});
(async () => {
  await attempt('reach', async () => (await fetch(server + '/health', {mode: 'no-cors'})).type);
  for (const path of paths) {
    await attempt('img ' + path, () => load('img', 'src', server + path));
    await attempt('script ' + path, () => load('script', 'src', server + path));
    await attempt('css ' + path, () => load('link', 'href', server + path));
    for (const mode of ['no-cors', 'cors']) for (const method of ['GET', 'POST'])
      await attempt(mode + ' ' + method + ' ' + path, async () => (await fetch(server + path, {mode, method})).type);
    await attempt('beacon ' + path, () => navigator.sendBeacon(server + path, 'x'));
    await attempt('form GET ' + path, () => post({method: 'get'}, path, {label: 'x'}));
    await attempt('form POST ' + path, () => post({method: 'post', enctype: 'multipart/form-data'}, path, {label: 'x'}));
  }
  for (const [method, path, body] of [['POST', '/v1/profiles', '{}'], ['POST', '/v1/profiles/snapshot', '{}'], ['POST', '/v1/images/generations', '{"prompt":"noto cat"}']]) {
    await attempt('text ' + path, async () => (await fetch(server + path, {mode: 'no-cors', method, body})).type);
    await attempt('json ' + path, async () => (await fetch(server + path, {method, body, headers: {'Content-Type': 'application/json'}})).type);
  }
  await attempt('read profiles', async () => (await fetch(server + '/v1/profiles')).status);
  await attempt('sandbox', () => new Promise((resolve) => {
    const f = document.createElement('iframe'); f.sandbox = 'allow-scripts';
    f.srcdoc = '<script>fetch("' + server + '/start_profile", {mode: "no-cors"})<\/script>'; document.body.append(f); setTimeout(() => resolve('sent'), 300);
  }));
  await fetch('/done', {method: 'POST', body: log.join('\n')});
})();
</script>`

// TestPagesOfOtherSites has a real browser open a page of another origin, of another site and of a name that was turned to
// the server's address. Nothing that it tries does anything; the server's own origin may.
func TestPagesOfOtherSites(t *testing.T) {
	chromium(t)
	p := startServer(t, "-v")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	serve := func(t *testing.T, target string) (url string, done chan struct{}, told *string) {
		done, told = make(chan struct{}), new(string)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/done" {
				text := make([]byte, 1<<16)
				n, _ := r.Body.Read(text)
				*told = string(text[:n])
				close(done)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprintf(w, hostilePage, target)
		}))
		t.Cleanup(s.Close)
		return s.URL, done, told
	}
	for name, c := range map[string]struct{ page, target string }{
		"another port of the same host": {"http://127.0.0.1", p.url},
		"another host":                  {"http://localhost", p.url},
		"a name turned to loopback":     {"http://evil.test", "http://rebound.test:" + port},
	} {
		t.Run(name, func(t *testing.T) {
			url, done, told := serve(t, c.target)
			_, pagePort, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			before := strings.Count(p.stderr.String(), "msg=request")
			browse(t, c.page+":"+pagePort+"/", done, "--host-resolver-rules=MAP *.test 127.0.0.1")
			t.Log(*told)
			if !strings.Contains(*told, "reach: opaque") {
				t.Errorf("the browser did not reach the server: %s", *told)
			}
			log := p.stderr.String()
			if n := strings.Count(log, "msg=request"); n-before < 15 {
				t.Errorf("only %d requests came", n-before)
			}
			for line := range strings.Lines(log) {
				if strings.Contains(line, "msg=audit") && !strings.Contains(line, "result=cross_site") && !strings.Contains(line, "result=host_not_allowed") {
					t.Errorf("let through: %s", line)
				}
			}
		})
	}
	if log := p.stderr.String(); !strings.Contains(log, "result=cross_site") || !strings.Contains(log, "result=host_not_allowed") {
		t.Error("the audit has not seen both kinds of refusal")
	}
	if entries, err := os.ReadDir(filepath.Join(p.dir, "profiles")); err != nil || len(entries) > 0 {
		t.Errorf("there are profiles: %v, %v", entries, err)
	}
}
