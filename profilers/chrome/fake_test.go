package chrome

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// started is when the profiles of these tests start.
var started = time.Date(2026, 11, 23, 10, 3, 12, 0, time.UTC)

// names of a test, interned as a recorder's are.
type names map[recording.Name]*recording.Name

func (n names) in(c trace.Category, text string) *recording.Name {
	key := recording.Name{Text: text, Category: c}
	if n[key] == nil {
		n[key] = &key
	}
	return n[key]
}

func (n names) num(key string, v int64) recording.Arg {
	return recording.Arg{Key: n.in(0, key), Type: trace.TypeInt, Int: v}
}

func (n names) float(key string, v float64) recording.Arg {
	return recording.Arg{Key: n.in(0, key), Type: trace.TypeFloat, Float: v}
}

func (n names) flag(key string, v bool) recording.Arg {
	a := recording.Arg{Key: n.in(0, key), Type: trace.TypeBool}
	if v {
		a.Int = 1
	}
	return a
}

func (n names) text(key, v string) recording.Arg {
	return recording.Arg{Key: n.in(0, key), Type: trace.TypeName, Text: v}
}

func (n names) shapes(key, v string) recording.Arg {
	return recording.Arg{Key: n.in(0, key), Type: trace.TypeShapes, Text: v}
}

// proc builds the batches of one process, as a reader would give them.
type proc struct {
	names
	recording.Process
	tracks uint32
	events []recording.Event
}

func newProc(n names, kind trace.ProcessKind, pid int, p trace.Process) *proc {
	p.Kind = kind
	return &proc{names: n, Process: recording.Process{Process: p, PID: pid, Host: "box", BootID: "boot"}}
}

func core(n names) *proc {
	return newProc(n, trace.ProcessCore, 4000, trace.Process{Name: "core", Model: "emoji"})
}

func rank(n names, r int) *proc {
	return newProc(n, trace.ProcessModel, 4242+r, trace.Process{Name: "dit", Model: "emoji", StageName: "diffusion", Rank: r})
}

func (p *proc) track(name string) *line {
	p.tracks++
	return &line{p: p, Track: &recording.Track{Process: &p.Process, ID: p.tracks, Name: name}}
}

func (p *proc) stream(device int, stream uint32) *line {
	l := p.track(fmt.Sprintf("stream %d", stream))
	l.Device, l.DeviceID, l.ContextID, l.StreamID = true, device, 1, stream
	return l
}

// calls is a track of the calls that a thread makes.
func (p *proc) calls(thread uint32) *line {
	l := p.track(fmt.Sprintf("CUDA calls of thread %d", thread))
	l.Calls, l.ThreadID = true, thread
	return l
}

// work adds device work, or a call, that the innermost open span of around asked for.
func (l *line) work(us, dur float64, kind trace.WorkKind, correlation uint64, around *line, name string, args ...recording.Arg) {
	w := recording.Work{Kind: kind, Correlation: correlation}
	c, request := trace.CategoryDevice, ""
	if l.Calls {
		c = trace.CategoryRuntime
	}
	if around != nil {
		request = around.request
		if n := len(around.open); n > 0 {
			w.Track, w.External = around.Track, around.open[n-1].Seq
		}
	}
	l.seq++
	l.p.events = append(l.p.events, recording.Event{
		Kind: recording.Span, Track: l.Track, Name: l.p.in(c, name), Start: at(us), End: at(us + dur), Seq: l.seq, Request: request, Work: w, Args: args,
	})
}

// batch is what was added since the last one.
func (p *proc) batch() *recording.Batch {
	b := &recording.Batch{Process: &p.Process, Events: p.events}
	p.events = nil
	return b
}

// line is a track that spans are opened and closed on.
type line struct {
	*recording.Track
	p       *proc
	seq     uint64
	open    []recording.Event
	request string
}

// at is a time of these tests: µs since the profile's start, with fractions.
func at(us float64) int64 { return started.UnixNano() + int64(us*1000) }

