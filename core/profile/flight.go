package profile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// FlightRecorder is a [Recorder] that can remember what happened last.
type FlightRecorder interface {
	Recorder
	// StartFlight makes the process remember from when it returns. ctx bounds it. A process that follows a dead one
	// remembers nothing until it is told.
	StartFlight(ctx context.Context, f trace.Flight) error
	// StopFlight ends that.
	StopFlight(ctx context.Context) error
	// Snapshot keeps what is remembered as segments in a folder, and goes on.
	Snapshot(ctx context.Context, s trace.Snapshot) (trace.SnapshotStats, error)
}

// Defaults of a Flight.
const (
	DefaultWindow     = 30 * time.Second
	DefaultFlightKeep = 5
)

// Flight says what the processes remember outside profiles.
type Flight struct {
	Window   time.Duration // how far back; 30 s when zero
	MaxBytes int64         // of all processes' segments, split equally between them; 64 MiB when zero
	Triggers []Trigger
	// Keep is how many profiles are kept that triggers made, beside Options.Keep others; 5 when zero.
	Keep int
}

// flightPrefix marks the folder of what a server remembers.
const flightPrefix = ".flight-"

// watchEvery is how often the processes are looked at: whether one has died, or is there again.
const watchEvery = 250 * time.Millisecond

// startAgain is how long a process is left alone that could not start its flight recorder: a plugin of an earlier version
// never can.
const startAgain = 10 * time.Second

// deck keeps the flight recorders of all processes on.
type deck struct {
	m     *Manager
	o     Flight
	share int64 // bytes of a process
	dir   string
	lock  *os.File // says that the folder's server lives

	mu    sync.Mutex // guards the rings' fields; never held during calls
	rings []*ring    // core last

	triggers []*trigger
	work     sync.WaitGroup // the watcher, and triggers that wait
	watching sync.Mutex     // one look at the processes at a time
}

// ring is one process's flight recorder.
type ring struct {
	r    FlightRecorder
	pid  int    // of the process whose flight recorder is on; 0 for none
	dir  string // where it writes
	made int    // folders so far, one a process
	dead []deadRing
	said string    // the last error that was logged
	next time.Time // no start before, after one that went wrong
}

// deadRing is what a process left that died.
type deadRing struct {
	dir  string
	pid  int
	died time.Time
}

// startFlight turns the flight recorders on. A process that cannot is logged, and asked again.
func (m *Manager) startFlight(o Flight) error {
	defaultTo(&o.Window, DefaultWindow)
	defaultTo(&o.MaxBytes, 64<<20)
	d := &deck{m: m, o: o, dir: filepath.Join(m.dir, flightPrefix+newID(time.Now()))}
	all := slices.Clone(m.o.Ranks)
	if m.o.Core != nil {
		all = append(all, m.o.Core)
	}
	for _, r := range all {
		if f, ok := r.(FlightRecorder); ok {
			d.rings = append(d.rings, &ring{r: f})
		}
	}
	if len(d.rings) == 0 {
		return errors.New("start the flight recorder: no process has one")
	}
	d.share = o.MaxBytes / int64(len(d.rings))
	if d.share < trace.MinFlightBytes {
		return invalid("flight_recorder.max_bytes", "%d bytes are too few for %d processes; at least %d are needed",
			o.MaxBytes, len(d.rings), int64(trace.MinFlightBytes)*int64(len(d.rings)))
	}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return dirError("make the flight recorder's folder", err)
	}
	var err error
	if d.lock, err = lockDir(d.dir); err != nil {
		return dirError("lock the flight recorder's folder", err)
	}
	for _, t := range o.Triggers {
		d.triggers = append(d.triggers, newTrigger(d, t))
	}
	m.flight = d
	d.look()
	d.work.Go(d.watch)
	m.log.Info("flight recorder", "window", o.Window, "max_bytes", o.MaxBytes, "processes", len(d.rings), "triggers", len(o.Triggers))
	return nil
}

// watch looks after the processes until the server ends.
func (d *deck) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-d.m.closing.Done():
			return
		case <-tick.C:
			d.look()
		}
	}
}

