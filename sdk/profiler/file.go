package profiler

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
)

// File is an artifact that is being written. It has a hidden name until [File.Publish], so that it appears whole or not at
// all. The first error of a write is kept and is Publish's. A file is used by one goroutine at a time.
type File struct {
	name  string
	final string
	f     *os.File
	out   *bufio.Writer
	sum   hash.Hash
	size  int64
	err   error
}

// CreateFile makes the artifact called name, with slashes, relative to p.Dir. A file of that name that an export before
// this one left unfinished is replaced.
func CreateFile(p Profile, name string) (*File, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("create artifact %q: the name leads out of the profile's folder", name)
	}
	final := filepath.Join(p.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		return nil, fmt.Errorf("create artifact: %w", err)
	}
	f, err := os.OpenFile(hidden(final), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create artifact: %w", err)
	}
	return &File{name: name, final: final, f: f, out: bufio.NewWriterSize(f, 1<<18), sum: sha256.New()}, nil
}

func hidden(final string) string {
	return filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".partial")
}

// FileName makes a name of text that every file system and shell takes as it is: what is no letter of ASCII, digit, dash or
// underscore becomes an underscore.
func FileName(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, text)
}

// Write implements io.Writer.
func (f *File) Write(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.out.Write(b)
	f.sum.Write(b[:n])
	f.size += int64(n)
	f.err = err
	return n, err
}

// Size is the bytes written so far.
func (f *File) Size() int64 { return f.size }

// Publish completes the file and gives it its name. It adds name, size and SHA-256 to a, which says the rest. On error
// nothing of the file is left.
func (f *File) Publish(a Artifact) (Artifact, error) {
	err := f.err
	if err == nil {
		err = f.out.Flush()
	}
	if err = errors.Join(err, f.f.Close()); err == nil {
		err = os.Rename(f.f.Name(), f.final)
	}
	if err != nil {
		_ = os.Remove(f.f.Name())
		return Artifact{}, fmt.Errorf("write artifact %s: %w", f.name, err)
	}
	a.Name, a.Bytes, a.SHA256 = f.name, f.size, hex.EncodeToString(f.sum.Sum(nil))
	return a, nil
}

// Discard removes the unfinished file. After Publish it does nothing.
func (f *File) Discard() error {
	_ = f.f.Close()
	if err := os.Remove(f.f.Name()); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove artifact %s: %w", f.name, err)
	}
	return nil
}
