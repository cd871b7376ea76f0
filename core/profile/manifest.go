package profile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// What is ours in a profile's directory all lies in its recording folder: analysers such as HolisticTraceAnalysis take
// every .json file beside the traces for a trace.
const (
	recordingName = "recording"
	manifestName  = recordingName + "/profile.json"
	summaryName   = recordingName + "/summary.json"
	tempPattern   = ".new-*.tmp"
)

// manifest writes a profile's views to its profile.json, in order, without holding anybody up: of views that come
// faster than the disk takes them only the last is written.
type manifest struct {
	path string

	mu      sync.Mutex
	idle    sync.Cond
	next    *View
	writing bool
	err     error // of the last write
}

func newManifest(dir string) *manifest {
	m := &manifest{path: filepath.Join(dir, manifestName)}
	m.idle.L = &m.mu
	return m
}

// save has v written soon. v must be the manifest's own copy.
func (m *manifest) save(v View) {
	v = v.stored()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next = &v
	if !m.writing {
		m.writing = true
		go m.write()
	}
}

// stored is v as a manifest has it: without its directory, which can be moved.
func (v View) stored() View {
	v.Dir = ""
	return v
}

func (m *manifest) write() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.next != nil {
		v := m.next
		m.next = nil
		m.mu.Unlock()
		err := writeJSON(m.path, v)
		m.mu.Lock()
		m.err = err
	}
	m.writing = false
	m.idle.Broadcast()
}

// flush waits until all that was saved is on disk, and says how the last write went.
func (m *manifest) flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.writing {
		m.idle.Wait()
	}
	return m.err
}

// writeJSON replaces the file at path by v, in one step and durably, with mode 0600.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), tempPattern)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
