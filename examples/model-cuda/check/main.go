// Command check serves model-cuda on a machine with a GPU, with no profile and under one backend after the other, and
// compares what the recordings hold with what the model says it launched. `make gpu-check` runs it.
//
// It fails when a kernel is missing, invented, outside its operator's span or out of its stream's order.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// tolerance is how far two clocks may seem to be apart, in nanoseconds.
const tolerance = 20_000

type options struct {
	strobe, plugin, library, backends, keep string
	steps, requests                         int
}

func main() {
	var o options
	flag.StringVar(&o.strobe, "strobe", "./strobe", "the strobe program")
	flag.StringVar(&o.plugin, "plugin", "./model-cuda", "the plugin program")
	flag.StringVar(&o.library, "library", "", "path of libcupti; empty: it is looked for")
	flag.StringVar(&o.backends, "backends", "none,chrome,nsight", "profilers to try, with commas; none: no profile")
	flag.StringVar(&o.keep, "keep", "", "folder for what was recorded; empty: it is removed")
	flag.IntVar(&o.steps, "steps", 50, "steps of a request")
	flag.IntVar(&o.requests, "requests", 20, "requests of each try")
	flag.Parse()
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gpu-check:", err)
		os.Exit(1)
	}
}

func run(o options, out io.Writer) error {
	var base float64 // seconds a request without a profile
	for _, backend := range strings.Split(o.backends, ",") {
		dir := o.keep
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "strobe-gpu-check-"); err != nil {
				return err
			}
			defer os.RemoveAll(dir)
		}
		t, err := try(o, backend, filepath.Join(dir, backend))
		if err != nil {
			return fmt.Errorf("%s: %w", backend, err)
		}
		fmt.Fprintf(out, "%-8s %8.3f requests/s", backend, 1/t.seconds)
		if backend == "none" {
			base = t.seconds
		} else if base > 0 && t.work > 0 {
			fmt.Fprintf(out, "  %6.2f %% of none  %8.0f ns a device event", 100*base/t.seconds, (t.seconds-base)*1e9*float64(o.requests)/float64(t.work))
		}
		fmt.Fprintf(out, "  %d launches, %d kernels, %d device events and calls\n", t.launches, t.kernels, t.work)
	}
	return nil
}

// tried is what a backend came to.
type tried struct {
	seconds                 float64 // a request
	launches, kernels, work int
}

// try serves with one backend.
func try(o options, backend, dir string) (t tried, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return t, err
	}
	s, err := serve(o, backend, dir)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	for range 2 { // warm
		if err := s.post("/v1/images/generations", request(o), nil); err != nil {
			return t, err
		}
	}
	var started struct{ ID string }
	if backend != "none" {
		if err := s.post("/start_profile", "{}", &started); err != nil {
			return t, err
		}
	}
	began := time.Now()
	for range o.requests {
		if err := s.post("/v1/images/generations", request(o), nil); err != nil {
			return t, err
		}
	}
	t.seconds = time.Since(began).Seconds() / float64(o.requests)
	if backend == "none" {
		return t, nil
	}
	var stopped struct {
		ID       string
		State    string
		Warnings []string
	}
	if err := s.post("/stop_profile", "{}", &stopped); err != nil {
		return t, err
	}
	for _, w := range stopped.Warnings {
		fmt.Fprintln(os.Stderr, "gpu-check: warning of the profile:", w)
	}
	err = t.compare(filepath.Join(dir, "profiles", started.ID, "recording"))
	return t, err
}

func request(o options) string {
	return fmt.Sprintf(`{"prompt":"x","response_format":"b64_json","num_inference_steps":%d}`, o.steps)
}

// compare reads the recording and checks each kernel.
func (t *tried) compare(dir string) error {
	type spanKey struct {
		track *recording.Track
		seq   uint64
	}
	type kernel struct {
		span                    spanKey
		stream                  *recording.Track
		start, end, correlation int64
	}
	operators := map[spanKey][2]int64{}
	var kernels []kernel
	first, last := int64(-1), int64(0)
	sums, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			switch {
			case e.Track.Device || e.Track.Calls:
				t.work++
				if e.Work.Kind == trace.WorkKernel {
					kernels = append(kernels, kernel{spanKey{e.Work.Track, e.Work.External}, e.Track, e.Start, e.End, int64(e.Work.Correlation)})
				}
			case e.Name.Text == "example::scale":
				operators[spanKey{e.Track, e.Seq}] = [2]int64{e.Start, e.End}
				t.launches++
			case e.Kind == recording.Counter && e.Name.Text == "launches":
				last = max(last, int64(e.Value))
				if first < 0 {
					first = int64(e.Value)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range sums {
		if s.Lost.Total() > 0 || s.Lost.Corrupt > 0 {
			return fmt.Errorf("%s lost events: %+v", s.Process.Name, s.Lost)
		}
	}
	const perOperator = 4 // as the model has it by default
	t.launches *= perOperator
	t.kernels = len(kernels)
	// The model's own counter is told at the end of each step: it does not rise by the first one.
	if counted := int(last - first); t.kernels != t.launches || counted >= t.launches {
		return fmt.Errorf("%d kernels were recorded, %d were launched (the model's own counter rose by %d after the first step)", t.kernels, t.launches, counted)
	}
	slices.SortFunc(kernels, func(a, b kernel) int { return cmp.Compare(a.correlation, b.correlation) })
	before := map[*recording.Track]int64{}
	for _, k := range kernels {
		op, ok := operators[k.span]
		if !ok || k.start < op[0]-tolerance {
			return fmt.Errorf("kernel %+v did not begin within an operator", k)
		}
		if k.start < before[k.stream]-tolerance {
			return fmt.Errorf("kernel %+v is out of its stream's order", k)
		}
		before[k.stream] = k.end
	}
	return nil
}

// server is a strobe that serves.
type server struct {
	cmd *exec.Cmd
	url string
	log *bytes.Buffer
}

func serve(o options, backend, dir string) (*server, error) {
	plugin, err := filepath.Abs(o.plugin)
	if err != nil {
		return nil, err
	}
	profilers, block := `["`+backend+`"]`, "profiler \""+backend+"\" {\n}\n"
	if backend == "none" {
		profilers, block = "[]", ""
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
