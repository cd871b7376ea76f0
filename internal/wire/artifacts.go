package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// checkArtifacts makes sure that each file lies within dir, and fills in its size and, when the profiler did not
// compute it while writing, its checksum. What is sound comes back beside the error.
func checkArtifacts(dir string, as []profiler.Artifact) ([]profiler.Artifact, error) {
	var out []profiler.Artifact
	var problems []error
	for _, a := range as {
		if err := checkArtifact(dir, &a); err != nil {
			problems = append(problems, fmt.Errorf("artifact %q: %w", clip(a.Name, 200), err))
			continue
		}
		out = append(out, a)
	}
	return out, errors.Join(problems...)
}

func checkArtifact(dir string, a *profiler.Artifact) error {
	name := filepath.FromSlash(a.Name)
	if !filepath.IsLocal(name) {
		return errors.New("the name leads out of the profile's folder")
	}
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("no regular file")
	}
	a.Bytes = info.Size()
	if a.SHA256 != "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	a.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}
