package catalog

import (
	"errors"
	"sync"

	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// LoadError is everything that keeps a configuration from being loaded. errors.As finds [config.Diagnostics] in it,
// with each finding at its place; errors.Is sees the errors of the plugins too.
type LoadError struct {
	Findings config.Diagnostics
	Errs     []error // of plugins, each also one of the findings
}

func (e *LoadError) Error() string { return e.Findings.Error() }

// Unwrap gives the findings and the plugins' errors.
func (e *LoadError) Unwrap() []error { return append([]error{e.Findings}, e.Errs...) }

// report collects findings from several goroutines.
type report struct {
	mu    sync.Mutex
	found config.Diagnostics
	errs  []error
}

func (r *report) add(ds config.Diagnostics) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = append(r.found, ds...)
}

// fail adds a plugin's error at the block that is about it.
func (r *report) fail(u unit, err error) {
	at, path := u.block, diag.Path(nil)
	if p := u.source.external; p != nil {
		switch {
		case errors.Is(err, wire.ErrNotFound), errors.Is(err, wire.ErrNotExecutable):
			at, path = p.Origin, diag.Path{"command"}
		case errors.Is(err, wire.ErrChecksum):
			at, path = p.Origin, diag.Path{"sha256"}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = append(r.found, at.Errorf(path, "%v", err))
	r.errs = append(r.errs, err)
}

// err is what was collected when any of it is an error.
func (r *report) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.found.HasErrors() {
		return nil
	}
	r.found.Sort()
	return &LoadError{Findings: unique(r.found), Errs: r.errs}
}

// unique drops a finding that is there already: replicas say the same thing about the same block.
func unique(ds config.Diagnostics) config.Diagnostics {
	seen := map[string]bool{}
	var out config.Diagnostics
	for _, d := range ds {
		if key := d.String(); !seen[key] {
			seen[key] = true
			out = append(out, d)
		}
	}
	return out
}
