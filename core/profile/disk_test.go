package profile_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/internal/wire"
)

func TestModes(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	start(t, c, profile.StartRequest{})
	stop(t, c, "")
	err := filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDirCannotBeWritten(t *testing.T) {
	tests := []struct {
		name string
		dir  func(t *testing.T, base string) string
	}{
		{"a file in its place", func(t *testing.T, base string) string {
			path := filepath.Join(base, "profiles")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}},
		{"a file above it", func(t *testing.T, base string) string {
			path := filepath.Join(base, "file")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(path, "profiles")
		}},
		{"read-only", func(t *testing.T, base string) string {
			if os.Geteuid() == 0 {
				t.Skip("root writes into read-only folders; run as another user")
			}
			path := filepath.Join(base, "profiles")
			if err := os.Mkdir(path, 0o500); err != nil {
				t.Fatal(err)
			}
			return path
		}},
		{"a system folder", func(*testing.T, string) string { return "/proc/strobe-profiles" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := tt.dir(t, t.TempDir())
			_, err := profile.New(profile.Options{Dir: dir})
			if e := code(t, err, profile.CodeDir); e.Param != "profile.dir" || !strings.Contains(e.Message, filepath.Base(dir)) || !strings.Contains(e.Message, "--profile-dir") {
				t.Errorf("error %+v", e)
			}
		})
	}
}

func TestDirGoesAtRunTime(t *testing.T) {
	replace := func(t *testing.T, dir string) { // in one step: the manifest is written meanwhile
		if err := os.Rename(dir, dir+".gone"); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("before a start", func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		replace(t, c.Dir)
		if err := os.WriteFile(c.Dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
		code(t, err, profile.CodeDir)
		os.Remove(c.Dir) // a folder that is gone is made anew
		start(t, c, profile.StartRequest{})
		if v := stop(t, c, ""); v.State != profile.StateComplete {
			t.Errorf("view %+v", v)
		}
	})
	t.Run("while recording", func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		start(t, c, profile.StartRequest{})
		c.Exporters["chrome"].OnFinish = func(context.Context, wireFinish) error { return errBoom }
		replace(t, c.Dir)
		v := stop(t, c, "")
		if v.State != profile.StateFailed || !strings.Contains(strings.Join(v.Warnings, "\n"), "manifest was not written") {
			t.Errorf("view %+v", v)
		}
		if again, err := c.Profiles.Get(v.ID); err != nil || again.State != profile.StateFailed {
			t.Errorf("the result was not kept: %+v, %v", again, err)
		}
		if err := c.Profiles.Delete(v.ID); err != nil {
			t.Errorf("delete what is gone already: %v", err)
		}
	})
}

func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{Profile: func(o *profile.Options) { o.Keep = 3 }})
		var ids []string
		for range 5 {
			id := start(t, c, profile.StartRequest{}).ID
			if n := len(c.Profiles.List()); n != min(len(ids)+1, 4) {
				t.Errorf("%d profiles while one is active", n)
			}
			stop(t, c, "")
			ids = append(ids, id)
			time.Sleep(time.Second)
		}
		var kept []string
		for _, v := range c.Profiles.List() {
			kept = append(kept, v.ID)
		}
		if want := []string{ids[4], ids[3], ids[2]}; !slices.Equal(kept, want) {
			t.Errorf("kept %v, want the newest first: %v", kept, want)
		}
		synctest.Wait()
		if names := dirs(t, c.Dir); len(names) != 3 {
			t.Errorf("on disk: %v", names)
		}
	})
}

func TestDelete(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	start(t, c, profile.StartRequest{})
	v := stop(t, c, "")
	if err := c.Profiles.Delete(v.ID); err != nil {
		t.Fatal(err)
	}
	code(t, c.Profiles.Delete(v.ID), profile.CodeNotFound)
	if names := dirs(t, c.Dir); len(names) != 0 {
		t.Errorf("on disk: %v", names)
	}
}

