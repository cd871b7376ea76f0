package token_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/token"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text  string
		names []string
		err   string
	}{
		"one":               {"s3cret", []string{"line-1"}, ""},
		"comments":          {"# team\n\n  s3cret  \r\n#x\nother\n", []string{"line-3", "line-5"}, ""},
		"names":             {"alice s3cret\nbob\tother\n", []string{"alice", "bob"}, ""},
		"empty":             {"", nil, "it holds no token"},
		"comments only":     {"# s3cret\n", nil, "it holds no token"},
		"three words":       {"ok1\na b s3cret\n", nil, "line 2 holds 3 words"},
		"a name in symbols": {"al:ice s3cret\n", nil, "line 1: the name"},
		"a long name":       {strings.Repeat("n", 33) + " s3cret\n", nil, "line 1: the name"},
		"too large":         {strings.Repeat("s3cret\n", token.MaxFileBytes/6), nil, "not a regular file of at most 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			put(t, path, c.text)
			f, err := token.Read(path)
			var names []string
			for _, e := range f.Entries {
				names = append(names, e.Name)
			}
			if diff := cmp.Diff(c.names, names); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Error("the token is in the error")
			}
		})
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir} {
		if _, err := token.Read(path); !errors.Is(err, token.ErrNoFile) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := token.Read(filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// watched is a set whose file is changed under it.
type watched struct {
	t    *testing.T
	path string
	set  *token.Set
	log  *bytes.Buffer
}

func watch(t *testing.T, text, fixed string) *watched {
	w := &watched{t: t, path: filepath.Join(t.TempDir(), "tokens"), log: &bytes.Buffer{}}
	put(t, w.path, text)
	w.set = token.NewSet(token.Options{Role: "control", Key: "server.control_token_file", Path: w.path, Fixed: fixed,
		Log: slog.New(slog.NewTextHandler(w.log, nil))})
	return w
}

// opens checks whose token a secret is, "" for nobody's, and whether the file can be read.
func (w *watched) opens(secret, want string, readable bool) {
	w.t.Helper()
	name, ok, err := w.set.Match(secret)
	if name != want || ok != (want != "") || (err == nil) != readable {
		w.t.Errorf("%q: %q, %v, %v; want %q", secret, name, ok, err, want)
	}
}

func TestSetFollowsItsFile(t *testing.T) {
	w := watch(t, "alice one\n", "")
	w.opens("one", "alice", true)
	w.opens("two", "", true)
	w.opens("", "", true)
	w.opens("alice one", "", true)

	next := w.path + ".new" // replaced atomically
	put(t, next, "bob two\n")
	if err := os.Rename(next, w.path); err != nil {
		t.Fatal(err)
	}
	w.opens("one", "", true)
	w.opens("two", "bob", true)

	before, err := os.Stat(w.path) // rewritten in place with the same size and the same time
	if err != nil {
		t.Fatal(err)
	}
	put(t, w.path, "bob six\n")
	if err := os.Chtimes(w.path, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	w.opens("two", "", true)
	w.opens("six", "bob", true)

	put(t, w.path, "") // emptied: fails closed, whatever was good before
	w.opens("six", "", false)
	if err := os.Remove(w.path); err != nil {
		t.Fatal(err)
	}
	w.opens("six", "", false)
	w.opens("six", "", false)
	put(t, w.path, "seven\n")
	w.opens("seven", "line-1", true)
	if err := os.Chmod(w.path, 0o644); err != nil {
		t.Fatal(err)
	}
	w.opens("seven", "line-1", true)
	w.opens("seven", "line-1", true)

	log := w.log.String()
	for text, n := range map[string]int{
		"a token file cannot be read; nobody gets in by it": 2, "it holds no token": 1, "no such file": 1,
		"a token file can be read again": 1, "others can read a token file: chmod 600": 1,
		"tokens are short enough to be guessed": 3, "names=[alice]": 1, "names=[bob]": 1, "names=[line-1]": 1,
	} {
		if got := strings.Count(log, text); got != n {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, n, log)
		}
	}
	for _, secret := range []string{"=one", "=two", "six", "seven"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
}

// TestSetKeepsWhatItRead: an old file that did not change is not read at each request.
func TestSetKeepsWhatItRead(t *testing.T) {
	w := watch(t, "one\n", "")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(w.path, old, old); err != nil {
		t.Fatal(err)
	}
	w.opens("one", "line-1", true)
	if allocs := testing.AllocsPerRun(100, func() { w.opens("one", "line-1", true) }); allocs > 20 {
		t.Errorf("%g allocations a request", allocs)
	}
}

func TestSetFromEnvironment(t *testing.T) {
	w := watch(t, "one\n", "env")
	w.opens("env", token.EnvName, true)
	if err := os.Remove(w.path); err != nil {
		t.Fatal(err)
	}
	w.opens("env", token.EnvName, false) // the caller gets in all the same
	w.opens("one", "", false)
	none := token.NewSet(token.Options{})
	if _, ok, err := none.Match(""); ok || err != nil || none.Configured() {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestSetConcurrently(t *testing.T) {
	w := watch(t, "one\n", "")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if _, ok, err := w.set.Match("one"); !ok || err != nil {
					t.Errorf("%v, %v", ok, err)
				}
			}
		})
	}
	for i := range 50 {
		next := w.path + ".new"
		put(t, next, strings.Repeat("# x\n", i)+"one\n")
		if err := os.Rename(next, w.path); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}
