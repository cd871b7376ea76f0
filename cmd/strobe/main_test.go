package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary be strobe when it is run as strobe: by a script, by startServer, or — the trap — by a
// core that runs its own executable to serve a built-in plugin. That last one is recognised by its arguments.
func TestMain(m *testing.M) {
	std := stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if status, served := servePlugin(os.Args[1:], std); served {
		os.Exit(status)
	}
	if len(os.Args) == 2 && os.Args[1] == instantArg {
		serveInstant()
		return
	}
	if len(os.Args) == 2 && os.Args[1] == countedArg {
		serveCounted()
		return
	}
	if os.Getenv(checkedReplies) != "" {
		wrapHandler = checkReplies
	}
	if os.Getenv(asStrobe) != "" {
		os.Exit(run(os.Args[1:], std))
	}
	testscript.Main(leavesNothing{m}, map[string]func(){"strobe": func() { os.Exit(run(os.Args[1:], std)) }})
}

// leavesNothing runs the tests and fails when processes of this binary are left: servers, plugins (Linux).
type leavesNothing struct{ *testing.M }

func (l leavesNothing) Run() int {
	status := l.M.Run()
	self, _ := os.Executable()
	files, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, file := range files {
		var pid int
		_, _ = fmt.Sscan(filepath.Base(filepath.Dir(file)), &pid)
		exe, err := os.Readlink(file)
		if err == nil && exe == self && pid != os.Getpid() && !gone(pid, 5*time.Second) {
			fmt.Fprintln(os.Stderr, "a process is left:", pid)
			status = 1
		}
	}
	return status
}

// asStrobe in the environment makes the test binary run as strobe.
const asStrobe = "STROBE_TEST_AS_STROBE"

// process is a strobe serve, a real process of its own.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	url    string
	dir    string // its working folder
	stderr *syncBuffer
	ended  chan struct{}
}

// startServer runs `strobe serve` on a free port in a folder of its own and waits until it listens.
func startServer(t testing.TB, args ...string) *process {
	t.Helper()
	return startServerIn(t, t.TempDir(), args...)
}

func startServerIn(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, dir: dir, stderr: &syncBuffer{}, ended: make(chan struct{})}
	p.cmd = exec.Command(exe, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), asStrobe+"=1")
	if _, measures := t.(*testing.B); !measures {
		p.cmd.Env = append(p.cmd.Env, checkedReplies+"=1")
	}
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	ready := make(chan string, 1)
	go func() {
		defer close(p.ended)
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		ready <- line
		_, _ = io.Copy(io.Discard, r)
		_ = p.cmd.Wait()
	}()
	select {
	case line := <-ready:
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
		if !ok {
			t.Fatalf("first line of serve: %q\n%s", line, p.stderr)
		}
		p.url = url
	case <-time.After(60 * time.Second):
		t.Fatalf("serve is not ready after a minute\n%s", p.stderr)
	}
	return p
}

// stop ends the server as a person would, with SIGTERM, and checks that nothing is left.
func (p *process) stop() {
	p.t.Helper()
	select {
	case <-p.ended:
		return
	default:
	}
	children := childrenOf(p.cmd.Process.Pid)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(60 * time.Second):
		_ = p.cmd.Process.Kill()
		p.t.Errorf("serve did not end within a minute of SIGTERM\n%s", p.stderr)
	}
	for _, pid := range children {
		if !gone(pid, 5*time.Second) {
			p.t.Errorf("process %d is left behind\n%s", pid, p.stderr)
		}
	}
	if p.t.Failed() {
		p.t.Logf("log of the server:\n%s", p.stderr)
	}
}

// childrenOf lists the direct children of a process (Linux; empty elsewhere).
func childrenOf(pid int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var pids []int
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, field := range strings.Fields(string(text)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func gone(pid int, within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return true
		}
	}
	return false
}

// reply is an answer of the server, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%s\n%s", err, r.body)
	}
	return v
}

func (p *process) get(path string) reply { return p.do("GET", path, "", nil) }

func (p *process) post(path, body string) reply {
	return p.do("POST", path, "application/json", strings.NewReader(body))
}

func (p *process) do(method, path, contentType string, body io.Reader) reply {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return p.send(req)
}

func (p *process) send(req *http.Request) reply {
	p.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %s\n%s", req.Method, req.URL.Path, err, p.stderr)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %s\n%s", req.Method, req.URL.Path, err, p.stderr)
	}
	return reply{res.StatusCode, res.Header, text}
}

// full skips a test that needs more than Go unless STROBE_TEST=full.
func full(t testing.TB, needs string) {
	t.Helper()
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skipf("needs %s: set STROBE_TEST=full", needs)
	}
}

// syncBuffer is a bytes.Buffer for two goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
