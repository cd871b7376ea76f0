package catalog

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// describeLimit bounds a Describe of a plugin that nobody configured.
const describeLimit = 15 * time.Second

// Describe starts a plugin's program, asks it what it is and ends it. Nothing is configured or loaded.
func Describe(ctx context.Context, log *slog.Logger, command ...string) (_ wire.Description, err error) {
	ctx, cancel := context.WithTimeout(ctx, describeLimit)
	defer cancel()
	host, err := wire.NewHost("")
	if err != nil {
		return wire.Description{}, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	p, err := host.Launch(ctx, wire.Spec{Name: command[0], Command: command, Log: log})
	if err != nil {
		return wire.Description{}, err
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	return p.Describe(ctx)
}

// Command is how a built-in plugin is started.
func (o Options) Command(b Builtin) []string {
	return append(append([]string{}, o.Self...), b.Kind, b.Name)
}
