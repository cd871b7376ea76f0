package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// abandonTimeout bounds the end of a plugin whose start came to nothing.
const abandonTimeout = 5 * time.Second

// started is a process that was described and configured.
type started struct {
	*wire.Process
	described wire.Description
}

// start launches a unit, checks what it is and configures it. A finding is no error; the process is up unless there is
// an error. keep is told of the process before anything is asked of it.
func (c *Catalog) start(ctx context.Context, u unit, keep func(*wire.Process)) (started, diag.List, error) {
	p, err := c.host.Launch(ctx, u.spec(c.options))
	if err != nil {
		return started{}, nil, err
	}
	keep(p)
	s := started{Process: p}
	if s.described, err = p.Describe(ctx); err != nil {
		return s, nil, err
	}
	if err := check(s.described, u.source.kind); err != nil {
		return s, nil, &wire.Error{Plugin: p.Plugin, Err: err}
	}
	found, err := p.Configure(ctx, u.values.Values)
	return s, found, err
}

// restart is start for a unit that was sound before: findings are errors now, and on error nothing is left.
func (c *Catalog) restart(ctx context.Context, u unit) (started, error) {
	s, found, err := c.start(ctx, u, func(*wire.Process) {})
	if err == nil && found.HasErrors() {
		err = &wire.Error{Plugin: s.Plugin, Op: "configure", Err: found.Err()}
	}
	if err == nil && u.rank != nil {
		_, err = s.Load(ctx, *u.rank)
	}
	if err == nil {
		return s, nil
	}
	if s.Process != nil {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
		defer cancel()
		_ = s.Close(bounded)
	}
	return started{}, err
}

// check makes sure that the process is what the configuration calls it.
func check(d wire.Description, kind string) error {
	if d.Kind != kind {
		return &KindError{Want: kind, Got: d.Kind}
	}
	if !d.Serves(wire.APIVersion) {
		return fmt.Errorf("it serves versions %v of the %s service and this server needs %d", d.APIVersions, kind, wire.APIVersion)
	}
	return nil
}

// KindError says that a plugin is of another kind than the configuration says.
type KindError struct{ Want, Got string }

func (e *KindError) Error() string {
	return fmt.Sprintf("it is a %s plugin, the configuration needs a %s plugin", e.Got, e.Want)
}
