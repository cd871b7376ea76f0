package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// ErrDown says that a rank's process is dead and its successor is not ready yet.
var ErrDown = errors.New("the rank is down and is being restarted")

// Rank is one process of a stage. When it dies its calls return one named error until its successor is loaded. It is
// safe for concurrent use.
type Rank struct {
	catalog *Catalog
	unit    unit

	mu        sync.Mutex
	now       started // the process, alive or dead
	down      error   // why it cannot be called; nil while it is up
	recording taken
	restarts  int
	breaker   breaker
	history   history
	serving   int           // requests
	idleSince time.Time     // while there is none
	doubtful  *wire.Process // a process that is to be replaced, and why; see doubt.go
	why       error
	closed    bool

	asked    chan chan error    // restarts on request
	living   context.Context    // of the supervisor
	stop     context.CancelFunc // of the supervisor; nil without one
	done     chan struct{}
	retiring sync.WaitGroup // of doubtful processes
}

func newRank(c *Catalog, u unit, s started) *Rank {
	return &Rank{catalog: c, unit: u, now: s, breaker: breaker{limits: c.options.Restarts}, asked: make(chan chan error)}
}

// Stage is the index of the rank's stage.
func (r *Rank) Stage() int { return r.unit.rank.Stage }

// StageName is the name of the rank's stage.
func (r *Rank) StageName() string { return r.unit.rank.StageName }

// Rank is the index of the process within the stage.
func (r *Rank) Rank() int { return r.unit.rank.Rank }

// Plugin is the name of the stage's plugin.
func (r *Rank) Plugin() string { return r.unit.name }

// Label names the rank in files: "stage_0_diffusion_rank0".
func (r *Rank) Label() string {
	return fmt.Sprintf("stage_%d_%s_rank%d", r.Stage(), r.StageName(), r.Rank())
}

// Restarts is how many successors the rank's first process has had.
func (r *Rank) Restarts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.restarts
}

// PID of the process, the dead one's while there is no other.
func (r *Rank) PID() int {
	p, _ := r.process()
	return p.PID()
}

// Err is nil while the rank can be called; otherwise it says why not.
func (r *Rank) Err() error {
	_, err := r.process()
	return err
}

// process is the rank's process, and why it cannot be called.
func (r *Rank) process() (*wire.Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up()
}

// up is process for whoever holds the lock.
func (r *Rank) up() (*wire.Process, error) {
	if r.down != nil {
		return r.now.Process, r.down
	}
	return r.now.Process, r.now.Err()
}

// Generate runs the stage for one request; see [model.Session].
func (r *Rank) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	p, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer r.leave()
	res, err := p.Generate(ctx, req, progress)
	if err != nil {
		r.settle(ctx, p, err)
	}
	return res, err
}

// StartRecording makes the rank write events into s.Path. The rank itself says who it is: s.Process is not used. Notes say what
// is not recorded, and why, as far as the rank knows by now; StopRecording's have them again.
func (r *Rank) StartRecording(ctx context.Context, s trace.Start) (notes []string, err error) {
	err = r.ask(func(p *wire.Process) error {
		if notes, err = p.StartRecording(ctx, s); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.recording = taken{by: p, start: s, paths: []string{s.Path}}
		return nil
	})
	return notes, err
}

// StopRecording ends the recording. If the process that recorded has died since, the error says how, though another may
// be up and have recorded on: what they had recorded is in their segments all the same.
func (r *Rank) StopRecording(ctx context.Context) (trace.Stats, error) {
	r.mu.Lock()
	p, died := r.recording.by, r.recording.died
	r.recording = taken{}
	r.mu.Unlock()
	if p == nil { // a start that ran out of time may have begun all the same: ask the process
		var err error
		if p, err = r.process(); err != nil {
			return trace.Stats{}, err
		}
	}
	if err := cmp.Or(p.Err(), r.doubts(p)); err != nil {
		return trace.Stats{}, err
	}
	stats, err := p.StopRecording(ctx)
	err = r.judge(p, err)
	if died != nil {
		return stats, errors.Join(fmt.Errorf("%w; it was started again and recorded on", died), err)
	}
	return stats, err
}

// Close ends the supervisor and the process.
func (r *Rank) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	if r.stop != nil {
		r.stop()
		<-r.done
		r.retiring.Wait()
	}
	return r.current().Close(ctx)
}