func TestArtifact(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	start(t, c, profile.StartRequest{})
	v := stop(t, c, "")
	name := v.Artifacts[1].Name
	path, a, err := c.Profiles.Artifact(v.ID, name)
	if err != nil || path != filepath.Join(c.Dir, v.ID, name) || a.Name != name {
		t.Errorf("artifact %q: %s %+v, %v", name, path, a, err)
	}
	for _, other := range []string{"", "recording/profile.json", "recording/core.seg", "../" + v.ID + "/" + name, "chrome/../" + name, "/etc/passwd", "chrome"} {
		_, _, err := c.Profiles.Artifact(v.ID, other)
		code(t, err, profile.CodeNotFound)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Profiles.Artifact(v.ID, name)
	code(t, err, profile.CodeNotFound)
	if err := os.Symlink("/etc/passwd", path); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Profiles.Artifact(v.ID, name)
	code(t, err, profile.CodeNotFound)
}

// reload makes a second manager over a core's directory, with its log.
func reload(t *testing.T, c *coretest.Core, o profile.Options) (*profile.Manager, string) {
	t.Helper()
	var logs syncBuffer
	o.Dir, o.Log = c.Dir, slog.New(slog.NewTextHandler(&logs, nil))
	m := coretest.NewManager(t, o)
	return m, logs.String()
}

func TestLoad(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	start(t, c, profile.StartRequest{Label: "kept"})
	v := stop(t, c, "")
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(c.Dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	broken := map[string]string{
		"20260101-000000-000001": "",
		"20260101-000000-000002": `{"id":"20260101-000000-000002"`,
		"20260101-000000-000003": `{"id":"../../etc","state":"complete"}`,
		"20260101-000000-000004": `{"id":"20260101-000000-000004","state":"odd"}`,
		"20260101-000000-000005": strings.Repeat(" ", 9<<20),
		"20260101-000000-000006": `[]`,
	}
	for id, text := range broken {
		write(id+"/recording/profile.json", text)
	}
	write("20260101-000000-00000a/other", "a folder without manifest")
	write("notes.txt", "not ours")
	write("notes/recording/profile.json", "{}")
	write(".deleted-20260101-000000-00000b/recording/profile.json", "{}")
	for i, state := range []profile.State{profile.StateStarting, profile.StateRecording, profile.StateStopping, profile.StateExporting} {
		id := fmt.Sprintf("20260102-000000-00000%d", i)
		write(id+"/recording/profile.json", fmt.Sprintf(`{"id":%q,"state":%q,"started_at":"2026-01-02T00:00:0%dZ","exports":[{"profiler":"chrome","state":"running"}]}`, id, state, i))
		write(id+"/recording/core.seg", "events")
	}
	m, logs := reload(t, c, profile.Options{})
	list := m.List()
	if len(list) != 5 || !cmp.Equal(list[0], v) {
		t.Errorf("listed %+v", list)
	}
	for _, v := range list[1:] {
		v = recovered(t, m, v.ID)
		if v.State != profile.StateFailed || v.EndedBy != profile.EndedByCrash || !strings.Contains(v.Error, "the server ended while the profile was") || v.Exports[0].State != profile.ExportFailed {
			t.Errorf("view %+v", v)
		}
		if onDisk := manifest(t, c, v.ID); onDisk.State != profile.StateFailed {
			t.Errorf("manifest %+v", onDisk)
		}
		if _, err := os.Stat(filepath.Join(c.Dir, v.ID, "recording", "core.seg")); err != nil {
			t.Errorf("the recording was not kept: %v", err)
		}
	}
	for id := range broken {
		if !strings.Contains(logs, id) {
			t.Errorf("nothing in the log about %s", id)
		}
		if _, err := os.Stat(filepath.Join(c.Dir, id)); err != nil {
			t.Errorf("a broken profile was touched: %v", err)
		}
	}
	if names := dirs(t, c.Dir); slices.Contains(names, ".deleted-20260101-000000-00000b") || !slices.Contains(names, "notes.txt") {
		t.Errorf("on disk: %v", names)
	}
	if path, _, err := m.Artifact(v.ID, v.Artifacts[0].Name); err != nil {
		t.Errorf("artifact of an earlier server: %s, %v", path, err)
	}
	m, _ = reload(t, c, profile.Options{Keep: 2})
	if list := m.List(); len(list) != 2 || list[0].ID != v.ID {
		t.Errorf("kept %+v", list)
	}
}

// An edited manifest does not lead to other files.
func TestLoadedArtifactLeadsNowhere(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	id := "20260101-000000-000001"
	dir := filepath.Join(c.Dir, id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"id":%q,"state":"complete","artifacts":[{"name":"../x"},{"name":"recording/profile.json"},{"name":"etc/passwd"}]}`, id)
	os.WriteFile(filepath.Join(dir, "recording", "profile.json"), []byte(text), 0o600)
	os.WriteFile(filepath.Join(c.Dir, "x"), []byte("secret"), 0o600)
	os.Symlink("/etc", filepath.Join(dir, "etc"))
	m, _ := reload(t, c, profile.Options{})
	for _, name := range []string{"../x", "recording/profile.json", "etc/passwd"} {
		_, _, err := m.Artifact(id, name)
		code(t, err, profile.CodeNotFound)
	}
}

// A second server over the same folder leaves the first one's active profile alone.
func TestTwoServers(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	v := start(t, c, profile.StartRequest{})
	m, logs := reload(t, c, profile.Options{})
	if list := m.List(); len(list) != 0 || !strings.Contains(logs, "another server") {
		t.Errorf("listed %+v; log %s", list, logs)
	}
	if v = stop(t, c, v.ID); v.State != profile.StateComplete {
		t.Errorf("view %+v", v)
	}
	m, _ = reload(t, c, profile.Options{})
	if list := m.List(); len(list) != 1 {
		t.Errorf("listed %+v", list)
	}
}

func TestSummaryComesWithTheExport(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	c.Exporters["chrome"].Edit = func(_ string, r *wire.FinishReply) { r.Table.Events = 42 }
	v := start(t, c, profile.StartRequest{})
	_, err := c.Profiles.Summary(v.ID)
	code(t, err, profile.CodeActive)
	stop(t, c, v.ID)
	if table, err := c.Profiles.Summary(v.ID); err != nil || table.Events != 42 {
		t.Errorf("summary %+v, %v", table, err)
	}
}
