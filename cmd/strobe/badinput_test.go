package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// apiError is the one form of every error.
type apiError struct {
	Error struct {
		Message, Type string
		Param         *string
		Code          string
	}
}

// TestBadInput sends what people and programs send by mistake. Each gets an error that names the field, and the server
// goes on.
func TestBadInput(t *testing.T) {
	p := startServer(t)
	generation := func(fields string) func() reply {
		return func() reply {
			return p.post("/v1/images/generations", `{"prompt":"noto cat","num_inference_steps":1`+fields+`}`)
		}
	}
	cases := []struct {
		name   string
		send   func() reply
		status int
		param  string
	}{
		{"bad JSON", func() reply { return p.post("/v1/images/generations", `{"prompt":`) }, 400, ""},
		{"not JSON at all", func() reply { return p.do("POST", "/v1/images/generations", "text/plain", strings.NewReader("cat")) }, 415, ""},
		{"unknown model", generation(`,"model":"dall-e-3"`), 400, "model"},
		{"0 steps", generation(`,"num_inference_steps":0`), 400, "num_inference_steps"},
		{"201 steps", generation(`,"num_inference_steps":201`), 400, "num_inference_steps"},
		{"size 0x0", generation(`,"size":"0x0"`), 400, "size"},
		{"size 99999x1", generation(`,"size":"99999x1"`), 400, "size"},
		{"n 0", generation(`,"n":0`), 400, "n"},
		{"n 11", generation(`,"n":11`), 400, "n"},
		{"prompt of 1 MB", generation(`,"prompt":"` + strings.Repeat("cat ", 1<<18) + `"`), 400, "prompt"},
		{"no prompt", func() reply { return p.post("/v1/images/generations", `{}`) }, 400, "prompt"},
		{"an image that is no image", func() reply { return p.edit([]byte("not an image")) }, 400, "image"},
		{"a body of 100 MB", func() reply { return p.edit(make([]byte, 100<<20)) }, 413, ""},
		{"no such profile", func() reply { return p.get("/v1/profiles/20200101-000000-abcdef") }, 404, "id"},
		{"path traversal", func() reply { return p.get("/v1/profiles/..%2f..%2fetc/artifacts/passwd") }, 404, "id"},
		{"output_dir", func() reply { return p.post("/v1/profiles", `{"output_dir":"/etc"}`) }, 400, "output_dir"},
		{"videos", func() reply { return p.post("/v1/videos", `{}`) }, 404, ""},
		{"idle stop", func() reply { return p.post("/stop_profile", "") }, 409, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := c.send()
			var e apiError
			if err := json.Unmarshal(r.body, &e); err != nil || e.Error.Message == "" || e.Error.Code == "" {
				t.Fatalf("%d %.300s: %v", r.status, r.body, err)
			}
			param := ""
			if e.Error.Param != nil {
				param = *e.Error.Param
			}
			if r.status != c.status || param != c.param {
				t.Errorf("%d with param %q, want %d with %q: %.300s", r.status, param, c.status, c.param, r.body)
			}
		})
	}
	r := p.post("/v1/images/generations", `{"prompt":"noto zebra crossing","num_inference_steps":1}`)
	if r.status != 200 || !strings.Contains(string(r.body), "zebra") {
		t.Errorf("an unknown word gives no warning: %d %.300s", r.status, r.body)
	}
	if strings.Contains(p.stderr.String(), "zebra") {
		t.Errorf("a prompt's word is in the log:\n%s", p.stderr)
	}
}

// edit posts an image-to-image form.
func (p *process) edit(image []byte) reply {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("prompt", "noto cat")
	_ = form.WriteField("num_inference_steps", "2")
	file, _ := form.CreateFormFile("image", "image.png")
	_, _ = file.Write(image)
	_ = form.Close()
	return p.do("POST", "/v1/images/edits", form.FormDataContentType(), &body)
}

// TestProfileFolder takes the profile folder away: before the server starts, and under it.
func TestProfileFolder(t *testing.T) {
	t.Run("a file in its place", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "profiles", "I am a file")
		status, stderr := runStrobe(t, dir, "serve", "--listen", "127.0.0.1:0")
		if status == 0 || !strings.Contains(stderr, "profiles") {
			t.Errorf("exit status %d\n%s", status, stderr)
		}
	})
	t.Run("gone while serving", func(t *testing.T) {
		p := startServer(t)
		folder := filepath.Join(p.dir, "profiles")
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		write(t, p.dir, "profiles", "I am a file now")
		r := p.post("/start_profile", "")
		if r.status < 500 || !strings.Contains(string(r.body), "profile") {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := p.post("/v1/images/generations", `{"prompt":"noto cat","num_inference_steps":1}`); r.status != 200 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

// TestBadConfiguration starts with what cannot work: the status is 2, or 1 when the text is not at fault, and the message
// names the culprit.
func TestBadConfiguration(t *testing.T) {
	base := `
server {
  profilers = ["chrome"]
  %s
}
model "emoji" {
  stage "diffusion" {
    plugin = "%s"
  }
}
profiler "chrome" {
}
%s
`
	cases := []struct {
		name, server, plugin, rest string
		want                       []string
	}{
		{"unknown key", `lisen = "127.0.0.1:0"`, "dit", "", []string{"plugins.hcl:4:3", "lisen", `"listen"`}},
		{"missing binary", "", "mine", `plugin "mine" {
  kind    = "model"
  command = ["./bin/mine"]
}`, []string{"mine", "bin/mine"}},
		{"wrong checksum", "", "mine", `plugin "mine" {
  kind    = "model"
  command = ["/bin/true"]
  sha256  = "` + strings.Repeat("0", 64) + `"
}`, []string{"model(mine)", "sha256"}},
		{"socket path too long", `runtime_dir = "/tmp/` + strings.Repeat("x", 120) + `"`, "dit", "", []string{"runtime_dir"}},
		{"bad value of a plugin's own key", "", "dit\"\n    config {\n      device = \"abacus\"\n    }\n    # \"", "", []string{"plugins.hcl:10:", "abacus"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "plugins.hcl", fmt.Sprintf(base, c.server, c.plugin, c.rest))
			for _, command := range [][]string{{"validate"}, {"serve", "--listen", "127.0.0.1:0"}} {
				status, stderr := runStrobe(t, dir, command...)
				if status != 2 && status != 1 {
					t.Errorf("%s: exit status %d", command, status)
				}
				for _, want := range c.want {
					if !strings.Contains(stderr, want) {
						t.Errorf("%s: nothing about %q in\n%s", command, want, stderr)
					}
				}
			}
		})
	}
}

// runStrobe runs a command to its end and returns its exit status and what it wrote to standard error.
func runStrobe(t *testing.T, dir string, args ...string) (status int, stderr string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asStrobe+"=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), errs.String()
}
