package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestAnswersWhileLoading: a server whose model takes a while to load lives and is not ready, and says so.
func TestAnswersWhileLoading(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "plugins.hcl", `
server {
  model = "big"
}
model "big" {
  stage "diffusion" {
    plugin = "dit"
    config {
      weights = "random"
      preset  = "m"
    }
  }
}
profiler "chrome" {}
`)
	cmd := exec.Command(exe, "serve", "--listen", address)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), asStrobe+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // how it ends is not what is tried here
	})
	seen := map[int]bool{}
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && !seen[200]; time.Sleep(5 * time.Millisecond) {
		res, err := http.Get("http://" + address + "/ready")
		if err != nil {
			continue // it does not listen yet
		}
		_ = res.Body.Close()
		seen[res.StatusCode] = true
	}
	if !seen[200] || !seen[503] || len(seen) != 2 {
		t.Errorf("/ready answered %v, want 503 and then 200", seen)
	}
}
