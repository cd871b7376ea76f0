package profile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// entry is one profile. Fields below view are guarded by the manager's mutex; those above are fixed or safe.
type entry struct {
	id       string
	dir      string // absolute
	manifest *manifest
	procs    []Recorder // core last; the same order as view.Processes
	exps     []Exporter // the same order as view.Exports
	perProc  int64      // bytes for each process's segment
	perExp   int64      // bytes for each profiler's artifacts
	perCPU   int64      // bytes for each process's CPU profile
	req      StartRequest
	snapshot *SnapshotRequest // nil for a profile that was started
	requests atomic.Int64
	steps    atomic.Int64 // denoise steps
	wait     *waiter      // nil: it records at once
	startErr error        // why it could not begin to record after its wait
	told     [][]string   // what each of procs had to say when it began to record; under the mutex until the profile records
	cpu      cpuProfiles
	done     chan struct{} // closed when the profile is final, or its start failed; each later export has another, under the mutex

	// Of a profile that is recovered:
	leftIn State    // the state in which a server left it
	files  []string // segments expected in the recording, instead of those of procs

	live live // how much is recorded so far

	view   View
	size   int64       // of the directory when it was last looked at, bytes
	wanted EndedBy     // an end that was asked for while the profile was starting
	timer  *time.Timer // the limit in time
	lock   *os.File    // held while this server works on the profile
}

// idTime is how an id begins.
const idTime = "20060102-150405"

// newID is a profile's name: when it began, in UTC, and something to tell two of one second apart.
func newID(now time.Time) string {
	var b [3]byte
	rand.Read(b[:]) // never fails
	return now.UTC().Format(idTime) + "-" + hex.EncodeToString(b[:])
}

// segment is the file name of a process's segment.
func segment(r Recorder) string { return r.Label() + segmentSuffix }

const segmentSuffix = ".seg"

func (p *entry) recordingDir() string { return filepath.Join(p.dir, recordingName) }
func (p *entry) manifestPath() string { return filepath.Join(p.dir, manifestName) }
func (p *entry) summaryPath() string  { return filepath.Join(p.dir, summaryName) }

// segments are the file names expected in the recording.
func (p *entry) segments() []string {
	if p.files != nil {
		return p.files
	}
	names := make([]string, len(p.procs))
	for i, r := range p.procs {
		names[i] = segment(r)
	}
	return names
}

// makeDir makes the profile's directory and marks it as being worked on. It makes that of all profiles, too, which somebody
// may have removed to tidy up.
func (p *entry) makeDir() error {
	err := os.Mkdir(p.dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(p.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("make the profile's directory: %w", err)
	}
	if err := os.Mkdir(p.recordingDir(), 0o700); err != nil {
		return fmt.Errorf("make the recording's directory: %w", err)
	}
	lock, err := lockDir(p.dir)
	p.lock = lock
	return err
}

// unlock says that this server's work on the profile is done.
func (p *entry) unlock() {
	if p.lock != nil {
		p.lock.Close()
		p.lock = nil
	}
}

// errLocked: another process works on the profile.
var errLocked = errors.New("another server is working on this profile")

// lockDir takes the directory's lock, which the kernel gives back when the process ends, however it ends: a manifest
// that is not final and not locked belongs to a server that died. Without locks on the file system there is no lock.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock the profile's directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, errLocked
	}
	return f, nil
}
