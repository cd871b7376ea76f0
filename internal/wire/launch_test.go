package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }

// alive tells whether a process runs; one that is dead but not reaped does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(b), ") Z ")
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal("still not: " + what)
}

// logBuffer is a log that tests can read while plugins write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestLaunchErrors(t *testing.T) {
	h := testHost(t)
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	test := func(name string) []string { return testSpec(name, nil).Command }
	for _, c := range []struct {
		name    string
		command []string
		sha256  string
		is      error
		text    string
	}{
		{"empty command", nil, "", ErrNotFound, "the command is empty"},
		{"missing", []string{"/no/such"}, "", ErrNotFound, "/no/such"},
		{"missing in PATH", []string{"strobe-no-such-program"}, "", ErrNotFound, "is not in PATH"},
		{"a folder", []string{dir}, "", ErrNotExecutable, "no regular file"},
		{"not executable", []string{file("plain", "x", 0o600)}, "", ErrNotExecutable, "chmod +x"},
		{"another machine's", []string{file("other", "\x7fELF nonsense", 0o700)}, "", ErrNotExecutable, "exec format error"},
		{"no interpreter", []string{file("lost", "#!/no/such/interpreter\n", 0o700)}, "", ErrNotExecutable, "what its first line"},
		{"killed", []string{file("killed", "#!/bin/sh\nkill -KILL $$\n", 0o700)}, "", nil, "before the handshake: exited with signal killed"},
		{"checksum", test("model"), strings.Repeat("0", 64), ErrChecksum, "the configuration says 0000"},
		{"stdout", test("stdout"), "", ErrStdout, `"hello world"; only the handshake may be written there`},
		{"endless stdout", test("stdout-endless"), "", ErrStdout, `"xxxx`},
		{"exit", test("exit"), "", nil, "before the handshake: exited with status 3: no such device"},
		{"closes stdout", []string{file("script", "#!/bin/sh\nexec >&-\nsleep 100\n", 0o700)}, "", ErrHandshake, "closed without one"},
		{"mute", test("mute"), "", ErrStartTimeout, "no handshake within"},
		{"version", test("version"), "", ErrProtocolVersion, "99, and this server speaks 1"},
		{"net/rpc", test("netrpc"), "", ErrHandshake, "does not speak gRPC"},
		{"plaintext", test("plaintext"), "", ErrHandshake, "no certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Spec{Kind: KindModel, Name: "x", Command: c.command, SHA256: c.sha256, Timeouts: Timeouts{Start: 5 * time.Second}}
			if c.is == ErrStartTimeout {
				s.Timeouts.Start = 200 * time.Millisecond
			}
			p, err := h.Launch(t.Context(), s)
			if err == nil {
				p.Close(context.Background())
				t.Fatal("launched")
			}
			if !strings.HasPrefix(err.Error(), "model(x): start: ") || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %q, want %q in it", err, c.text)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
		})
	}
	if left, err := os.ReadDir(h.dir); err != nil || len(left) > 0 {
		t.Errorf("left in the runtime folder: %v %v", left, err)
	}
}

func TestLaunchIsCancelled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := testHost(t).Launch(ctx, testSpec("mute", nil)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Launch = %v", err)
	}
}

func TestForkBombGuard(t *testing.T) {
	t.Setenv(cookieKey, cookieValue)
	if _, err := NewHost(""); !errors.Is(err, ErrInsidePlugin) {
		t.Errorf("NewHost = %v", err)
	}
}

func TestRuntimeDir(t *testing.T) {
	base, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, dir, text string }{
		{"too long", filepath.Join(base, strings.Repeat("x", 100)), "choose a folder of at most"},
		{"a file", file, "not a directory"},
		{"below a file", filepath.Join(file, "x"), "not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := NewHost(test.dir); !errors.Is(err, ErrRuntimeDir) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("NewHost = %v", err)
			}
		})
	}
	t.Run("made", func(t *testing.T) {
		dir := filepath.Join(base, "a", "b")
		h, err := NewHost(dir)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Error(info, err)
		}
		p := launch(t, h, testSpec("model", nil))
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left: %v %v", left, err)
		}
		h.Close()
	})
	t.Run("as long as can be", func(t *testing.T) {
		dir := filepath.Join(base, strings.Repeat("y", maxSocketPath-socketTail-len(base)-1))
		h, err := NewHost(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		p := launch(t, h, testSpec("model", nil))
		p.Close(t.Context())
	})
	t.Run("long TMPDIR", func(t *testing.T) {
		long := filepath.Join(base, strings.Repeat("t", 90))
		if err := os.Mkdir(long, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TMPDIR", long)
		h, err := NewHost("")
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
	})
}

func TestChildrenOfAPluginDieWithIt(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*Process)
	}{
		{"close", func(p *Process) { p.Close(context.Background()) }},
		{"death", func(p *Process) { kill(p.PID()); <-p.Done() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log logBuffer
			p := launch(t, testHost(t), testSpec("child", log.logger()))
			var child int
			eventually(t, "the child is named", func() bool {
				_, after, ok := strings.Cut(log.String(), "child=")
				if ok {
					fmt.Sscan(after, &child)
				}
				return child != 0
			})
			if !alive(child) {
				t.Fatal("the child does not run")
			}
			test.end(p)
			eventually(t, "the child is gone", func() bool { return !alive(child) })
		})
	}
}