// look finds processes that have died and turns the flight recorder on in those that are there.
func (d *deck) look() {
	d.watching.Lock()
	defer d.watching.Unlock()
	for _, died := range d.findDead() {
		d.fire(TriggerDeath, died+" died")
	}
	d.revive()
	each(len(d.rings), func(i int) { d.ensure(d.rings[i]) })
}

// revive makes the flight recorder's folder anew when somebody removed it, with the profile directory perhaps, and has every
// process begin again there: what they remembered went with the folder. Called with watching held.
func (d *deck) revive() {
	if _, err := os.Lstat(d.dir); !errors.Is(err, fs.ErrNotExist) || os.MkdirAll(d.dir, 0o700) != nil {
		return
	}
	lock, err := lockDir(d.dir)
	if err != nil {
		d.m.log.Warn("lock the flight recorder's folder", logError, err)
		return
	}
	d.lock.Close()
	d.lock = lock
	d.m.log.Warn("the flight recorder's folder was gone; the flight recorder begins anew")
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.rings {
		g.pid, g.next = 0, time.Time{}
	}
}

// findDead notes which processes have died, and gives their labels. What they left goes once it is out of the window.
func (d *deck) findDead() (died []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.rings {
		if g.pid != 0 && (down(g.r) != nil || g.r.PID() != g.pid) {
			g.dead = append(g.dead, deadRing{g.dir, g.pid, time.Now()})
			g.pid = 0
			died = append(died, g.r.Label())
		}
		var newest deadRing // of a process that dies again and again the last is kept, so that the disk's bound holds
		if n := len(g.dead); n > 0 {
			newest = g.dead[n-1]
		}
		g.dead = slices.DeleteFunc(g.dead, func(r deadRing) bool {
			if r == newest && time.Since(r.died) < d.o.Window+d.longestAfter() {
				return false
			}
			os.RemoveAll(r.dir) // else it goes with the server
			return true
		})
	}
	return died
}

// ensure turns a process's flight recorder on if it is off.
func (d *deck) ensure(g *ring) {
	d.mu.Lock()
	pid, dir := g.r.PID(), filepath.Join(d.dir, fmt.Sprintf("%s.%d", g.r.Label(), g.made))
	if g.pid != 0 || down(g.r) != nil || time.Now().Before(g.next) {
		d.mu.Unlock()
		return
	}
	g.made++
	d.mu.Unlock()
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = d.start(g.r, dir)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		g.pid, g.dir, g.said = pid, dir, ""
		return
	}
	os.Remove(dir)
	g.next = time.Now().Add(startAgain)
	if text := err.Error(); g.said != text {
		g.said = text
		d.m.log.Warn("start a process's flight recorder; it is tried again", logProcess, g.r.Label(), logError, err)
	}
}

func (d *deck) start(r FlightRecorder, dir string) error {
	f := trace.Flight{Dir: dir, MaxBytes: d.share, Window: d.o.Window, Process: d.m.processOf(r)}
	return bounded(d.m.closing, d.m.log, d.m.o.StartTimeout, func(ctx context.Context) error {
		err := r.StartFlight(ctx, f)
		if !errors.Is(err, trace.ErrRecording) {
			return err
		}
		// It is on by a start that was given up and reached the process late.
		if err := r.StopFlight(ctx); err != nil {
			return err
		}
		return r.StartFlight(ctx, f)
	}, nil).err
}

// stop turns the flight recorders off and removes their folder. The watcher has been told to end.
func (d *deck) stop() {
	d.work.Wait()
	each(len(d.rings), func(i int) {
		g := d.rings[i]
		if g.pid == 0 || down(g.r) != nil {
			return
		}
		if res := bounded(context.Background(), d.m.log, flightStop, g.r.StopFlight, nil); res.err != nil {
			d.m.log.Warn("stop a process's flight recorder", logProcess, g.r.Label(), logError, res.err)
		}
	})
	if err := os.RemoveAll(d.dir); err != nil {
		d.m.log.Warn("remove the flight recorder's folder", logError, err)
	}
	d.lock.Close()
}

// flightStop bounds a StopFlight: the process ends next, and its folder goes in any case.
const flightStop = 2 * time.Second

// deadSegments are the files that a dead process left.
func deadSegments(dir string) []string {
	entries, _ := os.ReadDir(dir) // what cannot be read is not there
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), segmentSuffix) {
			names = append(names, e.Name())
		}
	}
	return names
}
