package trace_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// nobody is a user whom modes bind.
const nobody = 65534

// turnedReadOnly is what another process tells of folders that turned read-only while it recorded into them.
type turnedReadOnly struct {
	Stats        trace.Stats // of the recording
	StartRefused bool        // another start: for want of permission
	RingRefused  bool        // a snapshot, likewise
	Lost         uint64      // events beyond the ring's last segment
	Segments     int         // of the snapshot after the folder could be written again
}

// recordReadOnly is that process.
func recordReadOnly(dir string) int {
	got, err := readOnlyFolders(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = json.NewEncoder(os.Stdout).Encode(got)
	return 0
}

func readOnlyFolders(dir string) (got turnedReadOnly, err error) {
	into, ring, out := filepath.Join(dir, "recording"), filepath.Join(dir, "ring"), filepath.Join(dir, "out")
	for _, d := range []string{into, ring, out} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return got, err
		}
	}
	r := trace.New(trace.Options{})
	track := r.Track("w")
	count := func(n int) {
		for i := range n {
			track.Count(nameMark, int64(i))
			if i%20_000 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	if err := r.Start(trace.Start{Path: filepath.Join(into, "a.seg"), MaxBytes: 64 * mib}); err != nil {
		return got, err
	}
	count(100_000)
	if err := os.Chmod(into, 0o500); err != nil {
		return got, err
	}
	count(400_000)
	if got.Stats, err = r.Stop(); err != nil {
		return got, err
	}
	got.StartRefused = errors.Is(r.Start(trace.Start{Path: filepath.Join(into, "b.seg"), MaxBytes: mib}), fs.ErrPermission)

	if err := r.StartFlight(trace.Flight{Dir: ring, MaxBytes: trace.MinFlightBytes, Window: time.Minute}); err != nil {
		return got, err
	}
	if err := os.Chmod(ring, 0o500); err != nil {
		return got, err
	}
	count(200_000)
	_, err = r.Snapshot(trace.Snapshot{Dir: out, Label: "p"})
	got.RingRefused = errors.Is(err, fs.ErrPermission)
	if err := os.Chmod(ring, 0o700); err != nil {
		return got, err
	}
	st, err := r.Snapshot(trace.Snapshot{Dir: out, Label: "q"})
	if err != nil {
		return got, err
	}
	got.Lost = st.Lost.Total()
	track.Instant(nameMark, trace.Int(keyN, 1))
	last := filepath.Join(dir, "last")
	if err := os.Mkdir(last, 0o700); err != nil {
		return got, err
	}
	if st, err = r.Snapshot(trace.Snapshot{Dir: last, Label: "r"}); err != nil {
		return got, err
	}
	got.Segments = len(st.Segments)
	return got, r.Close()
}

// TestFolderTurnsReadOnly: a recording goes on in the file that it has and loses nothing; what needs another file says that
// it may not make one, and a ring counts what it has no room for and takes up again. Root, whom modes do not bind, has
// another user do it.
func TestFolderTurnsReadOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "strobe-readonly") // t.TempDir is not for others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cmd := exec.Command(os.Args[0])
	if os.Getuid() == 0 {
		cmd.Path = filepath.Join(dir, "test")
		self, err := os.ReadFile(os.Args[0])
		if err == nil {
			err = errors.Join(os.WriteFile(cmd.Path, self, 0o755), os.Chmod(dir, 0o755), os.Chown(dir, nobody, nobody))
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "STROBE_TEST_READ_ONLY="+dir), os.Stderr
	out, err := cmd.Output()
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("needs to run a program as another user, which this root may not: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got turnedReadOnly
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if got.Stats.Events != 500_000 || got.Stats.Lost.Total() != 0 {
		t.Errorf("stats %+v", got.Stats)
	}
	if read := readAll(t, filepath.Join(dir, "recording")); read.events != got.Stats.Events || read.corrupt > 0 {
		t.Errorf("%d events read, %d corrupt", read.events, read.corrupt)
	}
	if !got.StartRefused || !got.RingRefused || got.Lost == 0 || got.Segments == 0 {
		t.Errorf("%+v", got)
	}
	if marks := readAll(t, filepath.Join(dir, "last")).tracks["w"].marks; !marks[1] {
		t.Error("the event after the folder could be written again is missing")
	}
}
