package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// names are the artifact names of a profile that are taken, and by which profiler.
type names struct {
	mu sync.Mutex
	by map[string]string
}

// take gives name to a profiler, or says who has it.
func (n *names) take(name, by string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if other, ok := n.by[name]; ok {
		return fmt.Errorf("artifact %q is also made by profiler %q", name, other)
	}
	if n.by == nil {
		n.by = map[string]string{}
	}
	n.by[name] = by
	return nil
}

// accept checks what a profiler says that it made against what is there. Artifacts that are wrong are left out and
// named in the error; the others come back.
func (m *Manager) accept(p *entry, by string, made []profiler.Artifact, taken *names) ([]Artifact, error) {
	return acceptIn(p.dir, p.id, by, made, taken)
}

// acceptIn is accept for files that lie in dir and are, or will be, those of the profile called id.
func acceptIn(dir, id, by string, made []profiler.Artifact, taken *names) ([]Artifact, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the artifacts: %w", err)
	}
	defer root.Close()
	var out []Artifact
	var errs []error
	for _, a := range made {
		bytes, sum, err := checkArtifact(root, a)
		if err == nil {
			err = taken.take(a.Name, by)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if a.MediaType == "" {
			a.MediaType = "application/octet-stream"
		}
		out = append(out, Artifact{Name: a.Name, Profiler: by, Stage: clonePointer(a.Stage), StageName: a.StageName,
			Rank: clonePointer(a.Rank), Bytes: bytes, SHA256: sum, MediaType: a.MediaType, Events: a.Events, Dropped: a.Dropped,
			URL: "/v1/profiles/" + id + "/artifacts/" + escapePath(a.Name), Path: a.Name, Description: a.Description})
	}
	return out, errors.Join(errs...)
}

// escapePath escapes each part of a slash-separated name for a URL.
func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// checkArtifact gives an artifact's true size, and its SHA-256 as the profiler said it or else as it is.
func checkArtifact(root *os.Root, a profiler.Artifact) (int64, string, error) {
	if err := checkName(a.Name); err != nil {
		return 0, "", err
	}
	info, err := root.Lstat(filepath.FromSlash(a.Name))
	switch {
	case err != nil:
		return 0, "", fmt.Errorf("artifact %q is not there: %w", a.Name, err)
	case !info.Mode().IsRegular():
		return 0, "", fmt.Errorf("artifact %q is not a plain file", a.Name)
	case a.Bytes != 0 && a.Bytes != info.Size():
		return 0, "", fmt.Errorf("artifact %q has %d bytes, the profiler says %d", a.Name, info.Size(), a.Bytes)
	case a.SHA256 != "":
		return info.Size(), a.SHA256, nil
	}
	sum, err := hashFile(root, a.Name)
	return info.Size(), sum, err
}

// checkName refuses names that lead out of the profile's directory or to what is ours in it.
func checkName(name string) error {
	top, _, _ := strings.Cut(name, "/")
	switch {
	case !filepath.IsLocal(filepath.FromSlash(name)) || path.Clean(name) != name || name == ".":
		return fmt.Errorf("artifact %q: the name must lead into the profile's directory", name)
	case top == recordingName, strings.HasPrefix(name, "."):
		return fmt.Errorf("artifact %q: the name is the server's own", name)
	}
	return nil
}

func hashFile(root *os.Root, name string) (string, error) {
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return "", fmt.Errorf("hash artifact %q: %w", name, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash artifact %q: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Artifact finds an artifact by its name and the file's absolute path. Only artifacts that the profile lists are
// found, and only while they are plain files inside the profile's directory.
func (m *Manager) Artifact(id, name string) (string, Artifact, error) {
	v, err := m.Get(id)
	if err != nil {
		return "", Artifact{}, err
	}
	for _, a := range v.Artifacts {
		if a.Name != name {
			continue
		}
		dir := filepath.Join(m.dir, v.ID)
		if err := plainFile(dir, name); err != nil {
			return "", Artifact{}, &Error{Code: CodeNotFound, Param: "name", ID: id, Err: err,
				Message: fmt.Sprintf("artifact %q of profile %s is gone", name, id)}
		}
		return filepath.Join(dir, filepath.FromSlash(name)), a, nil
	}
	return "", Artifact{}, &Error{Code: CodeNotFound, Param: "name", ID: id,
		Message: fmt.Sprintf("profile %s has no artifact %q; list its artifacts to see which there are", id, name)}
}

// plainFile checks that name, inside dir and through no link that leads out, is a plain file.
func plainFile(dir, name string) error {
	if err := checkName(name); err != nil { // a manifest may have been edited
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the profile's directory: %w", err)
	}
	defer root.Close()
	info, err := root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return fmt.Errorf("look for artifact %q: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("artifact %q is not a plain file", name)
	}
	return nil
}