func TestPluginDiesWithItsHost(t *testing.T) {
	self := testSpec("launcher", nil).Command
	host := exec.Command(self[0], self[1:]...)
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil || !alive(pid) {
		t.Fatal("no plugin:", pid, err)
	}
	kill(host.Process.Pid)
	_ = host.Wait()
	eventually(t, "the plugin is gone", func() bool { return !alive(pid) })
}

func TestUnrelatedThreadsEnd(t *testing.T) {
	p := launch(t, testHost(t), testSpec("model", nil))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { runtime.LockOSThread(); time.Sleep(time.Millisecond) })
	}
	wg.Wait()
	if _, err := p.Describe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNice(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	s := testSpec("profiler", nil)
	s.Nice = 10
	p := launch(t, testHost(t), s)
	for task, stat := range threadStats(t, p.PID()) {
		if nice := stat[16]; nice != "10" {
			t.Errorf("%s: nice %s", task, nice)
		}
	}
}

// A process that yields does so with all its threads, those that it starts later, and what it has started.
func TestYield(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	p := launch(t, testHost(t), testSpec("profiler", nil))
	p.Yield()
	for task, stat := range threadStats(t, p.PID()) {
		if policy := stat[38]; policy != "5" { // SCHED_IDLE
			t.Errorf("%s: scheduling policy %s", task, policy)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	p.Yield() // nothing is there, and nobody else is hit
}

// threadStats are the fields of each thread's stat in /proc, from its state on.
func threadStats(t *testing.T, pid int) map[string][]string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	if err != nil || len(tasks) < 2 {
		t.Fatal(tasks, err)
	}
	stats := map[string][]string{}
	for _, task := range tasks {
		if b, err := os.ReadFile(task); err == nil { // else the thread has ended
			stats[task] = strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		}
	}
	return stats
}

func TestEnvironment(t *testing.T) {
	for k, v := range map[string]string{"STROBE_API_KEY": "secret", "CUDA_VISIBLE_DEVICES": "1", "OTEL_EXPORTER_OTLP_HEADERS": "key=secret",
		"OTEL_SERVICE_NAME": "s", "GOMAXPROCS": "2", "AWS_SECRET_ACCESS_KEY": "secret"} {
		t.Setenv(k, v)
	}
	var log logBuffer
	s := testSpec("env", log.logger())
	s.Env = []string{"EXTRA=1"}
	launch(t, testHost(t), s)
	eventually(t, "the plugin has told", func() bool { return strings.Contains(log.String(), "msg=environment") })
	for _, want := range []string{"CUDA_VISIBLE_DEVICES=1", "OTEL_SERVICE_NAME=s", "GOMAXPROCS=2", "PATH=", "EXTRA=1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("a secret reached the plugin:", log.String())
	}
}

func TestRunByHand(t *testing.T) {
	var out bytes.Buffer
	status := Run(NewProfilerService(&testProfiler{}, testProfilerDescription(), slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler), &out)
	if status != 1 || !strings.Contains(out.String(), `This is the Strobe profiler plugin "count"`) || !strings.Contains(out.String(), `plugin "count" {`) {
		t.Error(status, out.String())
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	h := testHost(t)
	p := launch(t, h, testSpec("model", nil))
	pid := p.PID()
	for range 2 {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if alive(pid) {
		t.Error("it runs")
	}
	if left, err := os.ReadDir(h.dir); err != nil || len(left) > 0 {
		t.Errorf("left in the runtime folder: %v %v", left, err)
	}
	ended := launch(t, h, testSpec("model", nil))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = ended.Close(ctx) // no patience at all
	if alive(ended.PID()) {
		t.Error("it runs")
	}
	h.Close()
	if _, err := h.Launch(t.Context(), testSpec("model", nil)); !errors.Is(err, ErrClosed) {
		t.Error("launched by a closed host:", err)
	}
}

func TestStoppedPluginIsEnded(t *testing.T) {
	s := testSpec("model", nil)
	s.Timeouts.Close = 100 * time.Millisecond
	p := launch(t, testHost(t), s)
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_ = p.Close(ctx)
	if alive(p.PID()) {
		t.Error("it runs")
	}
}

var _ io.Writer = (*logBuffer)(nil)
