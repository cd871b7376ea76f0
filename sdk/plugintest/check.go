package plugintest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// checkLimit bounds one check.
const checkLimit = 5 * time.Minute

// ErrSkipped says that a check does not apply to the plugin.
var ErrSkipped = errors.New("does not apply")

// Check is one promise of the contract.
type Check struct {
	Name string
	Kind string // "model", "profiler"
	run  func(ctx context.Context, p *Plugin) error
}

// Run checks a fresh plugin. An error that is [ErrSkipped] says that there was nothing to check.
func (c Check) Run(ctx context.Context, start Start) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	p, err := start(ctx)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	err = c.run(ctx, p)
	bounded, cancelClose := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancelClose()
	if closing := p.Close(bounded); err == nil && closing != nil {
		err = fmt.Errorf("close: %w", closing)
	}
	return err
}

// run runs checks as subtests, in memory when start is given and as a process when a command is.
func run(t *testing.T, checks []Check, start Start, command []string) {
	t.Helper()
	starts := map[string]Start{}
	if start != nil {
		starts["memory"] = start
	}
	if len(command) > 0 {
		starts["process"] = StartCommand(nil, command...)
	}
	if len(starts) == 0 {
		t.Fatal("give New and Build, so that the plugin is checked in memory and as a process")
	}
	for how, start := range starts {
		t.Run(how, func(t *testing.T) {
			for _, c := range checks {
				t.Run(c.Name, func(t *testing.T) {
					err := c.Run(t.Context(), start)
					switch {
					case errors.Is(err, ErrSkipped):
						t.Skip(err)
					case err != nil:
						t.Error(err)
					}
				})
			}
		})
	}
}

// kindModel and kindProfiler are what Describe says.
const (
	kindModel    = wire.KindModel
	kindProfiler = wire.KindProfiler
)
