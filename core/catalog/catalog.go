package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
)

// Options of a catalog.
type Options struct {
	Builtins []Builtin
	// Self is how this binary serves a built-in: {"/proc/self/exe", "plugin", "serve"}; kind and name are appended.
	Self     []string
	Log      *slog.Logger  // nil: nothing is logged
	Timeouts wire.Timeouts // zero: the defaults; those of plugins.hcl go before them
	Restarts Restarts      // of plugins that die
	// OnlyProfilers are all that is started when it is not nil: no model, and no other profiler.
	OnlyProfilers []string
}

// Builtin is a plugin within this binary.
type Builtin struct {
	Kind, Name string // "model", "dit"
	// Env names variables of core's environment that this plugin gets though they may hold secrets, which no other plugin does.
	Env []string
}

// Stage is a stage of the served model with its processes.
type Stage struct {
	Index  int
	Name   string
	Plugin string
	Info   model.Info // what rank 0 said when it was loaded
	Ranks  []*Rank
}

// Catalog holds the plugins of a server. It is safe for concurrent use.
type Catalog struct {
	options   Options
	host      *wire.Host
	closers   *closers
	stages    []Stage
	profilers map[string]*Profiler
	order     []string // of the profilers

	retiring sync.Mutex // one rank at a time decides whether it can be done without

	// What goes on after Load: profilers that may not work here are found, those that nobody needs yet are ended.
	behind      sync.WaitGroup
	looking     context.Context
	stopLooking context.CancelFunc

	once     sync.Once
	closeErr error
}

// Load starts what cfg asks for: every rank of the served model is loaded, every profiler is launched and configured
// once, and those that a profile uses by default stay up. It is all or nothing: on error nothing runs. An error is a
// [*LoadError] with everything that was found, unless ctx ended.
func Load(ctx context.Context, cfg *config.Config, o Options) (*Catalog, error) {
	c, err := load(ctx, cfg, o, true)
	if err != nil {
		return nil, err
	}
	for _, s := range c.stages {
		for _, r := range s.Ranks {
			r.supervise()
		}
	}
	return c, nil
}

// Validate does what Load does up to the models' weights, and ends what it started. It may be given a configuration
// with findings: what is sound in it is checked.
func Validate(ctx context.Context, cfg *config.Config, o Options) error {
	c, err := load(ctx, cfg, o, false)
	if err != nil {
		return err
	}
	c.behind.Wait()
	return c.Close(ctx)
}

