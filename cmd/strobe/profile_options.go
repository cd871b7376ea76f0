//go:build !windows

package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/core/config"
)

// profileOptions are the flags that say what a profile holds and when it begins and ends. docs/profile-options.md lists them.
type profileOptions struct {
	in                            client.StartRequest
	duration, startAfter, minimum time.Duration
	maxBytes                      string
	flags                         *pflag.FlagSet
	prefix                        string
}

// addFlags adds them with a prefix: "" or "profile-".
func (o *profileOptions) addFlags(f *pflag.FlagSet, prefix string) {
	o.flags, o.prefix = f, prefix
	in := &o.in
	f.StringArrayVar(&in.Profilers, prefix+"profiler", nil, "`name` of a profiler to export with, may be repeated (default: the server's)")
	f.StringVar(&in.Model, prefix+"model", "", "the served model's `name`; another one is refused")
	f.IntSliceVar(&in.Stages, prefix+"stages", nil, "record only these stages, `N,…` from 0")
	f.IntSliceVar(&in.Ranks, prefix+"ranks", nil, "record only these ranks of each stage, `N,…` from 0")
	f.StringSliceVar(&in.Activities, prefix+"activities", nil, "`what` to record, of request, step, block, operator, memory, counter, device, pprof (default: all but pprof, a CPU profile of core and of each Go rank)")
	f.DurationVar(&o.minimum, prefix+"min-duration", 0, "do not export spans that took less `time`, such as 50us")
	f.IntVar(&in.NumRequests, prefix+"num-requests", 0, "end after `N` requests were served")
	f.IntVar(&in.NumSteps, prefix+"num-steps", 0, "end after `N` denoise steps")
	f.IntVar(&in.StartStep, prefix+"start-step", 0, "begin to record after `N` denoise steps")
	f.DurationVar(&o.duration, prefix+"duration", 0, "end after recording for this `time`, such as 30s")
	f.DurationVar(&o.startAfter, prefix+"start-after", 0, "begin to record after this `time`, such as 5s")
	f.StringVar(&o.maxBytes, prefix+"max-bytes", "", "`size` that the profile may take, such as 64MiB (default: the server's)")
	f.StringVar(&in.Label, prefix+"label", "", "free `text` to find the profile by")
	f.BoolVar(&in.RecordPrompts, prefix+"record-prompts", false, "record the prompts of requests, where the server's configuration allows it")
}

// request checks what can be checked here; the server checks the rest.
func (o *profileOptions) request() (client.StartRequest, error) {
	in := o.in
	for _, t := range []struct {
		flag  string
		value time.Duration
	}{{"min-duration", o.minimum}, {"duration", o.duration}, {"start-after", o.startAfter}} {
		if t.value < 0 || t.value == 0 && o.flags.Changed(o.prefix+t.flag) {
			return in, fmt.Errorf("--%s%s must be above 0, such as 30s", o.prefix, t.flag)
		}
	}
	for _, n := range []struct {
		flag  string
		value int
	}{{"num-requests", in.NumRequests}, {"num-steps", in.NumSteps}, {"start-step", in.StartStep}} {
		if n.value < 0 || n.value == 0 && o.flags.Changed(o.prefix+n.flag) {
			return in, fmt.Errorf("--%s%s must be above 0", o.prefix, n.flag)
		}
	}
	if o.maxBytes != "" {
		var err error
		if in.MaxBytes, err = config.ParseSize(o.maxBytes); err != nil {
			return in, fmt.Errorf("--%smax-bytes: %w", o.prefix, err)
		}
	}
	in.MinDurationUs = int64((o.minimum + time.Microsecond - 1) / time.Microsecond)
	in.DurationS, in.StartAfterS = o.duration.Seconds(), o.startAfter.Seconds()
	return in, nil
}

// given tells whether any of them was used.
func (o *profileOptions) given() bool {
	given := false
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&profileOptions{}).addFlags(all, o.prefix)
	all.VisitAll(func(f *pflag.Flag) { given = given || o.flags.Changed(f.Name) })
	return given
}
