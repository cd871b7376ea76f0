package catalog_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// misbehave does what a word says, once it is in a plugin's process. A word that it does not know does nothing.
func misbehave(how string) {
	if file, ok := strings.CutPrefix(how, "wait for "); ok {
		for _, err := os.Stat(file); err != nil; _, err = os.Stat(file) {
			time.Sleep(5 * time.Millisecond)
		}
	}
	switch how {
	case "exit":
		os.Exit(7)
	case "panic":
		panic("oh dear")
	case "panic elsewhere":
		go panic("oh dear")
		select {}
	case "hang":
		select {}
	case "memory":
		var kept [][]byte
		for {
			b := make([]byte, 16<<20)
			for i := range b {
				b[i] = 1
			}
			kept = append(kept, b)
			time.Sleep(5 * time.Millisecond)
			runtime.KeepAlive(kept)
		}
	case "memory of a child":
		run(exec.Command("sh", "-c", `x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done`))
		select {}
	case "stderr":
		go func() {
			for line := strings.Repeat("y", 100); ; {
				fmt.Fprintln(os.Stderr, line)
			}
		}()
	case "hostile stderr":
		fmt.Fprintln(os.Stderr, `{"@level":30,"@message":"hi"}`)
		fmt.Fprintln(os.Stderr, `{"@level":"info","@message":{"a":1},"@timestamp":7}`)
	case "daemon":
		run(orphan("exec sleep 1000"))
	case "hidden daemon":
		c := orphan("exec sleep 1000")
		c.Env = []string{"PATH=/usr/bin:/bin"}
		run(c)
	}
}

// orphan is a process of a session of its own, whose parent ends at once.
func orphan(script string) *exec.Cmd {
	c := exec.Command("sh", "-c", "("+script+") >/dev/null 2>&1 </dev/null & echo $!")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return c
}

// run starts a child and tells its process's number to the log.
func run(c *exec.Cmd) {
	if c.SysProcAttr == nil {
		if err := c.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	out, err := c.Output()
	fmt.Fprintf(os.Stderr, "daemon=%s %v\n", strings.TrimSpace(string(out)), err)
}

// evil is tint that misbehaves in one of its calls, "describe exit", or in a Generate whose prompt says how, or in the start or
// the stop of a recording whose control says how.
type evil struct {
	tint
	at, how   string
	described int
}

func newEvil(fault string) *evil {
	at, how, _ := strings.Cut(fault, "-")
	return &evil{tint: tint{makes: true}, at: at, how: strings.ReplaceAll(how, "-", " ")}
}

func (e *evil) in(call string) {
	if call == e.at {
		misbehave(e.how)
	}
}

func (e *evil) Describe() model.Description {
	e.described++
	if e.described == 1 {
		e.in("describe")
	} else {
		e.in("configure")
	}
	return e.tint.Describe()
}

func (e *evil) Load(ctx context.Context, r model.Rank, rec *trace.Recorder) (model.Session, error) {
	e.in("load")
	rec.Attach(&evilSource{})
	s, err := e.tint.Load(ctx, r, rec)
	return evilSession{s.(tintSession), e}, err
}

type evilSession struct {
	tintSession
	evil *evil
}

func (s evilSession) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	misbehave(req.Prompt)
	return s.tintSession.Generate(ctx, req, progress)
}

func (s evilSession) Close() error {
	s.evil.in("close")
	return nil
}

// evilSource is what a collector of device events may be.
type evilSource struct{ control string }

func (s *evilSource) Start(at trace.Start) ([]string, error) {
	s.control = string(at.Control)
	s.in("start")
	return nil, nil
}

func (s *evilSource) Stop() []string {
	s.in("stop")
	return nil
}

func (s *evilSource) in(call string) {
	if at, how, _ := strings.Cut(s.control, " "); at == call {
		misbehave(how)
	}
}

// evilProfiler misbehaves as its name says, or as the label of its profile: "open exit".
type evilProfiler struct {
	at, how string
	label   string // of the last profile
}

func newEvilProfiler(fault string) *evilProfiler {
	at, how, _ := strings.Cut(fault, "-")
	return &evilProfiler{at: at, how: how}
}

func (p *evilProfiler) Probe(context.Context) diag.List {
	if p.at == "probe" {
		misbehave(p.how)
	}
	return nil
}

func (p *evilProfiler) Open(_ context.Context, profile profiler.Profile) (profiler.Sink, error) {
	p.label = profile.Label
	s := newEvilSink(p.label)
	s.in("open")
	return s, nil
}

func (p *evilProfiler) Record(context.Context, *trace.Recorder) error {
	newEvilSink(p.label).in("record")
	return nil
}

type evilSink struct{ at, how string }

func newEvilSink(label string) evilSink {
	at, how, _ := strings.Cut(label, " ")
	return evilSink{at, how}
}

func (s evilSink) in(call string) {
	if call == s.at {
		misbehave(s.how)
	}
}

func (s evilSink) Consume(context.Context, *recording.Batch) error {
	s.in("consume")
	return nil
}

func (s evilSink) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) {
	s.in("finish")
	return nil, nil
}

func (s evilSink) Abort(context.Context) error {
	s.in("abort")
	return nil
}
