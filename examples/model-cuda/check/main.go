// Command check serves model-cuda on a machine with a GPU, with no profile and under one backend after the other, and
// compares what the recordings, and what the backends made of them, hold with what the model says it launched. `make gpu-check`
// runs it.
//
// It fails when a kernel is missing, invented, launched outside its operator's span or out of its stream's order.
//
//	main.go     one backend after the other; serve.go: the server that is tried
//	compare.go  the recording; outputs.go: what each backend made of it; receiver.go: who gets OTLP
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// none is what the list of backends has for serving without a profile.
const none = "none"

type options struct {
	strobe, plugin, library, backends, keep string
	steps, requests                         int
}

func main() {
	var o options
	flag.StringVar(&o.strobe, "strobe", "./strobe", "the strobe program")
	flag.StringVar(&o.plugin, "plugin", "./model-cuda", "the plugin program")
	flag.StringVar(&o.library, "library", "", "path of libcupti; empty: it is looked for")
	flag.StringVar(&o.backends, "backends", "none,chrome,perfetto,otlp,nsight", "profilers to try, with commas; none: no profile")
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
		if backend == none {
			base = t.seconds
			fmt.Fprintln(out)
			continue
		}
		if base > 0 && t.work > 0 {
			fmt.Fprintf(out, "  %6.2f %% of none  %8.0f ns a device event", 100*base/t.seconds, (t.seconds-base)*1e9*float64(o.requests)/float64(t.work))
		}
		fmt.Fprintf(out, "  %d launches, %d kernels, %s, %d device events and calls\n", t.launches, t.kernels, t.output, t.work)
	}
	return nil
}

// tried is what a backend came to.
type tried struct {
	seconds                 float64 // a request
	launches, kernels, work int
	output                  string // what was found in what the backend made
}

// try serves with one backend.
func try(o options, backend, dir string) (t tried, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return t, err
	}
	spans, err := receive()
	if err != nil {
		return t, err
	}
	defer spans.close()
	s, err := serve(o, backend, dir, spans.address)
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
	if backend != none {
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
	if backend == none {
		return t, nil
	}
	var stopped profile
	if err := s.post("/stop_profile", "{}", &stopped); err != nil {
		return t, err
	}
	for _, w := range stopped.Warnings {
		fmt.Fprintln(os.Stderr, "gpu-check: warning of the profile:", w)
	}
	if stopped.State != "complete" {
		return t, fmt.Errorf("the profile is %s: %s", stopped.State, stopped.Error)
	}
	folder := filepath.Join(dir, "profiles", started.ID)
	if err := t.compare(filepath.Join(folder, "recording")); err != nil {
		return t, err
	}
	return t, t.compareOutput(backend, folder, stopped, spans)
}

func request(o options) string {
	return fmt.Sprintf(`{"prompt":"x","response_format":"b64_json","num_inference_steps":%d}`, o.steps)
}
