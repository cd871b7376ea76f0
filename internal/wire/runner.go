package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// termGrace is how long a process group has between SIGTERM and SIGKILL.
const termGrace = 500 * time.Millisecond

// pipeGrace is how long we read on after the process's end, should someone else still hold its output.
const pipeGrace = 250 * time.Millisecond

// child is a plugin's process as go-plugin's runner. go-plugin sees a checked greeting as standard output and nothing
// as standard error; the real ones are read here.
type child struct {
	spawn *spawner
	cmd   *exec.Cmd
	nice  int
	id    string // marks what the process starts, see orphans_linux.go
	log   *slog.Logger
	left  atomic.Int64 // processes that had left the group and outlived it

	maxMemory int64  // bytes; 0: no bound
	dir       string // go-plugin's folder for the socket
	out, err  *lineLog

	greetings *io.PipeReader
	greeter   *io.PipeWriter
	quitting  atomic.Bool // an exit is what we want

	group *cgroup // set by Start; nil: it has none

	mu       sync.Mutex
	pid      int              // 0 until started
	reaped   bool             // the pid may be someone else's
	sent     []syscall.Signal // by us, to end it
	why      error            // why we ended it; nil: we did not, or were asked to
	greetErr error            // why the greeting was refused

	readers sync.WaitGroup
	exited  chan struct{} // closed when reaped and read to the end
	exit    *ExitError    // set before exited is closed
	swept   chan struct{} // closed when what it left behind is gone, too
}

var _ runner.Runner = (*child)(nil)

func newChild(s *spawner, cmd *exec.Cmd, nice int, out, err *lineLog) *child {
	c := &child{spawn: s, cmd: cmd, nice: nice, out: out, err: err, exited: make(chan struct{}), swept: make(chan struct{})}
	c.greetings, c.greeter = io.Pipe()
	return c
}

// Start implements runner.Runner.
func (c *child) Start(context.Context) error {
	outR, outW, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(fmt.Errorf("make pipe: %w", err), outR.Close(), outW.Close())
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = nil, outW, errW
	c.cmd.SysProcAttr = attributes()
	if c.group, err = c.spawn.groups.make(c.maxMemory); err != nil {
		c.log.Warn("plugin has no cgroup of its own", "error", err)
	}
	placed := c.group.place(c.cmd.SysProcAttr)
	err = c.spawn.start(c.cmd, c.id)
	placed()
	outW.Close()
	errW.Close()
	if err != nil {
		_, _ = c.group.remove() // closing the host removes it, too
		outR.Close()
		errR.Close()
		c.greeter.Close()
		switch {
		case errors.Is(err, syscall.ENOEXEC):
			return fmt.Errorf("%w: %w (built for another kind of machine?)", ErrNotExecutable, err)
		case errors.Is(err, syscall.ENOENT): // the program itself was there a moment ago
			return fmt.Errorf("%w: %w (what its first line or its header names to run it is not there)", ErrNotExecutable, err)
		}
		return err
	}
	c.mu.Lock()
	c.pid = c.cmd.Process.Pid
	c.mu.Unlock()
	if c.nice != 0 {
		// The whole group, so that threads that exist already are meant too. A failure costs politeness only.
		_ = syscall.Setpriority(syscall.PRIO_PGRP, c.pid, c.nice)
	}
	c.readers.Add(2)
	go c.readStdout(outR)
	go c.readStderr(errR)
	go c.watch(outR, errR)
	if c.maxMemory > 0 {
		go c.watchMemory()
	}
	return nil
}

func (c *child) readStdout(r *os.File) {
	defer c.readers.Done()
	defer c.out.flush()
	buffered := bufio.NewReaderSize(r, 4<<10)
	line, err := readGreeting(buffered)
	if err == nil {
		err = checkGreeting(line)
	}
	if err != nil {
		c.mu.Lock()
		c.greetErr = err
		c.mu.Unlock()
		c.greeter.Close()
	} else {
		io.WriteString(c.greeter, strings.TrimSpace(line)+"\n")
		c.greeter.Close()
	}
	io.Copy(c.out, buffered)
}

func (c *child) readStderr(r *os.File) {
	defer c.readers.Done()
	defer c.err.flush()
	io.Copy(c.err, r)
}

