package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// ErrDoubtful says that a rank's process did not answer in time to what a profile asked of it. It may generate all the same, so
// it is not ended in the middle of a request; no profile is to rely on it, so it is replaced.
var ErrDoubtful = errors.New("the process is replaced once no request is lost by that; `strobe plugin restart` does it now")

const (
	// doubtLook is how often it is looked whether a doubtful process can be ended.
	doubtLook = 50 * time.Millisecond
	// doubtIdle is how long the only process of a stage has to be without a request.
	doubtIdle = time.Second
)

// ask has the process do something for a profile, and says what went wrong. A doubtful one is not asked.
func (r *Rank) ask(f func(*wire.Process) error) error {
	p, err := r.process()
	if err != nil {
		return err
	}
	if err := r.doubts(p); err != nil {
		return err
	}
	return r.judge(p, f(p))
}

// doubts is why a process is doubtful; nil when it is not.
func (r *Rank) doubts(p *wire.Process) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doubtful == p {
		return r.why
	}
	return nil
}

// judge looks at what came of a call for a profile. A process that did not answer in time holds what every later call needs: it
// is doubtful from now on.
func (r *Rank) judge(p *wire.Process, err error) error {
	if !wire.Hung(err) || p.Err() != nil {
		return err
	}
	err = fmt.Errorf("%w; %w", err, ErrDoubtful)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doubtful == p || r.closed {
		return err
	}
	r.doubtful, r.why = p, err
	r.history.failed(err)
	r.catalog.options.Log.Warn("rank is to be replaced", "stage", r.StageName(), "rank", r.Rank(), "error", err.Error())
	r.retiring.Go(func() { r.retire(r.living, p, err) })
	return err
}

// retire ends a doubtful process when no request is lost by that; its supervisor then starts another.
func (r *Rank) retire(ctx context.Context, p *wire.Process, why error) {
	look := time.NewTicker(doubtLook)
	defer look.Stop()
	for !r.spare(p) {
		select {
		case <-ctx.Done():
			return
		case <-p.Done():
			return
		case <-look.C:
		}
	}
	p.Kill(why)
}

// spare tells whether a doubtful process can be ended. Where others of its stage serve it gets no more requests, and ends the
// one that it has; they are replaced one after the other. The only one of its stage waits until there is nothing to do.
func (r *Rank) spare(p *wire.Process) bool {
	r.catalog.retiring.Lock() // two ranks must not rely on each other
	defer r.catalog.retiring.Unlock()
	alone, others := true, true
	for _, other := range r.catalog.stages[r.Stage()].Ranks {
		if other != r {
			alone = false
			others = others && other.Err() == nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now.Process != p {
		return false // its start is not over yet
	}
	switch {
	case r.down != nil: // it gets no more
	case alone && r.serving == 0 && time.Since(r.idleSince) >= doubtIdle, !alone && others:
		r.down = fmt.Errorf("%w: %w", r.why, ErrDown)
	}
	return r.down != nil && r.serving == 0
}

// enter is process for a request. The caller leaves when it has been served.
func (r *Rank) enter() (*wire.Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.up()
	if err == nil {
		r.serving++
	}
	return p, err
}

func (r *Rank) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serving--
	r.idleSince = time.Now()
}
