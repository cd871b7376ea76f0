package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// endGrace is how long a plugin that was told to end may take before its group is signalled.
const endGrace = 2 * time.Second

// Process is a launched plugin. It is safe for concurrent use.
type Process struct {
	Spec
	Client // Describe, Configure, Probe and the calls of its kind
	client *goplugin.Client

	logs []*lineLog // all that take its output

	mu    sync.Mutex
	child *child
	once  sync.Once
}

func newProcess(s Spec) *Process {
	p := &Process{Spec: s}
	for range 2 { // the process's own, and what its go-plugin sends by gRPC instead
		p.logs = append(p.logs, newLineLog(s.Log, "stdout"), newLineLog(s.Log, "stderr"))
	}
	return p
}

// adopt is called when go-plugin asks for the process.
func (p *Process) adopt(c *child) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.child = c
	return nil
}

// Yield lets the process, with all its threads and whatever it started, run only when nothing else wants the processor or
// the disk, for work that nobody waits for; see [Spec].Background. On an idle machine it is as fast as ever. A failure costs politeness only.
func (p *Process) Yield() {
	if pid := p.PID(); pid > 0 && p.Err() == nil {
		background(pid)
	}
}

func (p *Process) process() *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.child
}

// connect starts the process, waits for its greeting and opens the connection.
func (p *Process) connect() error {
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(dispensed)
	if err != nil {
		return err
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return fmt.Errorf("%w: no gRPC connection", ErrHandshake)
	}
	p.Client = Client{Plugin: prefix(p.Kind, p.Name), conn: conn, timeouts: p.Timeouts, died: p.died}
	go p.mourn()
	return nil
}

// explain finds the best reason for a failed launch: what we saw ourselves before what go-plugin says.
func (p *Process) explain(err error) error {
	c := p.process()
	if c == nil || errors.Is(err, ErrStartTimeout) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	greeting := c.greetingError()
	if greeting != nil && !errors.Is(greeting, io.EOF) {
		return greeting
	}
	if c.ID() == "" {
		return err
	}
	select {
	case <-c.exited:
		if !c.ended() {
			return fmt.Errorf("before the handshake: %w", c.exit)
		}
	case <-time.After(time.Second):
	}
	if greeting != nil {
		return fmt.Errorf("%w: standard output was closed without one", ErrHandshake)
	}
	return fmt.Errorf("%w: %w", ErrHandshake, err)
}

// mourn logs a death that nobody asked for.
func (p *Process) mourn() {
	c := p.process()
	<-c.exited
	if !c.quitting.Load() {
		attrs := []any{"pid", c.exit.PID, "status", c.exit.Status, "last", c.exit.Last}
		if c.exit.Cause != nil {
			attrs = append(attrs, "cause", c.exit.Cause.Error())
		}
		p.Log.Error("plugin process exited", attrs...)
	}
}

// Kill ends the process at once, with its whole group, because of what it did: calls, and [Process.Err], then say why. It
// returns when the process is gone, if the kernel lets it go.
func (p *Process) Kill(why error) {
	c := p.process()
	c.end(why)
	select {
	case <-c.exited:
	case <-time.After(endGrace):
	}
}

// LogLost is how many lines of the process's output were not logged because there were too many.
func (p *Process) LogLost() int64 {
	var n int64
	for _, l := range p.logs {
		n += l.lost.Load()
	}
	return n
}

// Left is how many processes were found that had left the plugin's group and outlived it. They were ended.
func (p *Process) Left() int { return int(p.process().left.Load()) }

// PID of the process.
func (p *Process) PID() int {
	if c := p.process(); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.pid
	}
	return 0
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.process().exited }

// Err is nil while the process lives; then it says how it ended.
func (p *Process) Err() error {
	c := p.process()
	select {
	case <-c.exited:
	default:
		return nil
	}
	return p.deathError(c)
}

func (p *Process) deathError(c *child) error {
	if c.quitting.Load() {
		return &Error{Plugin: prefix(p.Kind, p.Name), Err: ErrClosed}
	}
	return &Error{Plugin: prefix(p.Kind, p.Name), Err: c.exit}
}

// died waits a moment for the process's end, which may come a little later than the connection's.
func (p *Process) died(wait time.Duration) error {
	c := p.process()
	select {
	case <-c.exited:
		return p.deathError(c)
	case <-time.After(wait):
		return nil
	}
}

// Close ends the plugin: it may flush, is asked to end, and is then ended with its whole group. It returns when the
// process is gone; ctx only shortens the patience. It is safe to call twice.
func (p *Process) Close(ctx context.Context) error {
	var err error
	p.once.Do(func() { err = p.end(ctx) })
	return err
}

func (p *Process) end(ctx context.Context) error {
	c := p.process()
	var err error
	select {
	case <-c.exited:
	default:
		c.quitting.Store(true)
		if err = p.Client.close(ctx); errors.Is(err, ErrClosed) {
			err = nil // it has ended meanwhile, as was wanted: systemd signals all processes of a service at once
		}
	}
	// go-plugin asks the server to stop and waits without a bound of its own, so it runs beside our clock.
	cleaned := make(chan struct{})
	go func() { p.client.Kill(); close(cleaned) }()
	select {
	case <-c.exited:
	case <-ctx.Done():
		err = errors.Join(err, c.kill(0))
	case <-time.After(endGrace):
		err = errors.Join(err, c.kill(termGrace))
	}
	<-cleaned
	<-c.swept
	return err
}

// abandon ends a process whose launch did not come to its end.
func (p *Process) abandon() {
	c := p.process()
	if c != nil {
		c.quitting.Store(true)
		if c.ID() != "" {
			_ = c.kill(0)
		}
	}
	p.client.Kill()
	if c != nil && c.dir != "" {
		_ = os.RemoveAll(c.dir) // go-plugin leaves it when the process never started
	}
}