func load(ctx context.Context, cfg *config.Config, o Options, weights bool) (*Catalog, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	units, found := plan(cfg, o)
	r := &report{found: found}
	if weights && found.HasErrors() {
		return nil, r.err()
	}
	host, err := wire.NewHost(cfg.Server.RuntimeDir)
	if errors.Is(err, wire.ErrRuntimeDir) {
		r.add(config.Diagnostics{cfg.Server.Errorf(diag.Path{"runtime_dir"}, "%v", err)})
		r.errs = append(r.errs, err)
		return nil, r.err()
	}
	if err != nil {
		return nil, fmt.Errorf("start plugins: %w", err)
	}
	if err := host.Adopt(); err != nil {
		o.Log.Warn("start plugins", "error", err.Error())
	}
	containing := o.Log
	if !weights {
		containing = slog.New(slog.DiscardHandler) // nothing is served
	}
	if err := host.Contain(cfg.Server.Cgroup, containing); err != nil {
		r.add(config.Diagnostics{cfg.Server.Errorf(diag.Path{"cgroup"}, "%v", err)})
		r.errs = append(r.errs, errors.Join(err, host.Close()))
		return nil, r.err()
	}
	o.Restarts = o.Restarts.withDefaults()
	c := &Catalog{options: o, host: host, closers: &closers{}, profilers: map[string]*Profiler{}}
	c.looking, c.stopLooking = context.WithCancel(context.WithoutCancel(ctx))
	c.startAll(ctx, units, r, weights)
	err = r.err()
	if ctx.Err() != nil {
		err = fmt.Errorf("start plugins: %w", context.Cause(ctx))
	}
	if err == nil {
		if weights {
			c.handOver()
		}
		return c, nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer cancel()
	if closing := c.Close(bounded); closing != nil {
		o.Log.Warn("end plugins after a failed load", "error", closing)
	}
	return nil, err
}

// handOver gives the processes to their ranks and profilers, which end them from now on.
func (c *Catalog) handOver() {
	c.closers = &closers{}
	for _, s := range c.stages {
		for _, r := range s.Ranks {
			c.closers.add(r)
		}
	}
	for _, name := range c.order {
		c.closers.add(c.profilers[name])
	}
}

// startAll starts every unit side by side, so that all findings come at once; then it loads the models.
func (c *Catalog) startAll(ctx context.Context, units []unit, r *report, weights bool) {
	all := make([]started, len(units))
	var wg sync.WaitGroup
	for i, u := range units {
		wg.Go(func() {
			s, found, err := c.start(ctx, u, func(p *wire.Process) { c.closers.add(p) })
			r.add(u.values.Locate(found))
			if err != nil {
				r.fail(u, err)
				return
			}
			all[i] = s
		})
	}
	wg.Wait()
	if r.err() != nil {
		return
	}
	for _, d := range r.found {
		c.options.Log.Warn("configuration", "finding", d.String())
	}
	c.adoptProfilers(units, all)
	if weights {
		c.adoptModels(ctx, units, all, r)
	}
}

// adoptModels loads all ranks side by side and puts them in their stages.
func (c *Catalog) adoptModels(ctx context.Context, units []unit, all []started, r *report) {
	infos := make([]model.Info, len(units))
	var wg sync.WaitGroup
	for i, u := range units {
		if u.rank == nil {
			continue
		}
		wg.Go(func() {
			var err error
			if infos[i], err = all[i].Load(ctx, *u.rank); err != nil {
				r.fail(u, err)
			}
		})
	}
	wg.Wait()
	for i, u := range units {
		if u.rank == nil {
			continue
		}
		if u.rank.Rank == 0 {
			c.stages = append(c.stages, Stage{Index: u.rank.Stage, Name: u.rank.StageName, Plugin: u.name, Info: infos[i]})
		}
		s := &c.stages[len(c.stages)-1]
		s.Ranks = append(s.Ranks, newRank(c, u, all[i]))
	}
	if len(c.stages) > 0 && !c.stages[0].Info.Makes && r.err() == nil {
		c.refuseFirst(units, r)
	}
}

// refuseFirst finds that the first stage cannot make images.
func (c *Catalog) refuseFirst(units []unit, r *report) {
	d := units[0].block.Errorf(diag.Path{"plugin"}, "the first stage must make images, and %q only changes them", units[0].name)
	d.Detail = "put a stage that makes images before it"
	r.add(config.Diagnostics{d})
}

// adoptProfilers keeps those that profiles use by default, and ends the others until somebody asks for them. Nobody waits for
// that, and for what the profilers find out about this machine.
func (c *Catalog) adoptProfilers(units []unit, all []started) {
	for i, u := range units {
		if u.rank != nil {
			continue
		}
		p := newProfiler(c, u, all[i].described)
		c.profilers[u.name] = p
		c.order = append(c.order, u.name)
		if u.warm {
			p.adopt(all[i])
		}
		c.behind.Go(func() {
			p.probe(c.looking, all[i])
			if u.warm {
				return
			}
			if err := all[i].Close(c.looking); err != nil && c.looking.Err() == nil {
				c.options.Log.Warn("end profiler after validation", "error", err)
			}
		})
	}
}

// Stages are the served model's, in order.
func (c *Catalog) Stages() []Stage { return c.stages }

// Profiler is the profiler of a block; an error when none is declared under that name.
func (c *Catalog) Profiler(name string) (*Profiler, error) {
	if p, ok := c.profilers[name]; ok {
		return p, nil
	}
	return nil, &UnknownProfilerError{Name: name, Declared: c.order}
}

// Offline is the profiler of a block in a process of its own, which is started at its first use: it exports recordings
// that have ended, when nothing else wants the processor, while the other one follows a profile. Whoever asked for it closes it; Close of
// the catalog does, too.
func (c *Catalog) Offline(name string) (*Profiler, error) {
	p, err := c.Profiler(name)
	if err != nil {
		return nil, err
	}
	u := p.unit
	u.offline = true
	off := newProfiler(c, u, p.describedAs())
	c.closers.add(off)
	return off, nil
}

// Close ends every plugin; none is left when it returns. ctx shortens the patience. It may be called again.
func (c *Catalog) Close(ctx context.Context) error {
	c.once.Do(func() {
		c.stopLooking()
		c.closeErr = c.closers.close(ctx)
		c.behind.Wait()
		c.closeErr = errors.Join(c.closeErr, c.host.Close())
	})
	return c.closeErr
}
