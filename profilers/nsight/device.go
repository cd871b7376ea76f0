package nsight

import (
	"database/sql/driver"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// field is what an argument of device work is to the file.
type field uint8

// Fields, by the keys under which sdk/cuda records them.
const (
	unknownField field = iota
	grid
	block
	registers
	staticShared
	dynamicShared
	sharedExecuted
	localThread
	localTotal
	launchType
	cacheConfig
	sharedLimit
	gridID
	graphNode
	bytesMoved
	copyKind
	sourceKind
	targetKind
	memory
	setValue
	sourceDevice
	sourceContext
	targetDevice
	targetContext
	returned
	syncType
	event
	overheadKind
	fieldCount
)

var fieldNames = map[string]field{
	"grid": grid, "block": block, "registers per thread": registers, "static shared memory": staticShared, "dynamic shared memory": dynamicShared,
	"shared memory executed": sharedExecuted, "local memory per thread": localThread, "local memory total": localTotal, "launch type": launchType,
	"cache config": cacheConfig, "shared memory limit config": sharedLimit, "grid id": gridID, "graph node id": graphNode, "bytes": bytesMoved,
	"copy kind": copyKind, "source memory kind": sourceKind, "destination memory kind": targetKind, "memory kind": memory, "value": setValue,
	"source device": sourceDevice, "source context": sourceContext, "destination device": targetDevice, "destination context": targetContext,
	"return value": returned, "sync type": syncType, "event id": event, "overhead kind": overheadKind,
}

// given are the arguments of one piece of work.
type given struct {
	set  [fieldCount]bool
	ints [fieldCount]int64
	text [2]string // of grid and block
}

func (s *sink) given(e *recording.Event) (g given) {
	for i := range e.Args {
		a := &e.Args[i]
		f, ok := s.fields[a.Key]
		if !ok {
			f = fieldNames[a.Key.Text]
			s.fields[a.Key] = f
		}
		g.set[f] = true
		g.ints[f] = a.Int
		if f == grid || f == block {
			g.text[f-grid] = a.Text
		}
	}
	return g
}

// or is a field's number, or nothing at all.
func (g *given) or(f field) driver.Value {
	if !g.set[f] {
		return nil
	}
	return g.ints[f]
}

// rowBytes bounds a row of device work, and what its names take the first time they come.
const rowBytes = 256

// work adds a kernel, copy, set or wait, or a call.
func (s *sink) work(p *process, e *recording.Event) {
	if !s.room(rowBytes + 6*int64(len(e.Name.Text))) {
		return
	}
	s.last = max(s.last, s.at(e.End))
	g := s.given(e)
	start, end := s.at(e.Start), s.at(e.End)
	correlation := driver.Value(nil)
	if e.Work.Correlation != 0 {
		correlation = int64(e.Work.Correlation)
	}
	t := e.Track
	device, context, stream := int64(t.DeviceID), int64(t.ContextID), int64(t.StreamID)
	switch e.Work.Kind {
	case trace.WorkRuntimeCall, trace.WorkDriverCall:
		class := int64(classRuntime)
		if e.Work.Kind == trace.WorkDriverCall {
			class = classDriver
		}
		s.db.put(calls, start, end, class, s.thread(p, e), correlation, s.text(e.Name.Text), g.ints[returned], nil)
	case trace.WorkKernel:
		n, x, y := s.kernelNames(e.Name), numbers(g.text[0]), numbers(g.text[1])
		s.db.put(kernels, start, end, device, context, nil, stream, correlation, p.global, n.demangled, n.short, n.mangled,
			g.ints[launchType]+1, g.or(cacheConfig), g.ints[registers], x[0], x[1], x[2], y[0], y[1], y[2],
			g.ints[staticShared], g.ints[dynamicShared], g.ints[localThread], g.ints[localTotal], g.ints[gridID],
			g.or(sharedExecuted), g.or(graphNode), g.or(sharedLimit))
	case trace.WorkCopy:
		s.db.put(copies, start, end, device, context, nil, stream, correlation, p.global, g.ints[bytesMoved], g.ints[copyKind], nil,
			memoryKind(g.ints[sourceKind]), memoryKind(g.ints[targetKind]), g.or(sourceDevice), g.or(sourceContext),
			g.or(targetDevice), g.or(targetContext), nil, g.or(graphNode), nil)
	case trace.WorkSet:
		s.db.put(sets, start, end, device, context, nil, stream, correlation, p.global, g.ints[setValue], g.ints[bytesMoved],
			g.or(graphNode), memoryKind(g.ints[memory]))
	case trace.WorkSync:
		s.db.put(syncs, start, end, device, context, nil, stream, correlation, p.global, g.ints[syncType], g.ints[event])
	case trace.WorkOverhead:
		s.db.put(overhead, start, end, int64(classRuntime), s.thread(p, e), correlation, s.text(e.Name.Text), g.ints[overheadKind])
	default:
		s.events--
		s.without++
	}
}

// thread is the one that made a call: that of the span around it, as the call is in that span's range.
func (s *sink) thread(p *process, e *recording.Event) int64 {
	if e.Work.Track != nil {
		return s.track(p, e.Work.Track).global
	}
	return s.track(p, e.Track).global
}

// kernelNames are a kernel's names in StringIds.
type kernelNames struct {
	demangled, short int64
	mangled          driver.Value
}

func (s *sink) kernelNames(n *recording.Name) kernelNames {
	k, ok := s.kernels[n]
	if !ok {
		full := demangle.Filter(n.Text)
		k = kernelNames{demangled: s.text(full), short: s.text(shortName(full))}
		if full != n.Text {
			k.mangled = s.text(n.Text)
		}
		s.kernels[n] = k
	}
	return k
}

// shortName is a function's own name: without its result, its namespaces, its template's and its own parameters.
func shortName(full string) string {
	depth, end := 0, len(full)
	for i, c := range full { // the parameters begin at the first bracket outside the template's
		switch {
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == '(' && depth == 0 && !strings.HasPrefix(full[i:], "(anonymous") && !strings.HasPrefix(full[i:], "(lambda"):
			end = i
		}
		if end != len(full) {
			break
		}
	}
	name, depth, first := full[:end], 0, 0
	for i, c := range name {
		switch {
		case c == '<':
			depth++
		case c == '>':
			depth--
		case depth == 0 && (c == ' ' || c == ':'):
			first = i + 1
		}
	}
	name = name[first:]
	if cut := strings.IndexByte(name, '<'); cut > 0 {
		name = name[:cut]
	}
	if name == "" {
		return full
	}
	return name
}

// numbers reads "[[70,2,1]]". What is missing is 1, as a launch has it.
func numbers(shape string) [3]int64 {
	out := [3]int64{1, 1, 1}
	n, at, digits := int64(0), 0, false
	for i := 0; i < len(shape) && at < 3; i++ {
		c := shape[i]
		switch {
		case c >= '0' && c <= '9':
			n, digits = n*10+int64(c-'0'), true
		case digits:
			out[at], n, digits = n, 0, false
			at++
		}
	}
	return out
}
