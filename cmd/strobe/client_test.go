package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the files that the scripts compare with")

// TestClientScripts runs the client commands as a person would, against recorded replies. In a script, `fake MODE` changes
// what the server does and `calls FILE` writes down what it was asked.
func TestClientScripts(t *testing.T) {
	replies, err := filepath.Abs(filepath.Join("testdata", "cli", "replies"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "cli"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			f := newFakeServer(replies)
			env.Defer(f.Close)
			env.Values["fake"] = f
			env.Setenv(envServer, f.URL)
			env.Setenv("SERVER", f.URL)
			env.Setenv("ID", fakeID)
			env.Setenv("DEAD", deadAddress(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fake": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Value("fake").(*fakeServer).set(strings.Join(args, ""))
			},
			"calls": func(ts *testscript.TestScript, _ bool, args []string) {
				text := ts.Value("fake").(*fakeServer).log()
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
			},
			// status N COMMAND… holds the exit status itself: testscript's ! takes any other than 0.
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				var exit *exec.ExitError
				if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &exit) || exit.ExitCode() != want {
					ts.Fatalf("exit status: %v, want %d", err, want)
				}
			},
			"columns": func(ts *testscript.TestScript, _ bool, args []string) {
				for line := range strings.Lines(ts.ReadFile(args[0])) {
					if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
						ts.Fatalf("%d columns: %q", n, line)
					}
				}
			},
		},
	})
}

// deadAddress is where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// TestProfileOpen plays the page: it reads the address that is printed and fetches the trace.
func TestProfileOpen(t *testing.T) {
	f := startFake(t)
	out, printed := io.Pipe()
	var stderr bytes.Buffer
	cmd := newProfileCommand(stdio{out: printed, err: &stderr})
	cmd.SetArgs([]string{"open", "--server", f.URL, "--no-browser", "--addr", "127.0.0.1:0", fakeID})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(context.WithoutCancel(t.Context()))
		printed.CloseWithError(err)
		ended <- err
	}()
	var page [4096]byte
	n, err := out.Read(page[:])
	if err != nil {
		t.Fatal(err)
	}
	_, address, ok := strings.Cut(strings.TrimSpace(string(page[:n])), "https://ui.perfetto.dev/#!/?url=")
	if !ok {
		t.Fatalf("%q", page[:n])
	}
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	trace, err := io.ReadAll(resp.Body)
	if want := artifactContent("merged/" + fakeID + ".trace.json.gz"); err != nil || string(trace) != want {
		t.Errorf("%q, %v", trace, err)
	}
	if rest, _ := io.ReadAll(out); string(rest) != "the page has the trace\n" {
		t.Errorf("%q", rest)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestBenchInterrupted holds that a profile which was started is stopped, whatever happens.
func TestBenchInterrupted(t *testing.T) {
	f := startFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	cmd := newBenchCommand(stdio{out: &stdout, err: cancelOn{"requests", cancel}})
	cmd.SetArgs([]string{"--base-url", f.URL, "--profile", "--num-prompts", "20"})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(ctx)
	if exit, ok := err.(*exitError); !ok || exit.code != 1 {
		t.Errorf("%v", err)
	}
	if !strings.Contains(f.log(), "POST /v1/profiles/"+fakeID+"/stop") || !strings.Contains(stdout.String(), "Trace files saved.") {
		t.Errorf("%s\n%s", f.log(), &stdout)
	}
}

// cancelOn cancels when word is written.
type cancelOn struct {
	word   string
	cancel func()
}

func (c cancelOn) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(c.word)) {
		c.cancel()
	}
	return len(p), nil
}
