package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// insidePlugin refuses to launch from within a plugin: under `go test` a plugin's command is the test binary, which
// would run its tests again, and they would launch plugins again.
func insidePlugin() error {
	if os.Getenv(cookieKey) != "" {
		return fmt.Errorf("%w (%s is set in the environment)", ErrInsidePlugin, cookieKey)
	}
	return nil
}

// program finds a command's file and makes sure that it can be run.
func program(command []string) (string, error) {
	if len(command) == 0 || command[0] == "" {
		return "", fmt.Errorf("%w: the command is empty", ErrNotFound)
	}
	name := command[0]
	if !strings.ContainsRune(name, os.PathSeparator) {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("%w: %q is not in PATH", ErrNotFound, name)
		}
		name = path
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: %s", ErrNotFound, path)
	case err != nil:
		return "", fmt.Errorf("find %s: %w", path, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%w: %s is no regular file", ErrNotExecutable, path)
	case info.Mode()&0o111 == 0:
		return "", fmt.Errorf("%w: %s has mode %s; run chmod +x on it", ErrNotExecutable, path, info.Mode())
	}
	return path, nil
}

// verify compares a program's SHA-256 with the one given; an empty one is not checked. What was read is what will run, though
// the path may lead to another file by then. The caller closes it.
func verify(path, want string) (*checked, error) {
	if want == "" {
		return &checked{path: path}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s to check it: %w", path, err)
	}
	c := &checked{path: path, file: f}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s to check it: %w", path, err), f.Close())
	}
	if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, want) {
		return nil, errors.Join(fmt.Errorf("%w: %s has sha256 %s, the configuration says %s", ErrChecksum, path, got, strings.ToLower(want)), f.Close())
	}
	return c, nil
}

// checked is a program whose checksum was compared.
type checked struct {
	path string
	file *os.File // what was read; nil: nothing was
}

func (c *checked) close() {
	if c.file != nil {
		c.file.Close()
	}
}

// socketTail is what go-plugin adds to the folder for a socket: "/plugin-dir" and "/plugin", each with at most ten digits.
const socketTail = len("/plugin-dir") + 10 + len("/plugin") + 10

// runtimeDir makes the folder that holds the sockets. An empty path means one of our own, which is removed at the end.
func runtimeDir(path string) (dir string, own bool, err error) {
	if path == "" {
		return ownRuntimeDir()
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return "", false, fmt.Errorf("%w: %w", ErrRuntimeDir, err)
	}
	if err := fits(path); err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", false, fmt.Errorf("%w: %w", ErrRuntimeDir, err)
	}
	// The sockets lie in folders of mode 0700 inside, so a folder that exists keeps its mode: it may be /run or /tmp.
	probe, err := os.MkdirTemp(path, "try")
	if err != nil {
		return "", false, fmt.Errorf("%w: it is not writable: %w", ErrRuntimeDir, err)
	}
	return path, false, os.Remove(probe)
}

func ownRuntimeDir() (string, bool, error) {
	var first error
	for _, parent := range []string{os.TempDir(), "/tmp"} { // darwin's TMPDIR is long
		dir, err := os.MkdirTemp(parent, "strobe")
		if err != nil {
			first = errors.Join(first, fmt.Errorf("%w: %w", ErrRuntimeDir, err))
			continue
		}
		if err = fits(dir); err == nil {
			return dir, true, nil
		}
		first = errors.Join(first, err, os.Remove(dir))
	}
	return "", false, first
}

// fits makes sure that a socket's path within dir stays within the kernel's bound.
func fits(dir string) error {
	if n := len(dir) + socketTail; n > maxSocketPath {
		return fmt.Errorf("%w: %s makes socket paths of %d bytes and the system allows %d; choose a folder of at most %d bytes",
			ErrRuntimeDir, dir, n, maxSocketPath, maxSocketPath-socketTail)
	}
	return nil
}