// watch reaps the process, ends what it left in its group and reads its output to the end.
func (c *child) watch(pipes ...*os.File) {
	err := reap(c.cmd, func() {
		c.group.kill(c.pid)
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	})
	c.mu.Lock()
	c.reaped = true
	if c.why == nil && !c.quitting.Load() {
		c.why = c.group.overMemory(c.maxMemory)
	}
	c.mu.Unlock()

	read := make(chan struct{})
	go func() { c.readers.Wait(); close(read) }()
	select {
	case <-read:
	case <-time.After(pipeGrace): // someone left the group and holds the pipe
	}
	for _, p := range pipes {
		p.Close()
	}
	<-read
	c.mu.Lock()
	c.exit = &ExitError{PID: c.pid, Status: exitStatus(c.cmd.ProcessState, err), Cause: c.why}
	c.mu.Unlock()
	crash, last := c.err.why()
	if c.exit.Last = crash; crash == "" && c.exit.Status != "status 0" && !strings.HasPrefix(c.exit.Status, "signal") {
		c.exit.Last = last
	}
	close(c.exited)
	escaped, err := c.group.remove()
	if err != nil {
		c.log.Warn("plugin's cgroup stays", "error", err)
	}
	left := append(escaped, c.spawn.sweep(c.pid, c.id)...)
	slices.Sort(left)
	if left = slices.Compact(left); len(left) > 0 {
		c.left.Add(int64(len(left)))
		c.log.Warn("plugin left processes behind, they were ended", "pids", fmt.Sprint(left))
	}
	close(c.swept)
}

func exitStatus(s *os.ProcessState, err error) string {
	if s == nil {
		return fmt.Sprintf("unknown status (%v)", err)
	}
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return "signal " + w.Signal().String()
	}
	return "status " + strconv.Itoa(s.ExitCode())
}

// signal sends to the whole group unless it is gone.
func (c *child) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid != 0 && !c.reaped {
		c.sent = append(c.sent, s)
		if s == syscall.SIGKILL {
			c.group.kill(c.pid)
		}
		_ = syscall.Kill(-c.pid, s)
	}
}

// end kills the group because of what it did.
func (c *child) end(why error) {
	c.mu.Lock()
	if c.why == nil && !c.reaped && !c.quitting.Load() {
		c.why = why
	}
	c.mu.Unlock()
	c.signal(syscall.SIGKILL)
}

// ended tells whether the process's end, which has come, was our doing.
func (c *child) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.sent, func(s syscall.Signal) bool { return c.exit.Status == "signal "+s.String() })
}

// Kill implements runner.Runner: SIGTERM to the group, SIGKILL a moment later.
func (c *child) Kill(context.Context) error {
	c.quitting.Store(true)
	return c.kill(termGrace)
}

func (c *child) kill(grace time.Duration) error {
	if c.ID() == "" {
		return nil
	}
	if grace > 0 {
		c.signal(syscall.SIGTERM)
		select {
		case <-c.exited:
			return nil
		case <-time.After(grace):
		}
	}
	c.signal(syscall.SIGKILL)
	<-c.exited
	return nil
}

// Wait implements runner.Runner.
func (c *child) Wait(context.Context) error {
	<-c.exited
	if c.exit.Status == "status 0" {
		return nil
	}
	return c.exit
}

// greetingError is why the greeting was refused; io.EOF when there was none.
func (c *child) greetingError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.greetErr
}

// Stdout implements runner.Runner.
func (c *child) Stdout() io.ReadCloser { return c.greetings }

// Stderr implements runner.Runner: go-plugin must not parse it.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements runner.Runner.
func (c *child) Name() string { return c.cmd.Path }

// ID implements runner.Runner: the process id, empty until started.
func (c *child) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid == 0 {
		return ""
	}
	return strconv.Itoa(c.pid)
}

// Diagnose implements runner.Runner; our own errors say more.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost implements runner.AddrTranslator: both live in one file system.
func (c *child) PluginToHost(network, addr string) (string, string, error) { return network, addr, nil }

// HostToPlugin implements runner.AddrTranslator.
func (c *child) HostToPlugin(network, addr string) (string, string, error) { return network, addr, nil }
