package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what is read from the profile directory.
const (
	maxLoaded   = 10_000  // profiles
	maxManifest = 8 << 20 // bytes
)

var idPattern = regexp.MustCompile(`^\d{8}-\d{6}-[0-9a-f]{6}$`)

// load reads which profiles are on disk. What cannot be read is logged, left alone and not listed; profiles that
// another server works on are not ours.
func (m *Manager) load() error {
	m.keepOldFlights()
	dirs, err := os.ReadDir(m.dir)
	if err != nil {
		return err
	}
	slices.Reverse(dirs) // ids sort by time: the newest first
	for _, d := range dirs {
		switch name := d.Name(); {
		case strings.HasPrefix(name, deletedPrefix) && idPattern.MatchString(name[len(deletedPrefix):]):
			if err := os.RemoveAll(filepath.Join(m.dir, name)); err != nil {
				m.log.Warn("remove what is left of a deleted profile", logID, name, logError, err)
			}
		case !d.IsDir() || !idPattern.MatchString(name):
		case len(m.entries) == maxLoaded:
			m.log.Warn("too many profiles; the oldest are not listed", "listed", maxLoaded)
			return nil
		default:
			m.loadOne(name)
		}
	}
	m.retain()
	return nil
}

func (m *Manager) loadOne(id string) {
	p := &entry{id: id, dir: filepath.Join(m.dir, id), done: make(chan struct{})}
	close(p.done)
	if err := settleStaging(p.dir, id); err != nil {
		m.log.Warn("settle an export that a server left", logID, id, logError, err)
	}
	v, err := readManifest(filepath.Join(p.dir, manifestName), id)
	if errors.Is(err, fs.ErrNotExist) {
		v, err = m.withoutManifest(p, err)
	}
	if err == nil {
		if merr := readMarks(p.dir, &v); merr != nil {
			m.log.Warn("a profile's label and pin are those of its start", logID, id, logError, merr)
		}
	}
	if err == nil && !v.State.Final() {
		if err = m.takeOver(p, v); err == nil {
			p.size = diskUse(p.dir)
			m.entries[id] = p
			return
		}
	}
	if errors.Is(err, fs.ErrNotExist) && removeEmpty(p.dir) {
		m.log.Info("profile", logID, id, logState, "removed", "why", "its server was killed before anything was recorded")
		return
	}
	switch {
	case errors.Is(err, errLocked):
		m.log.Info("profile", logID, id, logState, string(v.State), "why_not_listed", "another server is working on it")
	case err != nil:
		m.log.Warn("read a profile's manifest; it is not listed", logID, id, logError, err)
	default:
		p.view, p.size = v, diskUse(p.dir)
		m.entries[id] = p
	}
}

// removeEmpty removes the directory of a profile whose start was killed before it had a file, unless somebody is at it.
func removeEmpty(dir string) bool {
	lock, err := lockDir(dir)
	if err != nil {
		return false
	}
	defer lock.Close()
	removeParts(dir)
	_ = os.Remove(filepath.Join(dir, recordingName)) // both fail for folders that are not empty
	return os.Remove(dir) == nil
}

// readManifest reads a manifest as hostile: bounded, and its id must be its directory's.
func readManifest(path, id string) (View, error) {
	f, err := os.Open(path)
	if err != nil {
		return View{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return View{}, err
	}
	if len(data) > maxManifest {
		return View{}, fmt.Errorf("it is larger than %d bytes", maxManifest)
	}
	return parseManifest(data, id)
}

func parseManifest(data []byte, id string) (View, error) {
	var v View
	if err := json.Unmarshal(data, &v); err != nil {
		return View{}, err
	}
	if v.ID != id || !v.State.known() {
		return View{}, fmt.Errorf("it is about profile %q in state %q", v.ID, v.State)
	}
	return v.clone(), nil
}
