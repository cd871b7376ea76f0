//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

func (p *profileCommand) list() *cobra.Command {
	var q client.ListQuery
	var trigger, since, until string
	var pinned bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the profiles that the server keeps, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.Since, err = momentAgo("--since", since); err != nil {
				return usage(err)
			}
			if q.Until, err = momentAgo("--until", until); err != nil {
				return usage(err)
			}
			if q.Limit < 0 {
				return usage(errors.New("--limit must be above 0, or left out for all"))
			}
			if cmd.Flags().Changed("trigger") {
				q.Trigger = &trigger
			}
			if cmd.Flags().Changed("pinned") {
				q.Pinned = &pinned
			}
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			list, err := c.FindProfiles(cmd.Context(), q)
			if err != nil {
				return failed(err)
			}
			if p.remote.json {
				return printJSON(p.io.out, list.Raw)
			}
			_, err = fmt.Fprint(p.io.out, render.List(list.Profiles))
			return failed(err)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&q.States, "state", nil, "`state` to list: recording, exporting, complete, failed, …; may be repeated")
	f.StringVar(&q.Label, "label", "", "`text` that the label has in it")
	f.StringVar(&q.Model, "model", "", "`name` of the served model")
	f.StringVar(&q.Profiler, "profiler", "", "`name` of a profiler that exported it")
	f.StringVar(&trigger, "trigger", "", "`kind` of what made it, such as slow; \"\" for profiles that somebody started")
	f.BoolVar(&pinned, "pinned", false, "pinned profiles only; --pinned=false for the others")
	f.StringVar(&since, "since", "", "started at this `time` or later: 2026-11-23T10:00:00Z, or 90m ago")
	f.StringVar(&until, "until", "", "started before this `time`")
	f.IntVar(&q.Limit, "limit", 0, "at most `N` profiles")
	return cmd
}

// momentAgo reads a time, or how long ago it was.
func momentAgo(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%s %q is no time such as 2026-11-23T10:00:00Z, and no length such as 90m", flag, text)
}

func (p *profileCommand) label() *cobra.Command {
	return &cobra.Command{
		Use:   "label ID TEXT",
		Short: "Give a profile a label; an empty text takes it away",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.change(cmd.Context(), args[:1], client.ProfileChange{Label: &args[1]}, "labelled")
		},
	}
}

func (p *profileCommand) pin() *cobra.Command {
	yes := true
	return &cobra.Command{
		Use:   "pin ID…",
		Short: "Keep profiles whatever the bounds on what is kept say",
		Long: `Keep profiles whatever profile.keep, max_age and the other bounds say.

Pinned profiles count among those that are kept, so there is a limit to them: one place
stays free for the next profile.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.change(cmd.Context(), args, client.ProfileChange{Pinned: &yes}, "pinned")
		},
	}
}

func (p *profileCommand) unpin() *cobra.Command {
	no := false
	return &cobra.Command{
		Use:   "unpin ID…",
		Short: "Let profiles go when newer ones take their place",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.change(cmd.Context(), args, client.ProfileChange{Pinned: &no}, "unpinned")
		},
	}
}

// change changes each of the profiles. One that cannot be changed does not keep the others from it.
func (p *profileCommand) change(ctx context.Context, ids []string, change client.ProfileChange, done string) error {
	c, err := p.remote.client()
	if err != nil {
		return err
	}
	var all []error
	for _, id := range ids {
		if id == client.Latest {
			latest, err := c.GetProfile(ctx, id)
			if err != nil {
				return failed(err)
			}
			id = latest.ID
		}
		one, err := c.ChangeProfile(ctx, id, change)
		if err != nil {
			all = append(all, fmt.Errorf("profile %s: %w", id, err))
			continue
		}
		if p.remote.json {
			err = printJSON(p.io.out, one.Raw)
		} else {
			_, err = fmt.Fprintln(p.io.out, done, one.ID)
		}
		if err != nil {
			return failed(err)
		}
	}
	return failed(errors.Join(all...))
}