func (l *line) begin(us float64, c trace.Category, name string, args ...recording.Arg) {
	l.seq++
	e := recording.Event{
		Kind: recording.Span, Track: l.Track, Name: l.p.in(c, name), Start: at(us), Seq: l.seq,
		Depth: uint16(len(l.open)), Request: l.request, Args: args,
	}
	if len(l.open) > 0 {
		e.Parent = l.open[len(l.open)-1].Seq
	}
	l.open = append(l.open, e)
}

func (l *line) end(us float64) {
	e := l.open[len(l.open)-1]
	l.open = l.open[:len(l.open)-1]
	e.End = at(us)
	l.p.events = append(l.p.events, e)
}

// span is begin and end.
func (l *line) span(us, dur float64, c trace.Category, name string, args ...recording.Arg) {
	l.begin(us, c, name, args...)
	l.end(us + dur)
}

// cut ends what is open as a reader does when the recording ends.
func (l *line) cut(us float64) {
	for len(l.open) > 0 {
		l.open[len(l.open)-1].Open = true
		l.end(us)
	}
}

func (l *line) add(e recording.Event) {
	e.Track, e.Request = l.Track, l.request
	if e.Name == nil {
		e.Name = l.p.in(0, "")
	}
	l.p.events = append(l.p.events, e)
}

func (l *line) instant(us float64, c trace.Category, name string, args ...recording.Arg) {
	l.add(recording.Event{Kind: recording.Instant, Start: at(us), Name: l.p.in(c, name), Args: args})
}

func (l *line) count(us float64, name string, v float64, float bool) {
	l.add(recording.Event{Kind: recording.Counter, Start: at(us), Name: l.p.in(trace.CategoryCounter, name), Value: v, Float: float})
}

func (l *line) flow(us float64, kind recording.Kind, id uint64) {
	l.add(recording.Event{Kind: kind, Start: at(us), Flow: id})
}

// profileIn is a profile that writes to dir.
func profileIn(dir string) profiler.Profile {
	return profiler.Profile{ID: "20261123-100312-a1b2c3", Dir: dir, Model: "emoji", Started: started, Host: "box"}
}

// export writes the batches' files into a new folder.
func export(t *testing.T, p profiler.Profile, batches ...*recording.Batch) []profiler.Artifact {
	t.Helper()
	s, err := New().Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	artifacts, err := s.Finish(t.Context(), summaryOf(batches))
	if err != nil {
		t.Fatal(err)
	}
	return artifacts
}

// summaryOf is what a reader would say of the batches.
func summaryOf(batches []*recording.Batch) profiler.Summary {
	sum := profiler.Summary{Stopped: started.Add(time.Second)}
	rows := map[*recording.Process]int{}
	for _, b := range batches {
		i, ok := rows[b.Process]
		if !ok {
			i = len(sum.Processes)
			rows[b.Process] = i
			sum.Processes = append(sum.Processes, recording.Summary{Process: b.Process})
		}
		sum.Processes[i].Events += uint64(len(b.Events))
	}
	return sum
}

// unzip reads a file of exactly one gzip member.
func unzip(t *testing.T, path string) []byte {
	t.Helper()
	z, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rest := bytes.NewReader(z)
	r, err := gzip.NewReader(rest)
	if err != nil {
		t.Fatal(err)
	}
	r.Multistream(false)
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	if rest.Len() > 0 {
		t.Errorf("%s: %d bytes after the first gzip member", filepath.Base(path), rest.Len())
	}
	return text
}

// file is a trace as tests look at it.
type file struct {
	BaseTimeNanoseconds int64
	TraceEvents         []event
	Strobe              about
	WARNING             []string
	DeviceProperties    []map[string]any
}

type event struct {
	Ph, Cat, Name string
	BP            string
	PID, TID      any
	TS, Dur       json.Number
	ID            any
	Args          map[string]any
}

func parse(t *testing.T, path string) file {
	t.Helper()
	var f file
	if err := json.Unmarshal(unzip(t, path), &f); err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return f
}
