package trace

import "slices"

// Control says what a recording asks of the sources that measure devices.
type Control string

// Kinds of control.
const (
	// ControlRecord: they record what devices do.
	ControlRecord Control = ""
	// ControlCUDAProfiler: they leave devices to an outside profiler of CUDA, and tell it when the recording begins and ends.
	ControlCUDAProfiler Control = "cuda_profiler_api"
)

// Source adds to recordings what the recorder cannot see happening: what a device did. Its methods are called by one
// goroutine at a time and hold up the start and the stop of recordings, so they bound their own time: a rank that does not
// answer within seconds is replaced by the server. They must not start or stop the recorder. The flight recorder does without sources.
type Source interface {
	// Start is called when a recording has begun. Notes are told to whoever asked for the recording. An error ends the
	// recording again, and is what [Recorder.Start] returns.
	Start(s Start) (notes []string, err error)
	// Stop is called before the recording ends, after a Start without an error: what it records is still in.
	Stop() (notes []string)
}

// Attach adds a source to the recordings that start from now on.
func (r *Recorder) Attach(s Source) {
	r.life.Lock()
	defer r.life.Unlock()
	r.sources = append(r.sources, s)
}

// Notes is what sources have to tell about the recording so far; nil when the recorder is off.
func (r *Recorder) Notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notes)
}

// startSources starts all of them, or none. r.life is held.
func (r *Recorder) startSources(s Start) error {
	r.setNotes(nil)
	r.running = nil
	var notes []string
	for _, source := range r.sources {
		more, err := source.Start(s)
		if err != nil {
			r.stopSources()
			return err
		}
		r.running = append(r.running, source)
		notes = append(notes, more...)
	}
	if s.Control != ControlRecord && len(r.sources) == 0 && s.Process.Kind == ProcessModel {
		notes = append(notes, `control is "`+string(s.Control)+`", but the plugin does not use sdk/cuda, so no CUDA profiler is told`)
	}
	r.setNotes(notes)
	return nil
}

// stopSources stops those that were started, and returns all notes of the recording. r.life is held.
func (r *Recorder) stopSources() []string {
	notes := r.Notes()
	for _, source := range slices.Backward(r.running) {
		for _, n := range source.Stop() {
			if !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
		}
	}
	r.running = nil
	r.setNotes(nil)
	return notes
}

func (r *Recorder) setNotes(notes []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = notes
}
