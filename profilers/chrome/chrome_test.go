package chrome

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var update = flag.Bool("update", false, "write the golden files anew")

// builtFrom hides which build wrote a trace.
var builtFrom = regexp.MustCompile(`"version":"[^"]*"`)

func TestGolden(t *testing.T) {
	n := names{}
	c, r, g := core(n), rank(n, 0), gpuRank(n, 1, 1)
	r.Synthetic = true
	l, w := c.track("request 1"), r.track("worker")
	l.count(3, "queue", 1, false)
	l.count(3.5, "cpu_percent", 99.25, true)
	serve(l, 2, generate(w, 10, "img-1", 7, 2, 1)+5, "img-1", 7)
	w.begin(900, trace.CategoryStage, "pipeline_forward")
	w.cut(950)
	dir := t.TempDir()
	artifacts := export(t, profileIn(dir), c.batch(), r.batch(), g)
	for i, golden := range []string{"rank0.json", "rank1_device.json", "merged.json"} {
		path := filepath.Join(dir, filepath.FromSlash(artifacts[i].Name))
		got := builtFrom.ReplaceAll(unzip(t, path), []byte(`"version":"v0"`))
		check(t, parse(t, path))
		golden = filepath.Join("testdata", golden)
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatalf("%v: make it with -update", err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s (write it anew with -update): %s", golden, diff)
		}
	}
}

func TestArtifacts(t *testing.T) {
	dir, files := served(t)
	for _, f := range files {
		check(t, parse(t, f))
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	want := []string{
		"merged/20261123-100312-a1b2c3.trace.json.gz",
		"stage_0_diffusion_1795428192_rank0.pt.trace.json.gz",
		"stage_0_diffusion_1795428192_rank1.pt.trace.json.gz",
		"stage_1_resize_1795428192_rank0.pt.trace.json.gz",
	}
	if diff := cmp.Diff(want, filesIn(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func filesIn(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func TestArtifactSaysWhatIsInTheFile(t *testing.T) {
	n := names{}
	r := rank(n, 3)
	generate(r.track("worker"), 0, "img", 1, 4, 4)
	dir := t.TempDir()
	b := r.batch()
	for _, a := range export(t, profileIn(dir), b) {
		z, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(a.Name)))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(z)
		want := profiler.Artifact{
			Name: a.Name, MediaType: "application/gzip", Bytes: int64(len(z)), SHA256: hex.EncodeToString(sum[:]), Events: uint64(len(b.Events)),
		}
		if strings.HasPrefix(a.Name, "stage_") {
			stage, rank := 0, 3
			want.Stage, want.Rank, want.StageName = &stage, &rank, "diffusion"
		}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBlocksAreShared(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	w, us := r.track("worker"), 0.0
	for len(r.events) < 5000 {
		us = generate(w, us, "img", uint64(len(r.events)), 20, 8)
	}
	dir := t.TempDir()
	artifacts := export(t, profileIn(dir), r.batch())
	own, err := os.ReadFile(filepath.Join(dir, artifacts[0].Name))
	if err != nil {
		t.Fatal(err)
	}
	merged, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(artifacts[1].Name)))
	if err != nil {
		t.Fatal(err)
	}
	middle := own[len(own)/4 : len(own)*3/4]
	if !bytes.Contains(merged, middle) {
		t.Errorf("%d bytes out of the middle of the rank's file are not in the merged file", len(middle))
	}
}

func TestNothingBeforeFinishAndNothingAfterAbort(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	generate(r.track("worker"), 0, "img", 1, 2, 2)
	dir := t.TempDir()
	s, err := New().Open(t.Context(), profileIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Consume(t.Context(), r.batch()); err != nil {
		t.Fatal(err)
	}
	for _, f := range filesIn(t, dir) {
		if base := filepath.Base(f); !strings.HasPrefix(base, ".") {
			t.Errorf("%s before Finish", f)
		}
	}
	if err := s.(profiler.Aborter).Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("after Abort: %q", left)
	}
	if err := s.Consume(t.Context(), r.batch()); err == nil {
		t.Error("Consume after Abort has no error")
	}
	if _, err := s.Finish(t.Context(), profiler.Summary{}); err == nil {
		t.Error("Finish after Abort has no error")
	}
}

func TestFinishFailsWhole(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	generate(r.track("worker"), 0, "img", 1, 2, 2)
	dir := t.TempDir()
	s, err := New().Open(t.Context(), profileIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Consume(t.Context(), r.batch()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(hiddenName(filepath.Join(dir, "merged", profileIn(dir).ID+".trace.json.gz"))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(t.Context(), profiler.Summary{}); err == nil {
		t.Error("Finish has no error though the merged file is gone")
	}
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("after a failed Finish: %q", left)
	}
}

func TestOpenWithoutAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New().Open(t.Context(), profileIn(file)); err == nil {
		t.Error("Open has no error though the profile's folder is a file")
	}
}

func TestRanksWithoutEventsHaveFiles(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	dir := t.TempDir()
	s, err := New().Open(t.Context(), profileIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	artifacts, err := s.Finish(t.Context(), profiler.Summary{Processes: []recording.Summary{{Process: &r.Process}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(artifacts) != 2 {
		t.Fatalf("%d artifacts", len(artifacts))
	}
	for _, a := range artifacts {
		check(t, parse(t, filepath.Join(dir, filepath.FromSlash(a.Name))))
	}
}

func TestEmptyProfile(t *testing.T) {
	dir := t.TempDir()
	artifacts := export(t, profileIn(dir))
	if len(artifacts) != 1 {
		t.Fatalf("%d artifacts", len(artifacts))
	}
	if f := parse(t, filepath.Join(dir, filepath.FromSlash(artifacts[0].Name))); len(f.TraceEvents) != 0 {
		t.Errorf("%d events", len(f.TraceEvents))
	}
}

func TestMaxBytes(t *testing.T) {
	for _, limit := range []int64{16 << 10, 64 << 10, 300 << 10} {
		n := names{}
		r := rank(n, 0)
		w, us := r.track("worker"), 0.0
		for len(r.events) < 20_000 {
			us = generate(w, us, "img", uint64(len(r.events)), 20, 8)
		}
		total := uint64(len(r.events))
		dir := t.TempDir()
		p := profileIn(dir)
		p.MaxBytes = limit
		var bytes int64
		artifacts := export(t, p, r.batch())
		for _, a := range artifacts {
			bytes += a.Bytes
			f := parse(t, filepath.Join(dir, filepath.FromSlash(a.Name)))
			check(t, f)
			if a.Events == 0 || a.Dropped == 0 || a.Events+a.Dropped != total || f.Strobe.Dropped != a.Dropped || f.Strobe.Events != a.Events {
				t.Errorf("limit %d: %s: %d events, %d dropped of %d; the file says %d, %d", limit, a.Name, a.Events, a.Dropped, total, f.Strobe.Events, f.Strobe.Dropped)
			}
			if first := spansOf(f)[0]; nanos(first.TS)-nanos("36192000000") > 1e6 {
				t.Errorf("limit %d: %s begins at %s: the oldest events are gone", limit, a.Name, first.TS)
			}
		}
		if bytes > limit || bytes < limit/4 {
			t.Errorf("%d bytes with a limit of %d", bytes, limit)
		}
	}
}

func spansOf(f file) (spans []event) {
	for _, e := range f.TraceEvents {
		if e.Ph == "X" {
			spans = append(spans, e)
		}
	}
	return spans
}
