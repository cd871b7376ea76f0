package profile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

// CPUProfiler is an optional companion of [Recorder]: a process that can make a CPU profile of itself, in pprof's format.
type CPUProfiler interface {
	// StartCPUProfile begins one of at most maxBytes; the file at path appears when it is complete. The error is
	// [wire.ErrCPUProfiling] when the process makes another one, and [wire.ErrNoCPUProfile] when it cannot make any.
	StartCPUProfile(ctx context.Context, path string, maxBytes int64) error
	// StopCPUProfile completes the file.
	StopCPUProfile(ctx context.Context) error
}

// pprofName is who made CPU profiles, in lists of artifacts.
const pprofName = string(ActivityPprof)

// cpuFile is the name of a process's CPU profile: "cpu.stage_0_diffusion_rank0.pprof".
func cpuFile(process string) string { return "cpu." + process + ".pprof" }

// cpuProfiles are the CPU profiles of one profile.
type cpuProfiles struct {
	mu       sync.Mutex
	problems map[string]string // by process: why it has none
}

func (c *cpuProfiles) note(process string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problems == nil {
		c.problems = map[string]string{}
	}
	if c.problems[process] == "" {
		c.problems[process] = err.Error()
	}
}

func (c *cpuProfiles) problem(process string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problems[process]
}

// startCPU begins the CPU profiles that were asked for. What cannot be begun is no reason not to record.
func (m *Manager) startCPU(p *entry) {
	if !p.view.wantsPprof() {
		return
	}
	each(len(p.procs), func(i int) {
		r := p.procs[i]
		if _, measures := r.(*measuring); measures {
			return
		}
		c, ok := r.(CPUProfiler)
		if !ok {
			p.cpu.note(r.Label(), wire.ErrNoCPUProfile)
			return
		}
		path := filepath.Join(p.dir, cpuFile(r.Label()))
		res := bounded(m.base, m.log, m.o.StartTimeout, func(ctx context.Context) error { return c.StartCPUProfile(ctx, path, p.perCPU) },
			func() { m.stopOneCPU(p, r.Label(), c) })
		if res.err != nil {
			p.cpu.note(r.Label(), res.err)
		}
	})
}

// stopCPU completes them.
func (m *Manager) stopCPU(p *entry) {
	if !p.view.wantsPprof() {
		return
	}
	each(len(p.procs), func(i int) {
		r := p.procs[i]
		if c, ok := r.(CPUProfiler); ok && p.cpu.problem(r.Label()) == "" {
			m.stopOneCPU(p, r.Label(), c)
		}
	})
}

func (m *Manager) stopOneCPU(p *entry, label string, c CPUProfiler) {
	if res := bounded(m.base, m.log, m.o.StopTimeout, c.StopCPUProfile, nil); res.err != nil {
		p.cpu.note(label, res.err)
	}
}

// addCPU lists the CPU profiles that are there, and says why others are not.
func (v *View) addCPU(p *entry) {
	if !v.wantsPprof() {
		return
	}
	v.Artifacts = slices.DeleteFunc(v.Artifacts, func(a Artifact) bool { return a.Profiler == pprofName })
	var taken names
	for _, row := range v.Processes {
		if row.Stage == nil && row.Process != coreLabel {
			continue // a profiler that measures
		}
		name := cpuFile(row.Process)
		_, err := os.Lstat(filepath.Join(p.dir, name))
		if err == nil {
			var made []Artifact
			made, err = acceptIn(p.dir, p.id, pprofName, []profiler.Artifact{{Name: name, Stage: row.Stage, StageName: row.StageName, Rank: row.Rank}}, &taken)
			v.Artifacts = append(v.Artifacts, made...)
		}
		if err == nil {
			continue
		}
		why := p.cpu.problem(row.Process)
		switch {
		case why != "":
		case errors.Is(err, fs.ErrNotExist):
			why = "it was not completed"
		default:
			why = err.Error()
		}
		v.Warnings = append(v.Warnings, "there is no CPU profile of "+row.Process+": "+why)
	}
	v.sum()
}
