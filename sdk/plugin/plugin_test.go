package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugin"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestMain is a plugin's main when the first argument says so.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		if os.Args[2] == "model" {
			plugin.ServeModel(nothing{})
		} else {
			plugin.ServeProfiler(nothing{}, profiler.Description{Name: "nothing"})
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type nothing struct{}

func (nothing) Describe() model.Description { return model.Description{Name: "nothing"} }
func (nothing) Load(context.Context, model.Rank, *trace.Recorder) (model.Session, error) {
	return nil, errors.New("nothing to load")
}
func (nothing) Open(context.Context, profiler.Profile) (profiler.Sink, error) {
	return nil, errors.New("nothing to open")
}

func TestRunByHand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"model", "profiler"} {
		t.Run(kind, func(t *testing.T) {
			var stderr strings.Builder
			cmd := exec.Command(self, "plugin", kind)
			cmd.Stderr = &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("it ended with %v, want status 1", err)
			}
			for _, want := range []string{"This is the Strobe " + kind + ` plugin "nothing"`, `kind    = "` + kind + `"`, "strobe serve"} {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("no %q in\n%s", want, stderr.String())
				}
			}
		})
	}
}

// A plugin says what stands in its way here and now, besides what is wrong with its values.
func ExampleProber() {
	var p plugin.Prober = collector{address: "box:4317"}
	fmt.Println(p.Probe(context.Background()))
	// Output: [endpoint: nobody answers at box:4317]
}

type collector struct {
	nothing
	address string
}

func (c collector) Probe(context.Context) (found diag.List) {
	found.Warnf(diag.Path{"endpoint"}, "nobody answers at %s", c.address)
	return found
}

func ExampleServeProfiler() {
	// The whole main of a profiler plugin; see sdk/profiler for what it implements.
	main := func() {
		plugin.ServeProfiler(nothing{}, profiler.Description{Name: "nothing", Version: "0.1.0", Summary: "an example"})
	}
	_ = main
}
