package trace_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// writeBeyondTheDisk is another process, in which files end at 12 MiB. It prints its stats.
func writeBeyondTheDisk(dir string) int {
	signal.Ignore(syscall.SIGXFSZ) // the system also signals; a full disk does not
	limit := syscall.Rlimit{Cur: 12 * mib, Max: 12 * mib}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	st, err := fill(filepath.Join(dir, "a.seg"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = json.NewEncoder(os.Stdout).Encode(st)
	return 0
}

// fill writes a million counters, slowly enough for the space to be reserved.
func fill(path string) (trace.Stats, error) {
	r := trace.New(trace.Options{})
	if err := r.Start(trace.Start{Path: path, MaxBytes: 64 * mib}); err != nil {
		return trace.Stats{}, err
	}
	w := r.Track("w")
	for i := range 1_000_000 {
		w.Count(nameMark, int64(i))
		if i%20_000 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return r.Stop()
}

// TestFullDiskIsACountedLoss wants no signal, and a recording that is good as far as it goes.
func TestFullDiskIsACountedLoss(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STROBE_TEST_FULL_DISK="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var st trace.Stats
	if err := json.Unmarshal(out, &st); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	checkFull(t, dir, st)
}

func checkFull(t *testing.T, dir string, st trace.Stats) {
	t.Helper()
	if st.Lost.Full == 0 || st.Events == 0 || st.Events+st.Lost.Total() != 1_000_000 {
		t.Errorf("stats %+v", st)
	}
	if got := readAll(t, dir); got.events != st.Events || got.corrupt > 0 {
		t.Errorf("%d events read, %d corrupt; stats %+v", got.events, got.corrupt, st)
	}
}

// TestFullTmpfs does the same on a file system that is really full.
func TestFullTmpfs(t *testing.T) {
	if !full() || os.Getuid() != 0 {
		t.Skip("STROBE_TEST=full: needs root, to mount a small tmpfs")
	}
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", dir).Run(); err != nil {
		t.Skip("STROBE_TEST=full: needs leave to mount a tmpfs:", err)
	}
	defer func() { _ = exec.Command("umount", dir).Run() }()
	st, err := fill(filepath.Join(dir, "a.seg"))
	if err != nil {
		t.Fatal(err)
	}
	checkFull(t, dir, st)
}

// TestFolderRemovedWhileRecording: the file lives on without a name, and the stop is an ordinary one.
func TestFolderRemovedWhileRecording(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sub")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRecorder()
	start(t, r, filepath.Join(dir, "a.seg"), mib)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	r.Track("w").Instant(nameMark)
	if st := stop(t, r); st.Events != 1 {
		t.Errorf("stats %+v", st)
	}
}
