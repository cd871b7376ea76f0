package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// server is a strobe that serves.
type server struct {
	cmd *exec.Cmd
	url string
	log *bytes.Buffer
}

func serve(o options, backend, dir, otlp string) (*server, error) {
	plugin, err := filepath.Abs(o.plugin)
	if err != nil {
		return nil, err
	}
	profilers, block := `["`+backend+`"]`, "profiler \""+backend+"\" {\n}\n"
	switch backend {
	case none:
		profilers, block = "[]", ""
	case "otlp":
		block = fmt.Sprintf("profiler \"otlp\" {\n  config {\n    endpoint = %q\n    insecure = true\n    detail   = \"device\"\n  }\n}\n", otlp)
	}
	config := fmt.Sprintf(`server {
  listen    = "127.0.0.1:0"
  model     = "gpu"
  profilers = %s
}
profile {
  dir       = %q
  max_bytes = "8GiB"
}
model "gpu" {
  stage "scale" {
    plugin = "mine"
    config {
      cuda         = "required"
      cuda_library = %q
    }
  }
}
plugin "mine" {
  kind    = "model"
  command = [%q]
}
%s`, profilers, filepath.Join(dir, "profiles"), o.library, plugin, block)
	file := filepath.Join(dir, "plugins.hcl")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	s := &server{cmd: exec.Command(o.strobe, "serve", "--config", file), log: &bytes.Buffer{}}
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	_, s.url, _ = strings.Cut(strings.TrimSpace(line), "listening on ")
	if err != nil || s.url == "" {
		_ = s.end()
		return nil, fmt.Errorf("serve: %s", s.log)
	}
	return s, nil
}

func (s *server) post(path, body string, to any) error {
	r, err := http.Post(s.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s: %s: %s", path, r.Status, answer)
	}
	if to == nil {
		return nil
	}
	return json.Unmarshal(answer, to)
}

func (s *server) end() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("serve: %w: %s", err, s.log)
	}
	return nil
}
