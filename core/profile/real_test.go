package profile_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var filler = trace.Name("filler")

var spanForward = trace.NameIn(trace.CategoryStage, "pipeline_forward")

// recordingRank makes a rank that records with a recorder of its own, as its process would.
func recordingRank(t *testing.T, stage int, name string, index int) *realRank {
	rec := trace.New(trace.Options{})
	t.Cleanup(func() { rec.Close() })
	r := &realRank{fakeRank: coretest.NewRank(stage, name, index), rec: rec, track: rec.Track("worker")}
	r.OnGenerate = func(_ context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
		r.track.SetRequest(req.ID)
		span := r.track.Begin(spanForward)
		r.track.FlowIn(req.Flow)
		span.End()
		return &model.Result{Images: []model.Image{coretest.Image(32, 32)}}, nil
	}
	return r
}

type fakeRank = coretest.Rank // so that the field is not called as the method is

type realRank struct {
	*fakeRank
	rec   *trace.Recorder
	track *trace.Track
}

func (r *realRank) StartRecording(_ context.Context, s trace.Start) ([]string, error) {
	return nil, r.rec.Start(s)
}

func (r *realRank) StopRecording(context.Context) (trace.Stats, error) { return r.rec.Stop() }

// What a profile of the engine really records: one span for each wait and dispatch, with its arguments and request, an
// arrow from each dispatch to its rank, and counters. The export fails, so that the summary comes from the recording.
func TestRealRecording(t *testing.T) {
	core := trace.New(trace.Options{})
	t.Cleanup(func() { core.Close() })
	ranks := []*realRank{recordingRank(t, 0, "diffusion", 0), recordingRank(t, 0, "diffusion", 1), recordingRank(t, 1, "resize", 0)}
	x := coretest.NewExporter("chrome")
	x.OnFinish = func(context.Context, wireFinish) error { return errBoom }
	dir := t.TempDir()
	m := coretest.NewManager(t, profile.Options{Dir: dir, Model: "emoji", Core: profile.NewLocal(core), Profilers: []string{"chrome"},
		Ranks: []profile.Recorder{ranks[0], ranks[1], ranks[2]}, Exporter: func(string) (profile.Exporter, error) { return x, nil }})
	e := engine.New("emoji", []engine.Stage{
		{Index: 0, Name: "diffusion", Plugin: "dit", Info: coretest.Diffusion().Info, Ranks: []engine.Rank{ranks[0], ranks[1]}},
		{Index: 1, Name: "resize", Plugin: "resize", Info: coretest.Resize().Info, Ranks: []engine.Rank{ranks[2]}},
	}, engine.Options{Recorder: core, QueueSize: 1})
	v, err := m.Start(t.Context(), profile.StartRequest{})
	if err != nil {
		t.Fatal(err)
	}
	const requests = 6
	for i := range requests {
		lane := core.Lane("request")
		lane.SetRequest(fmt.Sprintf("req-%d", i))
		if _, err := e.Generate(t.Context(), lane, &model.Request{ID: fmt.Sprintf("req-%d", i), Size: model.Size{Width: 64, Height: 64}}, nil); err != nil {
			t.Fatal(err)
		}
		lane.Release()
		m.CountRequest()
	}
	for range 2000 {
		ranks[0].track.Begin(filler).End()
	}
	if now, err := m.Get(v.ID); err != nil || now.Events < 1000 || now.Bytes < 32_000 || now.Processes[0].Events < 1000 || now.Processes[3].Bytes == 0 || m.List()[0].Events < now.Events {
		t.Errorf("while recording: %+v, %v", now, err)
	}
	if v, err = m.Stop(t.Context(), ""); err != nil || v.State != profile.StateFailed || v.Requests != requests {
		t.Fatalf("stop: %+v, %v", v, err)
	}
	for i, p := range v.Processes {
		if p.Events == 0 || p.Bytes == 0 || p.Losses.Total != 0 || p.Error != "" {
			t.Errorf("process %d: %+v", i, p)
		}
	}
	checkRecording(t, filepath.Join(dir, v.ID, "recording"), requests)
	for range 2 { // computed, then kept
		table, err := m.Summary(v.ID)
		if err != nil || table.Events == 0 || len(table.Sections) != 3 {
			t.Errorf("summary %+v, %v", table, err)
		}
	}
}

func checkRecording(t *testing.T, dir string, requests int) {
	counts := map[string]int{}
	out, in := map[uint64]string{}, map[uint64]string{}
	perRank := map[string]int{}
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			switch e.Kind {
			case recording.FlowOut:
				out[e.Flow] = e.Request
			case recording.FlowIn:
				in[e.Flow] = e.Request
			default:
				counts[e.Name.Text]++
			}
			if e.Kind == recording.Span && e.Name.Text == "dispatch" {
				perRank[argsText(e)]++
			}
			if e.Kind == recording.Span && (e.Request == "" || e.Open) {
				t.Errorf("span %s of request %q, open: %v", e.Name.Text, e.Request, e.Open)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"queue_wait": 2 * requests, "dispatch": 2 * requests, "pipeline_forward": 2 * requests} {
		if counts[name] != want {
			t.Errorf("%d spans %s, want %d", counts[name], name, want)
		}
	}
	if counts["queue"] == 0 || counts["in_flight"] == 0 {
		t.Errorf("counters are missing: %v", counts)
	}
	for _, key := range []string{"stage=diffusion rank=0", "stage=diffusion rank=1", "stage=resize rank=0"} {
		if want := requests / 2; perRank[key] != want && perRank[key] != 2*want {
			t.Errorf("%d dispatches with %s: %v", perRank[key], key, perRank)
		}
	}
	if len(out) != 2*requests || len(in) != len(out) {
		t.Errorf("%d arrows leave, %d arrive", len(out), len(in))
	}
	for flow, request := range out {
		if in[flow] != request {
			t.Errorf("arrow %d leaves %q and arrives in %q", flow, request, in[flow])
		}
	}
}

// argsText is an event's arguments in one line.
func argsText(e *recording.Event) string {
	text := ""
	for _, a := range e.Args {
		if text != "" {
			text += " "
		}
		if a.Type == trace.TypeInt {
			text += fmt.Sprintf("%s=%d", a.Key.Text, a.Int)
		} else {
			text += a.Key.Text + "=" + a.Text
		}
	}
	return text
}
