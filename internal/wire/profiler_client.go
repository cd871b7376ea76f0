package wire

import (
	"context"
	"encoding/json"
	"fmt"

	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Open starts one profile's output.
func (c *Client) Open(ctx context.Context, r OpenRequest) error {
	return c.call(ctx, "open", c.timeouts.Open, func(ctx context.Context) error {
		m := &profilerv1.OpenRequest{
			Id: text(r.Profile.ID), Dir: r.Profile.Dir, RecordingDir: r.RecordingDir, Model: text(r.Profile.Model),
			Label: text(r.Profile.Label), StartedUnixNs: r.Profile.Started.UnixNano(), MaxBytes: r.Profile.MaxBytes, Host: text(r.Profile.Host),
			Processes: toRecorded(r.Profile.Processes), Filter: toFilter(r.Profile.Filter),
			PreviousDir: r.Profile.Previous,
		}
		if !r.Since.IsZero() {
			m.SinceUnixNs = r.Since.UnixNano()
		}
		if s := r.Source; s != nil {
			m.Source = &profilerv1.Source{Path: s.Path, MaxBytes: s.MaxBytes, Name: text(s.Name)}
		}
		_, err := profilerv1.NewProfilerServiceClient(c.conn).Open(ctx, m)
		return err
	})
}

// StopSource ends the measuring of the open profile. It may be called again.
func (c *Client) StopSource(ctx context.Context) (SourceReply, error) {
	var reply SourceReply
	err := c.call(ctx, "stop measuring", c.timeouts.Record, func(ctx context.Context) error {
		r, err := profilerv1.NewProfilerServiceClient(c.conn).StopSource(ctx, &profilerv1.StopSourceRequest{})
		l := r.GetLost()
		reply = SourceReply{Problem: clip(r.GetError(), 4<<10), Stats: trace.Stats{
			Events: r.GetEvents(), Bytes: r.GetBytes(), EventNs: fromPicos(r.GetEventCostPs()), Lost: lossesFrom(l)}}
		return err
	})
	return reply, err
}

// Finish completes the open profile. When the export itself went wrong the reply still holds what was read, beside
// the error.
func (c *Client) Finish(ctx context.Context, r FinishRequest) (FinishReply, error) {
	var reply FinishReply
	err := c.call(ctx, "finish", c.timeouts.Finish, func(ctx context.Context) error {
		m, err := profilerv1.NewProfilerServiceClient(c.conn).Finish(ctx, &profilerv1.FinishRequest{
			StoppedUnixNs: r.Stopped.UnixNano(), Segments: r.Segments})
		if err != nil {
			return err
		}
		if t := m.GetTableJson(); len(t) > 0 {
			if err := json.Unmarshal(t, &reply.Table); err != nil {
				return fmt.Errorf("read the plugin's table: %w", err)
			}
		}
		reply.Artifacts, err = artifactsFrom(m.GetArtifacts())
		reply.Processes = processesFrom(m.GetProcesses())
		reply.Warnings = m.GetWarnings()
		if err == nil && m.GetError() != "" {
			err = &PluginError{Message: clip(m.GetError(), 4<<10)}
		}
		return err
	})
	return reply, err
}

// Abort abandons the open profile, if there is one.
func (c *Client) Abort(ctx context.Context) error {
	return c.call(ctx, "abort", c.timeouts.Open, func(ctx context.Context) error {
		_, err := profilerv1.NewProfilerServiceClient(c.conn).Abort(ctx, &profilerv1.AbortRequest{})
		return err
	})
}
