package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
)

// Errors of CPU profiles, to be tested with errors.Is.
var (
	// ErrCPUProfiling: a process makes one CPU profile at a time, and one is being made, such as net/http/pprof's.
	ErrCPUProfiling = errors.New("another CPU profile of the process is being made")
	// ErrNoCPUProfile: the process cannot make any.
	ErrNoCPUProfile = errors.New("its plugin cannot make CPU profiles")
	// ErrCPUProfileTooLarge: the profile was dropped.
	ErrCPUProfileTooLarge = errors.New("the CPU profile is larger than its bound")
)

// CPUProfile is a CPU profile of this very process, in pprof's format, that is being made.
type CPUProfile struct {
	path string
	file *os.File
	out  boundedWriter
	once sync.Once
	err  error
}

// StartCPUProfile begins a profile of at most maxBytes. The file at path appears when it is complete.
func StartCPUProfile(path string, maxBytes int64) (*CPUProfile, error) {
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start CPU profile: %w", err)
	}
	p := &CPUProfile{path: path, file: f, out: boundedWriter{w: f, left: maxBytes}}
	if err := pprof.StartCPUProfile(&p.out); err != nil { // its only error is that one runs
		_ = f.Close()
		_ = os.Remove(f.Name())
		return nil, fmt.Errorf("start CPU profile: %w", ErrCPUProfiling)
	}
	return p, nil
}

// Stop completes the file; on an error there is none. It takes a tenth of a second or two, and may be called again.
func (p *CPUProfile) Stop() error {
	p.once.Do(func() {
		pprof.StopCPUProfile()
		p.err = p.complete()
	})
	return p.err
}

func (p *CPUProfile) complete() error {
	err := errors.Join(p.out.err, p.file.Close())
	if err == nil {
		err = os.Rename(p.file.Name(), p.path)
	}
	if err != nil {
		_ = os.Remove(p.file.Name())
		return fmt.Errorf("write CPU profile: %w", err)
	}
	return nil
}

// Abandon ends it without a file. It does nothing on a nil profile and on one that has been stopped.
func (p *CPUProfile) Abandon() {
	if p == nil {
		return
	}
	p.once.Do(func() {
		pprof.StopCPUProfile()
		_ = p.file.Close()
		_ = os.Remove(p.file.Name())
		p.err = errors.New("the CPU profile was abandoned")
	})
}

// boundedWriter writes up to a number of bytes. pprof does not look at errors, so it keeps the first.
type boundedWriter struct {
	w    io.Writer
	left int64
	err  error
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	switch b.left -= int64(len(p)); {
	case b.err != nil:
	case b.left < 0:
		b.err = ErrCPUProfileTooLarge
	default:
		_, b.err = b.w.Write(p)
	}
	return len(p), b.err
}
