package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stagingPrefix marks the folder in which an export of a recording that has ended is made, beside the artifacts that it
// will replace.
const stagingPrefix = ".export-"

// staging is that folder. Once its manifest is there, the export is decided: a server that dies leaves it to the next one
// to move the files. Without the manifest it is of an export that did not come to its end.
type staging string

func newStaging(dir string) (staging, error) {
	name, err := os.MkdirTemp(dir, stagingPrefix)
	if err == nil {
		err = os.Mkdir(staging(name).files(), 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for the export: %w", err)
	}
	return staging(name), nil
}

// files is where the profiler writes.
func (s staging) files() string { return filepath.Join(string(s), "files") }

// manifest is what the profile's manifest will be.
func (s staging) manifest() string { return filepath.Join(string(s), filepath.Base(manifestName)) }

func (s staging) remove() { os.RemoveAll(string(s)) } // what stays is removed by the next start

// moveTo gives the artifacts their places in dir.
func (s staging) moveTo(dir string, artifacts []Artifact) error {
	for _, a := range artifacts {
		to := filepath.Join(dir, filepath.FromSlash(a.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("make the folder of artifact %q: %w", a.Name, err)
		}
		err := os.Rename(filepath.Join(s.files(), filepath.FromSlash(a.Path)), to)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // moved already by a server that died
			return fmt.Errorf("put artifact %q in its place: %w", a.Name, err)
		}
	}
	return nil
}

// publish replaces what the profile in dir had of the profiler by what after has, whose manifest is already in s.
func (s staging) publish(dir string, before, after View) error {
	if err := s.moveTo(dir, after.Artifacts); err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, a := range after.Artifacts {
		kept[a.Path] = true
	}
	for _, a := range before.Artifacts {
		if !kept[a.Path] && checkName(a.Path) == nil {
			os.Remove(filepath.Join(dir, filepath.FromSlash(a.Path))) // nothing lists it any more
		}
	}
	if err := os.Rename(s.manifest(), filepath.Join(dir, manifestName)); err != nil {
		return fmt.Errorf("replace the manifest: %w", err)
	}
	return nil
}

// settleStaging completes the exports in dir that were decided, and removes what is left of others.
func settleStaging(dir, id string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() || !strings.HasPrefix(e.Name(), stagingPrefix) })
	if len(entries) == 0 {
		return nil
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err // somebody is at it
	}
	defer lock.Close()
	for _, e := range entries {
		s := staging(filepath.Join(dir, e.Name()))
		after, err := readManifest(s.manifest(), id)
		if err == nil {
			before, err := readManifest(filepath.Join(dir, manifestName), id)
			if err == nil {
				err = s.publish(dir, before, after)
			}
			if err != nil {
				return fmt.Errorf("complete an export: %w", err)
			}
		}
		s.remove()
	}
	return nil
}
