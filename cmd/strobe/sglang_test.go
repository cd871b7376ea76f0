package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/profile"
)

// TestSGLangProfiler runs SGLang's unmodified profiling script. It asks /server_info, starts a profile of five steps with an
// output_dir of its own, and takes the answer for "the traces are written".
func TestSGLangProfiler(t *testing.T) {
	dir := clientsDir(t)
	p := startServer(t)
	served := make(chan struct{})
	ended := make(chan struct{})
	go func() { // steps for it to profile
		defer close(ended)
		for {
			select {
			case <-served:
				return
			default:
				res, err := http.Post(p.url+"/v1/images/generations", "application/json",
					strings.NewReader(`{"prompt":"red heart","size":"64x64","num_inference_steps":4}`))
				if err != nil {
					return // the server's end is another's finding
				}
				res.Body.Close()
			}
		}
	}()
	out := t.TempDir()
	printed := runOutside(t, out, []string{
		filepath.Join(dir, "venv/bin/python"), filepath.Join(dir, "sglang_profiler.py"), "--url", p.url, "--output-dir", out, "--num-steps", "5", "--mem",
	})
	close(served)
	<-ended
	var list struct{ Profiles []profile.View }
	if err := json.Unmarshal(p.get("/v1/profiles").body, &list); err != nil || len(list.Profiles) != 1 {
		t.Fatalf("%v, %d profiles\n%s", err, len(list.Profiles), printed)
	}
	v := list.Profiles[0]
	if v.State != profile.StateComplete || v.EndedBy != profile.EndedByNumSteps || v.Steps < 5 || len(v.Artifacts) == 0 {
		t.Errorf("%+v\n%s", v, printed)
	}
	info, err := filepath.Glob(filepath.Join(out, "*", "server_args.json"))
	if err != nil || len(info) != 1 {
		t.Fatalf("the script kept no server_args.json: %v\n%s", err, printed)
	}
	text, err := os.ReadFile(info[0])
	if err != nil || !json.Valid(text) {
		t.Errorf("%v: %s", err, text)
	}
}
