//go:build !windows

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how many of a number of requests are done. Its methods are called one at a time.
type progress struct {
	out   io.Writer
	total int
	done  int
	bar   *progressbar.ProgressBar // nil: lines, at most ten of them, for a log
}

// newProgress shows a bar on a terminal and lines elsewhere.
func newProgress(out io.Writer, total int) *progress {
	p := &progress{out: out, total: total}
	if f, ok := out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	p.bar = progressbar.NewOptions(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription("requests"),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("req"),
		progressbar.OptionSetWidth(20),
		progressbar.OptionThrottle(65*time.Millisecond),
		progressbar.OptionSetRenderBlankState(true),
	)
	return p
}

// step counts one more. What cannot be shown is not an error of the benchmark.
func (p *progress) step() {
	p.done++
	if p.bar != nil {
		_ = p.bar.Add(1)
		return
	}
	if p.done*10/p.total != (p.done-1)*10/p.total {
		_, _ = fmt.Fprintf(p.out, "%d/%d requests\n", p.done, p.total)
	}
}

// end leaves the bar's line.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_, _ = fmt.Fprintln(p.out)
	}
}
