//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// session is one recording's collection.
type session struct {
	rec        *trace.Recorder
	lib        *cupti
	driver     *driver
	decoder    *decoder
	clock      *clock
	requests   requests
	subscriber uintptr
	enabled    []int32
	skipped    []string
	calls      map[uint32]bool // which calls are recorded
	timeout    time.Duration
	quit, done chan struct{}
	dropped    *uint64

	mu       sync.Mutex
	contexts []uintptr
}

const (
	clockEvery = 200 * time.Millisecond // how often the clocks are read together
	flushEvery = time.Second            // how often the library gives back what it has filled
	maxContext = 64
)

// process is who collects: one session at a time, and none while the library has not come back from a stop.
var process struct {
	sync.Mutex
	busy, stuck bool
}

// startSession turns collection on, or says why it cannot be.
func startSession(rec *trace.Recorder, o *Options) (_ *session, err error) {
	process.Lock()
	defer process.Unlock()
	switch {
	case process.stuck:
		return nil, ErrStuck
	case process.busy:
		return nil, ErrBusy
	}
	s := &session{rec: rec, timeout: o.StopTimeout, quit: make(chan struct{}), done: make(chan struct{}), dropped: new(uint64)}
	if s.lib, err = loadCUPTI(o.Library); err != nil {
		return nil, err
	}
	version := new(uint32)
	if r := s.lib.version(version); r != 0 {
		return nil, s.explain(resultError("ask CUPTI for its version", r), 0)
	}
	if *version < oldestVersion {
		return nil, fmt.Errorf("%w: %s says %s", ErrTooOld, filepath.Base(s.lib.path), versionText(*version))
	}
	if err = s.turnOn(o); err != nil {
		return nil, s.explain(err, *version)
	}
	devices, err := s.findDevices()
	if err != nil {
		s.turnOff()
		return nil, err
	}
	s.begin(*version, devices)
	process.busy = true
	go s.run()
	return s, nil
}

// turnOn has the library deliver what is wanted, all of it or nothing.
func (s *session) turnOn(o *Options) error {
	if err := s.lib.prepare(); err != nil {
		return err
	}
	s.lib.buffers.open(o.BufferBytes)
	if s.lib.threadIDsOf != nil {
		const system = 1 // the numbers that the system gives threads
		s.lib.threadIDsOf(system)
	}
	subscriber := new(uintptr)
	if r := s.lib.subscribe(subscriber, ignored(), 0); r != 0 {
		s.lib.buffers.close()
		return resultError("subscribe to CUPTI", r)
	}
	s.subscriber = *subscriber
	// Calls are what ties work to spans: they are delivered, though not recorded, when only work is wanted.
	kinds := []int32{kindExternal, kindContext, kindStream, kindRuntime, kindDriver}
	for _, e := range o.Events {
		for _, k := range kindsOf[e] {
			if !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
	}
	s.calls = map[uint32]bool{kindRuntime: slices.Contains(o.Events, EventRuntime), kindDriver: slices.Contains(o.Events, EventDriver)}
	for _, k := range kinds {
		switch r := s.lib.enable(k); r {
		case 0:
			s.enabled = append(s.enabled, k)
		case resultUnknownKind, resultNotSupported:
			s.skipped = append(s.skipped, fmt.Sprint(k))
		default:
			s.turnOff()
			return resultError(fmt.Sprintf("enable activity %d of CUPTI", k), r)
		}
	}
	return nil
}

// turnOff takes back what turnOn did.
func (s *session) turnOff() {
	for _, k := range slices.Backward(s.enabled) {
		s.lib.disable(k)
	}
	s.enabled = nil
	s.lib.unsubscribe(s.subscriber)
	s.lib.buffers.close()
}

// explain adds what stands behind an error of the library: it says of any fault that it is not initialised.
func (s *session) explain(err error, version uint32) error {
	name := filepath.Base(s.lib.path) // a whole path is nobody's business
	if version != 0 {
		name += " of CUDA " + versionText(version)
	}
	err = fmt.Errorf("%s: %w", name, err)
	if !errors.Is(err, ErrNotReady) {
		return err
	}
	if _, why := s.findDevices(); why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}

func (s *session) findDevices() (n int, err error) {
	if s.driver, err = loadDriver(); err != nil {
		return 0, err
	}
	return s.driver.ready()
}

// begin makes ready to decode.
func (s *session) begin(version uint32, devices int) {
	s.clock = &clock{read: bothClocks(s.rec, s.lib)}
	s.clock.look()
	s.decoder = newDecoder(s.rec, s.lib, version, s.clock, &s.requests)
	s.decoder.runtimeCalls, s.decoder.driverCalls = s.calls[kindRuntime], s.calls[kindDriver]
	if len(s.clock.pairs) > 0 {
		s.decoder.since = s.clock.pairs[0].ns
	}
	time.Sleep(time.Millisecond)
	s.clock.look() // a first slope
	driverVersion := new(int32)
	var more []trace.Arg
	if s.driver.version(driverVersion) == 0 {
		more = append(more, trace.Int(s.decoder.names.driver, int64(*driverVersion)))
	}
	more = append(more, trace.String(s.decoder.names.library, versionText(version)))
	say(s.rec, stateRecorded, "", more...)
	s.driver.describe(s.rec, s.decoder.names, devices)
}

// run decodes what the library has filled, until the session is told to stop.
func (s *session) run() {
	defer close(s.done)
	tick, flush := time.NewTicker(clockEvery), time.NewTicker(flushEvery)
	defer tick.Stop()
	defer flush.Stop()
	for {
		select {
		case <-s.lib.buffers.wake:
			s.clock.look()
			s.drain()
		case <-tick.C:
			s.clock.look()
		case <-flush.C:
			s.lib.flushAll(0)
		case <-s.quit:
			s.clock.look()
			s.drain()
			s.decoder.release(true)
			return
		}
	}
}

// drain decodes all filled buffers.
func (s *session) drain() {
	for {
		b, ok := s.lib.buffers.next()
		if !ok {
			return
		}
		if b.valid > 0 && len(s.clock.pairs) > 0 {
			s.decoder.buffer(b.at, b.valid)
		}
		*s.dropped = 0
		if s.lib.dropped(b.context, b.stream, s.dropped) == 0 && *s.dropped > 0 {
			s.rec.LoseDevice(*s.dropped)
		}
		s.lib.buffers.give(b)
	}
}

// remember keeps a context, so that its work is waited for.
func (s *session) remember(context uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.contexts, context) && len(s.contexts) < maxContext {
		s.contexts = append(s.contexts, context)
	}
}

