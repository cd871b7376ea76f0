package profile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/internal/wire"
)

// ended is a core with the profilers chrome and otlp, and a profile that chrome exported.
func ended(t *testing.T) (*coretest.Core, profile.View) {
	t.Helper()
	c := coretest.New(t, coretest.Options{Profilers: []string{"chrome", "otlp"}})
	v := start(t, c, profile.StartRequest{Label: "night"})
	c.Profiles.CountRequest()
	return c, stop(t, c, v.ID)
}

func exportWith(t *testing.T, c *coretest.Core, id, name string) profile.View {
	t.Helper()
	v, err := c.Profiles.Export(t.Context(), id, profile.ExportRequest{Profiler: name})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// hidden are the profile's folders that no artifact lies in.
func hidden(t *testing.T, c *coretest.Core, id string) (names []string) {
	t.Helper()
	for _, name := range dirs(t, filepath.Join(c.Dir, id)) {
		if strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// checkFiles holds that every artifact is there as it is listed, and nothing else is.
func checkFiles(t *testing.T, c *coretest.Core, v profile.View) {
	t.Helper()
	for _, a := range v.Artifacts {
		path, _, err := c.Profiles.Artifact(v.ID, a.Name)
		if err != nil {
			t.Errorf("artifact %s: %v", a.Name, err)
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Size() != a.Bytes {
			t.Errorf("artifact %s: %v, %v", a.Name, info, err)
		}
	}
	if diff := cmp.Diff(v, manifest(t, c, v.ID)); diff != "" {
		t.Errorf("manifest: %s", diff)
	}
	if h := hidden(t, c, v.ID); len(h) > 0 {
		t.Errorf("left behind: %q", h)
	}
}

func TestExportLater(t *testing.T) {
	c, before := ended(t)
	v := exportWith(t, c, before.ID, "otlp")
	if v.State != profile.StateComplete || len(v.Exports) != 2 || v.Exports[1].Profiler != "otlp" || v.Exports[1].State != profile.ExportComplete ||
		!slices.Equal(v.Profilers, []string{"chrome", "otlp"}) || v.Requests != 1 || v.DurationS != before.DurationS || v.Events != before.Events {
		t.Errorf("view %+v", v)
	}
	if len(v.Artifacts) != 2*len(before.Artifacts) || len(v.Traces) != len(v.Artifacts) || v.Bytes <= before.Bytes {
		t.Errorf("artifacts %+v", v.Artifacts)
	}
	if diff := cmp.Diff(before.Artifacts, v.Artifacts[:len(before.Artifacts)]); diff != "" {
		t.Error(diff)
	}
	checkFiles(t, c, v)
	open, finish := c.Exporters["otlp"].Opens()[0], c.Exporters["otlp"].Finishes()[0]
	if p := open.Profile; p.ID != v.ID || p.Label != "night" || !p.Started.Equal(v.StartedAt) || p.MaxBytes <= 0 || open.RecordingDir != filepath.Join(c.Dir, v.ID, "recording") {
		t.Errorf("opened with %+v", open)
	}
	if !finish.Stopped.Equal(*v.StoppedAt) || !slices.Equal(finish.Segments, []string{"core.seg", "stage_0_diffusion_rank0.seg", "stage_1_resize_rank0.seg"}) {
		t.Errorf("finished with %+v", finish)
	}
	if n := c.Profiles.Stats().Totals; n.Exports["otlp"].Complete != 1 || n.Complete != 1 {
		t.Errorf("totals %+v", n)
	}
}

// TestExportReplaces: an artifact that the profiler does not make any more goes, one that it makes again is the new one.
func TestExportReplaces(t *testing.T) {
	c, before := ended(t)
	c.Exporters["chrome"].Edit = func(dir string, r *wire.FinishReply) {
		r.Artifacts = r.Artifacts[:1]
		a := &r.Artifacts[0]
		text := []byte("another text, longer than the one that was there before it")
		a.Bytes, a.SHA256 = int64(len(text)), ""
		if err := os.WriteFile(filepath.Join(dir, a.Name), text, 0o600); err != nil {
			t.Error(err)
		}
	}
	v := exportWith(t, c, before.ID, "chrome")
	if len(v.Artifacts) != 1 || v.Artifacts[0].SHA256 == before.Artifacts[0].SHA256 || len(v.Exports) != 1 {
		t.Errorf("view %+v", v)
	}
	checkFiles(t, c, v)
	for _, a := range before.Artifacts[1:] {
		if _, err := os.Stat(filepath.Join(c.Dir, v.ID, a.Path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", a.Path, err)
		}
	}
}

// TestExportFails: the artifacts of before stay, and another export can mend it.
func TestExportFails(t *testing.T) {
	c, before := ended(t)
	x := c.Exporters["chrome"]
	for name, breakIt := range map[string]func(){
		"open":   func() { x.OnOpen = func(context.Context, wire.OpenRequest) error { return errBoom } },
		"finish": func() { x.OnFinish = func(context.Context, wire.FinishRequest) error { return errBoom } },
		"a wrong artifact": func() {
			x.Edit = func(_ string, r *wire.FinishReply) { r.Artifacts[0].Bytes++ }
		},
		"one that leads out": func() {
			x.Edit = func(_ string, r *wire.FinishReply) { r.Artifacts[0].Name = "../../x" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			breakIt()
			_, err := c.Profiles.Export(t.Context(), before.ID, profile.ExportRequest{Profiler: "chrome"})
			code(t, err, profile.CodeProfilerFailed)
			_ = x.Abort(t.Context())
			v, err := c.Profiles.Get(before.ID)
			if err != nil || v.State != profile.StateComplete || v.Exports[0].State != profile.ExportFailed || v.Exports[0].Error == "" {
				t.Errorf("view %+v, %v", v, err)
			}
			if diff := cmp.Diff(before.Artifacts, v.Artifacts); diff != "" {
				t.Error(diff)
			}
			checkFiles(t, c, v)
			x.Mend()
			if v := exportWith(t, c, before.ID, "chrome"); v.Exports[0].State != profile.ExportComplete {
				t.Errorf("mended: %+v", v.Exports)
			}
		})
	}
}

// TestExportCompletes: a profile that failed only for want of its export is complete once it has it.
func TestExportCompletes(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	x := c.Exporters["chrome"]
	x.OnFinish = func(context.Context, wire.FinishRequest) error { return errBoom }
	v := start(t, c, profile.StartRequest{})
	if v = stop(t, c, v.ID); v.State != profile.StateFailed || len(v.Artifacts) != 0 {
		t.Fatalf("view %+v", v)
	}
	x.Mend()
	if v = exportWith(t, c, v.ID, "chrome"); v.State != profile.StateComplete || v.Error != "" || len(v.Artifacts) == 0 {
		t.Errorf("view %+v", v)
	}
	checkFiles(t, c, v)
}

func TestExportRefused(t *testing.T) {
	c, v := ended(t)
	export := func(id, name string) error {
		_, err := c.Profiles.Export(t.Context(), id, profile.ExportRequest{Profiler: name})
		return err
	}
	code(t, export("20261123-100312-a1b2c3", "chrome"), profile.CodeNotFound)
	if e := code(t, export(v.ID, "cuda"), profile.CodeInvalid); e.Param != "profiler" || !strings.Contains(e.Message, "chrome") {
		t.Errorf("%+v", e)
	}
	code(t, export(v.ID, ""), profile.CodeInvalid)
	running := start(t, c, profile.StartRequest{})
	code(t, export(running.ID, "otlp"), profile.CodeActive)
	exportWith(t, c, v.ID, "otlp") // beside the one that records
	stop(t, c, running.ID)
	if err := os.RemoveAll(filepath.Join(c.Dir, v.ID, "recording")); err != nil {
		t.Fatal(err)
	}
	code(t, export(v.ID, "otlp"), profile.CodeRecordingGone)
}

// TestExportAtOnce: one export of a profile at a time; meanwhile it is exporting, cannot be deleted and has its artifacts.
func TestExportAtOnce(t *testing.T) {
	c, before := ended(t)
	hold := make(chan struct{})
	c.Exporters["otlp"].OnFinish = func(ctx context.Context, _ wire.FinishRequest) error {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	v, err := c.Profiles.Export(gone, before.ID, profile.ExportRequest{Profiler: "otlp"})
	if err != nil || v.State != profile.StateExporting || v.Exports[1].State != profile.ExportRunning || v.Requests != 1 {
		t.Fatalf("view %+v, %v", v, err)
	}
	for _, name := range []string{"otlp", "chrome"} {
		_, err := c.Profiles.Export(t.Context(), before.ID, profile.ExportRequest{Profiler: name})
		code(t, err, profile.CodeActive)
	}
	code(t, c.Profiles.Delete(before.ID), profile.CodeActive)
	if _, _, err := c.Profiles.Artifact(before.ID, before.Artifacts[0].Name); err != nil {
		t.Error(err)
	}
	if m := manifest(t, c, before.ID); m.State != profile.StateComplete {
		t.Errorf("the manifest says %s: a server that died now would leave the profile unfinished", m.State)
	}
	close(hold)
	if v = stop(t, c, before.ID); v.State != profile.StateComplete || len(v.Exports) != 2 { // a stop waits for the export
		t.Errorf("view %+v", v)
	}
	checkFiles(t, c, v)
}

// TestExportAtClose: a server that goes down does not wait for what can be exported another time.
func TestExportAtClose(t *testing.T) {
	c, before := ended(t)
	c.Exporters["otlp"].OnFinish = func(ctx context.Context, _ wire.FinishRequest) error {
		<-ctx.Done()
		return ctx.Err()
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Profiles.Export(gone, before.ID, profile.ExportRequest{Profiler: "otlp"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := c.Profiles.Close(ctx); err != nil {
		t.Fatal(err)
	}
	_, err := c.Profiles.Export(t.Context(), before.ID, profile.ExportRequest{Profiler: "otlp"})
	code(t, err, profile.CodeShuttingDown)
	v, _ := c.Profiles.Get(before.ID)
	if v.State != profile.StateComplete || v.Exports[1].State != profile.ExportFailed {
		t.Errorf("view %+v", v)
	}
	checkFiles(t, c, v)
}

// TestExportOfADeadServer: what a server had decided is completed by the next one, what it had not is removed.
func TestExportOfADeadServer(t *testing.T) {
	c, before := ended(t)
	after := manifest(t, c, before.ID)
	decided, begun := filepath.Join(c.Dir, before.ID, ".export-1"), filepath.Join(c.Dir, before.ID, ".export-2")
	for _, dir := range []string{decided, begun} {
		if err := os.MkdirAll(filepath.Join(dir, "files", "otlp"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "files", "otlp", "a.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gone := after.Artifacts[0].Path
	after.Artifacts[0] = profile.Artifact{Name: "otlp/a.json", Path: "otlp/a.json", Profiler: "otlp", Bytes: 2, SHA256: strings.Repeat("0", 64)}
	text, err := json.Marshal(after)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(decided, "profile.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	m := coretest.NewManager(t, profile.Options{Dir: c.Dir})
	v, err := m.Get(before.ID)
	if err != nil || len(v.Artifacts) != len(before.Artifacts) || v.Artifacts[0].Name != "otlp/a.json" {
		t.Fatalf("view %+v, %v", v, err)
	}
	if _, _, err := m.Artifact(before.ID, "otlp/a.json"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, before.ID, gone)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", gone)
	}
	if h := hidden(t, c, before.ID); len(h) > 0 {
		t.Errorf("left behind: %q", h)
	}
}

// onLine calls back when the first line with a text is written.
type onLine struct {
	text string
	once sync.Once
	then func(line string)
}

func (o *onLine) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(o.text)) {
		o.once.Do(func() { o.then(string(line)) })
	}
	return len(line), nil
}

// TestExportAsSoonAsItEnded begins when a profile is final and who waited for that has not been told yet.
func TestExportAsSoonAsItEnded(t *testing.T) {
	at := &onLine{text: "state=complete"}
	c := coretest.New(t, coretest.Options{Profilers: []string{"chrome", "otlp"}, Log: slog.New(slog.NewTextHandler(at, nil))})
	v := start(t, c, profile.StartRequest{})
	var err error
	at.then = func(string) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // it goes on in the background
		_, err = c.Profiles.Export(ctx, v.ID, profile.ExportRequest{Profiler: "otlp"})
	}
	stop(t, c, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.Profiles.Ended(v.ID)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the export did not end")
	}
	if got, err := c.Profiles.Get(v.ID); err != nil || len(got.Exports) != 2 || got.Exports[1].State != profile.ExportComplete {
		t.Errorf("%+v, %v", got.Exports, err)
	}
}
