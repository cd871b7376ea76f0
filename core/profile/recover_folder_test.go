package profile_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
)

func folderRecovery(dir string, x profile.Exporter) profile.FolderRecovery {
	return profile.FolderRecovery{Dir: dir, Default: "chrome", Exporter: func(string) (profile.Exporter, error) { return x, nil }}
}

func TestRecoverFolder(t *testing.T) {
	for _, tt := range []struct {
		name     string
		path     string // within the profile's directory
		manifest bool
	}{
		{"the profile's directory", "", true},
		{"its recording", "recording", true},
		{"without a manifest", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, id := crash(t)
			if !tt.manifest {
				if err := os.Remove(filepath.Join(dir, id, "recording", "profile.json")); err != nil {
					t.Fatal(err)
				}
			}
			r := folderRecovery(filepath.Join(dir, id, tt.path), reader("chrome"))
			for range 2 { // the second time it is given as it is
				v, table, err := profile.RecoverFolder(t.Context(), r)
				if err != nil || v.State != profile.StateRecovered || v.ID != id || v.Dir != filepath.Join(dir, id) || len(v.Artifacts) == 0 || len(v.Processes) != 2 {
					t.Errorf("view %+v, %v", v, err)
				}
				if table.Events == 0 || table.Open != 2 {
					t.Errorf("table %+v", table)
				}
			}
		})
	}
}

// What failed for want of a profiler is exported by hand once it is there, also by another.
func TestRecoverFolderAfterAFailedRecovery(t *testing.T) {
	dir, id := crash(t)
	v := recovered(t, coretest.NewManager(t, profile.Options{Dir: dir}), id)
	if v.State != profile.StateFailed {
		t.Fatalf("view %+v", v)
	}
	r := folderRecovery(filepath.Join(dir, id), reader("otlp"))
	r.Profilers = []string{"otlp"}
	v, _, err := profile.RecoverFolder(t.Context(), r)
	if err != nil || v.State != profile.StateRecovered || len(v.Exports) != 1 || v.Exports[0].Profiler != "otlp" {
		t.Errorf("view %+v, %v", v, err)
	}
}

func TestRecoverFolderRefuses(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	live := start(t, c, profile.StartRequest{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	cut, id := crash(t)
	for _, tt := range []struct {
		name, dir, says string
		ctx             context.Context
	}{
		{"a profile that records", filepath.Join(c.Dir, live.ID), "another server is working", t.Context()},
		{"no profile", t.TempDir(), "no profile's directory", t.Context()},
		{"nothing there", filepath.Join(t.TempDir(), "gone"), "no profile's directory", t.Context()},
		{"interrupted", filepath.Join(cut, id), "is as it was", ended},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := profile.RecoverFolder(tt.ctx, folderRecovery(tt.dir, reader("chrome")))
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), tt.dir) {
				t.Errorf("error %v", err)
			}
		})
	}
	if v, _, err := profile.RecoverFolder(t.Context(), folderRecovery(filepath.Join(cut, id), reader("chrome"))); err != nil || v.State != profile.StateRecovered {
		t.Errorf("after the interruption: %+v, %v", v, err)
	}
	if v := stop(t, c, ""); v.State != profile.StateComplete {
		t.Errorf("the live one: %+v", v)
	}
}
