package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

// traceLines are a trace's events, sorted, each as it stands, its times to the nanosecond included. The numbers of arrows
// and of operators count what a viewer joins by them, in the order in which a reader came to it: they are left out.
func traceLines(t *testing.T, gz []byte) []string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Events []json.RawMessage `json:"traceEvents"`
	}
	if err := json.NewDecoder(r).Decode(&f); err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(f.Events))
	for i, raw := range f.Events {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var e map[string]any
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		delete(e, "id")
		if args, ok := e["args"].(map[string]any); ok {
			delete(args, "External id")
		}
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(line)
	}
	slices.Sort(lines)
	return lines
}

// TestLaterExport: what is exported later, by the server or from the files alone, has the same events as what was exported
// while the server recorded.
func TestLaterExport(t *testing.T) {
	p := startServer(t)
	p.post("/v1/profiles", "")
	for i := range 3 {
		p.draw(i, 4)
	}
	view := p.stopProfile()
	merged := "merged/" + view.ID + ".trace.json.gz"
	live := p.get("/v1/profiles/" + view.ID + "/artifacts/" + merged)
	if live.status != 200 || view.State != profile.StateComplete {
		t.Fatalf("%d, %+v", live.status, view)
	}
	want := traceLines(t, []byte(live.body))
	if len(want) < 1000 {
		t.Fatalf("only %d events", len(want))
	}

	again := p.post("/v1/profiles/"+view.ID+"/export", `{"profiler":"chrome"}`)
	var after profile.View
	if err := json.Unmarshal([]byte(again.body), &after); err != nil || again.status != 200 || after.State != profile.StateComplete || len(after.Artifacts) != len(view.Artifacts) {
		t.Fatalf("export: %d %s", again.status, again.body)
	}
	later := p.get("/v1/profiles/" + view.ID + "/artifacts/" + merged)
	if diff := cmp.Diff(want, traceLines(t, []byte(later.body))); diff != "" {
		t.Errorf("exported again: %s", diff)
	}

	dir, out := filepath.Join(p.dir, "profiles", view.ID), filepath.Join(t.TempDir(), "out")
	status, text, errs := strobeFor(t, p, "recording", "export", "--profiler", "chrome", "-o", out, dir)
	if status != 0 || !strings.Contains(text, merged) {
		t.Fatalf("status %d: %s%s", status, text, errs)
	}
	file, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(merged)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, traceLines(t, file)); diff != "" {
		t.Errorf("exported from the files: %s", diff)
	}

	for name, args := range map[string][]string{
		"no profiler":      {"recording", "export", dir},
		"unknown profiler": {"recording", "export", "--profiler", "cuda", dir},
	} {
		if status, _, errs := strobeFor(t, p, args...); status != 2 || !strings.Contains(errs, "profiler") {
			t.Errorf("%s: status %d: %s", name, status, errs)
		}
	}
	if status, _, errs := strobeFor(t, p, "recording", "export", "--profiler", "chrome", "-o", out, out); status != 1 || !strings.Contains(errs, ".seg") {
		t.Errorf("no recording: status %d: %s", status, errs)
	}
	if status, text, errs := strobeFor(t, p, "profile", "export", "latest", "--profiler", "chrome"); status != 0 || !strings.Contains(text, "complete") {
		t.Errorf("status %d: %s%s", status, text, errs)
	}
	if status, _, errs := strobeFor(t, p, "profile", "export", view.ID, "--profiler", "cuda"); status != 1 || !strings.Contains(errs, "cuda") {
		t.Errorf("unknown profiler: status %d: %s", status, errs)
	}
}

// TestStopWithoutWaiting: the stop answers at once, and the profile ends by itself.
func TestStopWithoutWaiting(t *testing.T) {
	p := startServer(t)
	p.post("/v1/profiles", "")
	p.draw(0, 2)
	status, text, errs := strobeFor(t, p, "profile", "stop", "--no-wait")
	if status != 0 || !strings.Contains(text, "stopping") && !strings.Contains(text, "exporting") {
		t.Fatalf("status %d: %s%s", status, text, errs)
	}
	if v := p.stopProfile(); v.State != profile.StateComplete {
		t.Errorf("%+v", v)
	}
}