// stop waits for the devices, takes what the library still has, and turns it off. It does not wait for ever: what comes
// later is left out, and said to be.
func (s *session) stop() (notes []string) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.mu.Lock()
		contexts := slices.Clone(s.contexts)
		s.mu.Unlock()
		s.driver.wait(contexts)
		const forced = 1
		s.lib.flushAll(forced)
		for _, k := range slices.Backward(s.enabled) {
			s.lib.disable(k)
		}
		s.lib.flushAll(forced) // what came in between
		s.lib.unsubscribe(s.subscriber)
	}()
	timer := time.NewTimer(s.timeout)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		notes = append(notes, fmt.Sprintf("CUPTI, or a device, was still busy %v after the stop: the last device events are missing", s.timeout))
	}
	close(s.quit)
	<-s.done
	s.free(ended)
	return append(notes, s.notes()...)
}

// free lets the next session begin: at once, or when the library has come back.
func (s *session) free(ended <-chan struct{}) {
	process.Lock()
	defer process.Unlock()
	process.busy = false
	select {
	case <-ended:
		s.lib.buffers.close()
	default:
		process.stuck = true
		go func() {
			<-ended
			s.lib.buffers.close()
			process.Lock()
			defer process.Unlock()
			process.stuck = false
		}()
	}
}

// notes is what the user should know of the recording.
func (s *session) notes() (notes []string) {
	d := s.decoder
	if d.counts.timeless > 0 {
		s.rec.LoseDevice(d.counts.timeless)
		notes = append(notes, fmt.Sprintf("%d device events have no times and are left out; some versions of CUPTI from 12.6 to 13.0 do that", d.counts.timeless))
	}
	if d.counts.unknown > 0 {
		var kinds []string
		for k, n := range d.unknown {
			kinds = append(kinds, fmt.Sprintf("%d of kind %d", n, k))
		}
		slices.Sort(kinds)
		notes = append(notes, fmt.Sprintf("CUPTI delivered %d records that this version does not know: %s", d.counts.unknown, strings.Join(kinds, ", ")))
	}
	if s.clock.steps > 0 {
		notes = append(notes, "the system's clock was set while device events were recorded: those around that moment may be misplaced")
	}
	if len(s.skipped) > 0 {
		notes = append(notes, "this CUPTI has no activity of kinds "+strings.Join(s.skipped, ", "))
	}
	return notes
}
