//go:build !windows

package main

import (
	"context"
	"log/slog"

	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/core/telemetry"
)

// newTelemetry traces the server's own requests when the configuration says so; else it is nil.
func newTelemetry(ctx context.Context, cfg *config.Config, log *slog.Logger) (*telemetry.Telemetry, error) {
	t := cfg.Telemetry
	if t == nil {
		return nil, nil
	}
	return telemetry.New(ctx, telemetry.Options{Endpoint: t.Endpoint, Insecure: t.Insecure, Ratio: t.Ratio, Version: buildVersion(), Model: cfg.Server.Model, Log: log})
}
