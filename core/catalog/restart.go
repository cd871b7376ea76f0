package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/strobe-dev/strobe/internal/words"
)

// ErrRestarting says that a rank is down because somebody restarts it.
var ErrRestarting = errors.New("the rank is being restarted on request")

// UnknownPluginError says that no plugin has that name.
type UnknownPluginError struct {
	Name  string
	Known []string
}

func (e *UnknownPluginError) Error() string {
	s := fmt.Sprintf("no plugin %q is served", e.Name)
	if h := words.Hint(e.Name, "there are", e.Known); h != "" {
		s += " (" + h + ")"
	}
	return s
}

// Restart ends the processes of that name, as [PluginInfo] has it, and starts them again: one after the other, so that the
// other ranks of a stage serve meanwhile. A rank that serves a request may first end it. What is broken is tried again. It
// returns when they are up; an error says what kept one of them down.
func (c *Catalog) Restart(ctx context.Context, name string) error {
	var errs []error
	found := false
	var known []string
	for _, s := range c.stages {
		known = append(known, s.Plugin)
		for _, r := range s.Ranks {
			if s.Plugin == name {
				found = true
				errs = append(errs, r.restart(ctx))
			}
		}
	}
	if p, ok := c.profilers[name]; ok {
		found = true
		errs = append(errs, p.restart(ctx))
	}
	if !found {
		return &UnknownPluginError{Name: name, Known: append(known, c.order...)}
	}
	return errors.Join(errs...)
}
