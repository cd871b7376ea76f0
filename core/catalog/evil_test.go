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

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// misbehave does what a word says, once it is in a plugin's process. A word that it does not know does nothing.
func misbehave(how string) {
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
		line := strings.Repeat("y", 100)
		for range 5000 {
			fmt.Fprintln(os.Stderr, line)
		}
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

// evil is tint that misbehaves in one of its calls, "describe exit", or in a Generate whose prompt says how.
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
	s, err := e.tint.Load(ctx, r, rec)
	return evilSession{s.(tintSession)}, err
}

type evilSession struct{ tintSession }

func (s evilSession) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	misbehave(req.Prompt)
	return s.tintSession.Generate(ctx, req, progress)
}

// evilProfiler misbehaves as the label of its profile says: "open exit".
type evilProfiler struct{}

func (evilProfiler) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	at, how, _ := strings.Cut(p.Label, " ")
	s := evilSink{at, how}
	s.in("open")
	return s, nil
}

type evilSink struct{ at, how string }

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
