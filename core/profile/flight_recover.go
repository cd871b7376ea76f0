package profile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// TriggerCrash is the trigger of a profile that was made of what the flight recorders of a server remembered that ended
// without being stopped. A later server finds and exports it.
const TriggerCrash = "crash"

// labelCrash says what such a profile is.
const labelCrash = "crash: what the server remembered when it ended"

// keepOldFlights makes unfinished profiles, to be recovered, of what servers remembered that have ended: a server that is
// stopped in order leaves nothing.
func (m *Manager) keepOldFlights() {
	old, _ := filepath.Glob(filepath.Join(m.dir, flightPrefix+"*")) // fails for a bad pattern only
	for _, dir := range old {
		lock, err := lockDir(dir)
		if err != nil {
			continue // its server lives
		}
		err = m.keepOldFlight(dir)
		lock.Close()
		if err != nil {
			m.log.Warn("keep what an ended server remembered", "dir", filepath.Base(dir), logError, err)
		}
	}
}

// keepOldFlight gives the rings' segments the form of a profile and, as the last step, its name: who dies before that
// leaves the rest to the next one. A folder without segments is removed.
func (m *Manager) keepOldFlight(dir string) error {
	into := filepath.Join(dir, recordingName)
	if err := gatherRings(dir, into); err != nil {
		return err
	}
	segments, err := recording.Segments(into)
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		return os.RemoveAll(dir)
	}
	v := m.crashed(strings.TrimPrefix(filepath.Base(dir), flightPrefix), segments)
	if err := writeJSON(filepath.Join(dir, manifestName), v.stored()); err != nil {
		return err
	}
	return os.Rename(dir, filepath.Join(m.dir, v.ID))
}

// gatherRings moves the segments of all rings in dir into one folder.
func gatherRings(dir, into string) error {
	if err := os.Mkdir(into, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the recording's directory: %w", err)
	}
	rings, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, ring := range rings {
		from := filepath.Join(dir, ring.Name())
		if from == into {
			continue
		}
		for _, name := range deadSegments(from) {
			if err := os.Rename(filepath.Join(from, name), filepath.Join(into, ring.Name()+"."+name)); err != nil {
				return fmt.Errorf("keep a segment: %w", err)
			}
		}
		if err := os.RemoveAll(from); err != nil {
			return err
		}
	}
	return nil
}

// crashed is the profile of what a server remembered: as far back as this one would, and not further than its start,
// which began the folder's name.
func (m *Manager) crashed(name string, segments []recording.Segment) View {
	var last time.Time
	for _, s := range segments {
		if s.Last.After(last) {
			last = s.Last
		}
	}
	if last.IsZero() {
		last = time.Now().UTC()
	}
	window := DefaultWindow
	if m.o.Flight != nil && m.o.Flight.Window > 0 {
		window = m.o.Flight.Window
	}
	began := last.Add(-window)
	if started, err := time.Parse(idTime, name[:min(len(name), len(idTime))]); err == nil && started.After(began) {
		began = started
	}
	return View{ID: newID(last), State: StateRecording, Model: m.o.Model, Label: labelCrash, Trigger: TriggerCrash, EndedBy: EndedByCrash,
		StartedAt: began, Profilers: m.o.Profilers}.clone()
}
