package profile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// exported is what one profiler made.
type exported struct {
	row       Export
	reply     wire.FinishReply
	answered  bool // the profiler read the recording: reply has its figures
	artifacts []Artifact
}

// exportAll has every profiler finish, at once.
func (m *Manager) exportAll(p *entry, stopped time.Time) []exported {
	out := make([]exported, len(p.exps))
	var taken names
	each(len(p.exps), func(i int) {
		out[i] = m.exportWith(m.base, p, p.exps[i], stopped, &taken, m.finishOpen)
		m.change(p, func(v *View) { v.Exports[i] = out[i].row })
	})
	return out
}

// finishing is a way to have a profiler export a recording that has ended.
type finishing func(ctx context.Context, p *entry, x Exporter, stopped time.Time) (wire.FinishReply, error)

// exportWith is a profiler's export. If its process dies in the middle, or had died before, or somebody has it restarted, a
// new one exports the whole recording: the recording is the truth, so nothing is lost by that.
func (m *Manager) exportWith(ctx context.Context, p *entry, x Exporter, stopped time.Time, taken *names, finish finishing) exported {
	began := time.Now()
	e := exported{row: Export{Profiler: x.Name(), State: ExportComplete}}
	var err error
	e.reply, err = finish(ctx, p, x, stopped)
	if death := deathIn(x, err); death != nil && ctx.Err() == nil {
		m.log.Warn("export again with a new process", logID, p.id, logProfiler, x.Name(), logError, death)
		if e.reply, err = m.openAndFinish(ctx, p, x, stopped); err != nil {
			err = fmt.Errorf("%w; it had been started again because %w", err, death)
		} else {
			e.reply.Warnings = append(e.reply.Warnings, culpritText(Culprit{x.Name(), death})+"; it was started again and exported the whole recording")
		}
	}
	e.answered = err == nil || len(e.reply.Processes) > 0
	if len(e.reply.Artifacts) > 0 {
		var wrong error
		e.artifacts, wrong = m.accept(p, x.Name(), e.reply.Artifacts, taken)
		err = errors.Join(err, wrong)
	}
	if err != nil {
		e.row.State, e.row.Error = ExportFailed, err.Error()
		m.log.Warn("profile lacks an export", logID, p.id, logProfiler, x.Name(), logError, err)
	}
	e.row.Seconds = time.Since(began).Seconds()
	return e
}

// died is how a profiler's process ended by itself, or nil; profilers that cannot tell live.
func died(x Exporter) error {
	if x, ok := x.(interface{ Err() error }); ok {
		return x.Err()
	}
	return nil
}

// deathIn is the end of x's process that err comes from, or nil. It may have ended before it was up.
func deathIn(x Exporter, err error) error {
	var exit *wire.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit), errors.Is(err, wire.ErrStartedAgain), errors.Is(err, wire.ErrHandshake): // the last: killed before it had said a word
		return err
	}
	if death := died(x); !wire.Hung(death) { // what hung once would hang again, for as long
		return death
	}
	return nil
}

// finishOpen has a profiler finish that followed the recording. Beside an error the reply has what was read.
func (m *Manager) finishOpen(ctx context.Context, p *entry, x Exporter, stopped time.Time) (wire.FinishReply, error) {
	got := make(chan wire.FinishReply, 1)
	limit := m.o.ExportTimeout
	if p.leftIn != "" {
		limit *= patience
	}
	res := bounded(ctx, m.log, limit, func(ctx context.Context) error {
		reply, err := x.Finish(ctx, wire.FinishRequest{Stopped: stopped, Segments: p.segments()})
		got <- reply
		return err
	}, nil)
	if res.unsure {
		m.abort(p, x)
	}
	select {
	case reply := <-got:
		return reply, res.err
	default:
		return wire.FinishReply{}, res.err
	}
}

// openAndFinish has a profiler export a recording from its beginning.
func (m *Manager) openAndFinish(ctx context.Context, p *entry, x Exporter, stopped time.Time) (wire.FinishReply, error) {
	if res := m.openExporter(ctx, p, x); res.err != nil {
		return wire.FinishReply{}, res.err
	}
	return m.finishOpen(ctx, p, x, stopped)
}

// conclude puts the exports' results into v and says how the profile went.
func (v *View) conclude(exports []exported) {
	v.Exports = []Export{}
	for _, e := range exports {
		v.Exports = append(v.Exports, e.row)
		v.Artifacts = append(v.Artifacts, e.artifacts...)
		for _, a := range e.artifacts {
			v.Traces = append(v.Traces, a.Path)
		}
	}
	if i := slices.IndexFunc(exports, func(e exported) bool { return e.answered }); i >= 0 {
		v.readBack(exports[i].reply.Processes)
	}
	v.sum()
	v.warn(exports)
	v.State, v.Error = v.verdict()
}

