package profile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// errShutDown is why calls end that Close did not wait for.
var errShutDown = errors.New("the server shut down before it was done")

// Manager runs profiles, one at a time, and keeps those that have ended. It is safe for concurrent use.
type Manager struct {
	o    Options
	log  *slog.Logger
	dir  string // Options.Dir, absolute
	host string

	current atomic.Pointer[entry] // the profile that records, for CountRequest
	waiting atomic.Pointer[entry] // the profile that waits for denoise steps
	prompts prompts

	base   context.Context // ends when Close gave up waiting
	cancel context.CancelCauseFunc
	// closing ends as soon as Close begins: recoveries do not hold it up, the next server does them.
	closing context.Context
	close   context.CancelCauseFunc
	work    sync.WaitGroup // profiles that are being finished, files that are being removed

	mu          sync.Mutex
	entries     map[string]*entry
	active      *entry // from starting until final
	uncollected *entry // has ended, and no Stop has answered its result yet
	closed      bool
	left        []*entry // unfinished profiles of servers that ended, until they are recovered
	totals      Totals

	over bool // more is kept than the bounds allow, and that was said

	summaries sync.Mutex    // one summary is computed at a time
	marking   sync.Mutex    // one profile is changed at a time
	exporting chan struct{} // holds a token for each profile that is exported again: one at a time, as the disk's bound says

	flight *deck // nil: the flight recorder is off
}

// New makes a manager over Options.Dir and reads which profiles are there. An error is an *[Error] with [CodeDir].
func New(o Options) (*Manager, error) {
	o = o.withDefaults()
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, dirError("find the profile directory", err)
	}
	m := &Manager{o: o, log: o.Log, dir: dir, entries: map[string]*entry{}, exporting: make(chan struct{}, 1)}
	m.totals.init()
	if m.host, err = os.Hostname(); err != nil {
		m.host = "localhost"
	}
	if err := checkDir(dir); err != nil {
		return nil, dirError(fmt.Sprintf("use %q as the profile directory", o.Dir), err)
	}
	m.base, m.cancel = context.WithCancelCause(context.Background())
	m.closing, m.close = context.WithCancelCause(m.base)
	if err := m.load(); err != nil {
		return nil, dirError(fmt.Sprintf("read the profile directory %q", o.Dir), err)
	}
	if o.Flight != nil {
		if err := m.startFlight(*o.Flight); err != nil {
			m.close(err)
			return nil, err
		}
	}
	if len(m.left) > 0 {
		m.work.Go(m.recoverAll)
	}
	if o.MaxAge > 0 || o.MinFreeBytes > 0 {
		m.work.Go(m.watchRetention)
	}
	return m, nil
}

// checkDir makes dir and tries whether it can be written.
func checkDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// Get is the profile called id.
func (m *Manager) Get(id string) (View, error) {
	m.mu.Lock()
	p, ok := m.entries[id]
	if !ok {
		m.mu.Unlock()
		return View{}, notFound(id)
	}
	v := m.look(p)
	m.mu.Unlock()
	p.live.fill(&v)
	return v, nil
}

// List is all profiles, newest first.
func (m *Manager) List() []View {
	page, _ := m.ListPage(Query{}) // fails for a cursor only
	return page.Profiles
}

// Active is the profile that is active.
func (m *Manager) Active() (View, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.active == nil {
		return View{}, false
	}
	return m.look(m.active), true
}

// Uncollected gives the last profile if it has ended and nobody has heard its result from Stop yet: it ended by itself,
// or whoever stopped it did not wait. It gives it once; a new start forgets it.
func (m *Manager) Uncollected() (View, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.uncollected
	if p == nil {
		return View{}, false
	}
	m.uncollected = nil
	return m.look(p), true
}

// CountRequest tells of a request that was served. It never waits.
func (m *Manager) CountRequest() {
	p := m.current.Load()
	if p == nil || p.req.oneShot() {
		return
	}
	if n := p.requests.Add(1); p.req.NumRequests > 0 && n == int64(p.req.NumRequests) {
		m.end(p, EndedByNumRequests)
	}
}

// look is a copy of p's view with what changes all the time. Called with mu held.
func (m *Manager) look(p *entry) View {
	v := p.view.clone()
	if m.o.ShowDir {
		v.Dir = p.dir
	}
	if !v.State.Final() {
		v.Requests, v.Steps = p.requests.Load(), p.steps.Load()
	}
	if v.StoppedAt == nil && !v.State.Final() && v.State != StateExporting && v.Waiting == nil {
		v.DurationS = time.Since(v.StartedAt).Seconds()
	}
	return v
}

// change applies f to p's view, has the manifest follow, and logs the new state if it changed.
func (m *Manager) change(p *entry, f func(*View)) View {
	m.mu.Lock()
	before := p.view.State
	f(&p.view)
	v := m.look(p)
	p.manifest.save(v) // under the mutex, so that the manifest sees the changes in their order
	m.mu.Unlock()
	if v.State != before {
		m.logState(v)
	}
	return v
}

// logState writes the one line that each transition gets.
func (m *Manager) logState(v View) {
	m.log.Info("profile", logID, v.ID, logState, string(v.State), "ended_by", string(v.EndedBy), "requests", v.Requests)
}

// Close ends the active profile, waits for its exports and takes no new ones. When ctx ends first, exports are
// cancelled, the profile is left as failed with its recording, and an error comes back.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	p := m.active
	m.mu.Unlock()
	m.close(errShutDown)
	finished := make(chan struct{})
	go func() {
		if p != nil {
			m.end(p, EndedByShutdown)
			<-m.ended(p)
		}
		m.work.Wait()
		if m.flight != nil {
			m.flight.stop()
		}
		close(finished)
	}()
	select {
	case <-finished:
		m.cancel(errShutDown)
		return nil
	case <-ctx.Done():
	}
	m.cancel(errShutDown)
	select {
	case <-finished:
	case <-time.After(2 * time.Second): // calls are bounded and cancelled: this is for what the disk holds up
	}
	return fmt.Errorf("finish the active profile: %w; its recording is kept", context.Cause(ctx))
}