// verdict is how the profile went by its rows.
func (v *View) verdict() (State, string) {
	var culprits []Culprit
	for _, p := range v.Processes {
		if p.Error != "" {
			culprits = append(culprits, Culprit{p.Process, fmt.Errorf("%s", p.Error)})
		}
	}
	culprits = append(culprits, exportCulprits(v.Exports)...)
	if len(culprits) > 0 {
		return StateFailed, culpritsText(culprits)
	}
	return StateComplete, ""
}

// exportCulprits are the profilers that failed.
func exportCulprits(exports []Export) []Culprit {
	var culprits []Culprit
	for _, e := range exports {
		if e.Error != "" {
			culprits = append(culprits, Culprit{e.Profiler, fmt.Errorf("%s", e.Error)})
		}
	}
	return culprits
}

// readBack takes a reader's figures: for a process that did not say what it recorded they are the only ones, for the
// others they add what could not be read.
func (v *View) readBack(read []recording.Summary) {
	v.Filtered = 0
	for _, s := range read {
		v.Filtered += s.Filtered
	}
	for i := range v.Processes {
		p := &v.Processes[i]
		own := p.Ended == ProcessStopped && p.Error == "" && p.Events > 0 // it said itself what it recorded
		first := true
		for _, s := range read { // several when a process died and its successor recorded on
			if !p.is(s.Process) || v.hasOther(p, s.Process) {
				continue
			}
			if first {
				p.OpenSpans = 0
				if !own {
					p.Events, p.Bytes, p.Losses = 0, 0, Losses{}.clone()
				}
			}
			first = false
			p.OpenSpans += s.Open
			if p.Cost == nil {
				p.Cost = s.Cost()
			}
			if !own {
				p.Events += s.Events + s.Filtered
				p.Bytes += s.Bytes
				p.Losses.add(lossesRead(s.Lost))
			} else if s.Lost.Corrupt > 0 {
				p.Losses.add(lossesRead(recording.Losses{Corrupt: s.Lost.Corrupt}))
			}
		}
	}
}

// hasOther reports whether another row than p is that of the very process: its rank's, before or after a death.
func (v *View) hasOther(p *Process, r *recording.Process) bool {
	if p.PID == r.PID {
		return false
	}
	return slices.ContainsFunc(v.Processes, func(o Process) bool { return o.PID == r.PID && o.is(r) })
}

// is reports whether p is the row of the process that a reader found.
func (p *Process) is(r *recording.Process) bool {
	switch {
	case r == nil:
		return false
	case r.Kind == trace.ProcessCore:
		return p.Stage == nil && !strings.HasPrefix(p.Process, profilerPrefix)
	case r.Kind == trace.ProcessModel:
		return p.Stage != nil && *p.Stage == r.Stage && *p.Rank == r.Rank
	case r.Kind == trace.ProcessProfiler:
		return p.Stage == nil && p.Process == profilerPrefix+r.Name
	}
	return false
}

// warnNoRequest is what a profile says that saw none.
const warnNoRequest = "the profile saw no request"

// warn collects what the caller should know: once each, of several profilers too.
func (v *View) warn(exports []exported) {
	if v.Requests == 0 && v.Steps == 0 { // else it saw a part of one
		v.say(warnNoRequest)
	}
	if v.leftAllOut() {
		v.say(fmt.Sprintf("none of %d recorded events is in the files: the profile's options leave them out; ask for other activities, or a smaller min_duration_us", v.Filtered))
	}
	if v.EndedBy == EndedByMinFree {
		v.say("the profile was ended because the disk was nearly full: profile.min_free_bytes")
	}
	if v.Losses.Total > 0 {
		v.say(fmt.Sprintf("%d events were lost; losses.by_reason says why", v.Losses.Total))
	}
	for _, a := range v.Artifacts {
		if a.Dropped > 0 {
			v.say(fmt.Sprintf("%s lacks the newest %d events: the profile's max_bytes was reached", a.Name, a.Dropped))
		}
	}
	for _, e := range exports {
		for _, w := range e.reply.Warnings {
			v.say(culpritText(Culprit{e.row.Profiler, errors.New(w)}))
		}
	}
}

// leftAllOut tells that there were requests, and that what a profile was to hold was not among what they did: device
// events where there is no device, for one.
func (v *View) leftAllOut() bool {
	asksForPprof := v.Options != nil && slices.Contains(v.Options.Activities, ActivityPprof)
	return v.Requests > 0 && v.Filtered > 0 && v.Filtered >= v.Events && !asksForPprof
}

// warnOf adds what a process has to say of its recording.
func (v *View) warnOf(r Recorder, notes []string) {
	for _, note := range notes {
		v.say(r.Label() + ": " + note)
	}
}

// say adds a warning, unless it is there.
func (v *View) say(text string) {
	if !slices.Contains(v.Warnings, text) {
		v.Warnings = append(v.Warnings, text)
	}
}
