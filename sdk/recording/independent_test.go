package recording_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// plainEvent is what testdata/reader/read.py prints. Floats are their bits, as JSON has no NaN.
type plainEvent struct {
	Process  string  `json:"process"`
	PID      int     `json:"pid"`
	Track    string  `json:"track"`
	Group    string  `json:"group"`
	Kind     string  `json:"kind"`
	Name     string  `json:"name"`
	Category int     `json:"category"`
	Start    int64   `json:"start"`
	End      int64   `json:"end,omitempty"`
	Seq      uint64  `json:"seq,omitempty"`
	Open     bool    `json:"open,omitempty"`
	Depth    int     `json:"depth"`
	Parent   uint64  `json:"parent"`
	Request  string  `json:"request"`
	Value    uint64  `json:"value,omitempty"`
	Flow     uint64  `json:"flow,omitempty"`
	Args     [][]any `json:"args,omitempty"`

	Place         []int64 `json:"place,omitempty"`  // device, context, stream
	Thread        uint32  `json:"thread,omitempty"` // of a track of calls
	Work          int     `json:"work,omitempty"`
	Correlation   uint64  `json:"correlation,omitempty"`
	External      uint64  `json:"external,omitempty"`
	ExternalTrack string  `json:"external_track,omitempty"`
}

func plain(e *recording.Event) plainEvent {
	p := plainEvent{
		Process: e.Track.Process.Name, PID: e.Track.Process.PID, Track: e.Track.Name, Group: e.Track.Group, Kind: kinds[e.Kind],
		Name: e.Name.Text, Category: int(e.Name.Category), Start: e.Start, End: e.End, Seq: e.Seq, Open: e.Open,
		Depth: int(e.Depth), Parent: e.Parent, Request: strings.Clone(e.Request), Flow: e.Flow,
	}
	if e.Kind == recording.Counter {
		p.Value = math.Float64bits(e.Value)
	}
	if t := e.Track; t.Device {
		p.Place = []int64{int64(t.DeviceID), int64(t.ContextID), int64(t.StreamID)}
	}
	p.Thread = e.Track.ThreadID
	if w := e.Work; e.Track.Device || e.Track.Calls {
		p.Work, p.Correlation, p.External = int(w.Kind), w.Correlation, w.External
		if w.Track != nil {
			p.ExternalTrack = w.Track.Name
		}
	}
	p.Args = plainArgs(e.Args)
	return p
}

// plainFact is a fact as if it were an event.
func plainFact(p *recording.Process, f *recording.Fact) plainEvent {
	return plainEvent{Process: p.Name, PID: p.PID, Kind: "fact", Name: f.Name.Text, Seq: f.ID, Args: plainArgs(f.Args)}
}

func plainArgs(args []recording.Arg) (all [][]any) {
	for _, a := range args {
		var v any
		switch a.Type {
		case trace.TypeInt, trace.TypeBool:
			v = a.Int
		case trace.TypeFloat:
			v = math.Float64bits(a.Float)
		default:
			v = strings.Clone(a.Text)
		}
		all = append(all, []any{a.Key.Text, a.Type, v})
	}
	return all
}

// replaced is what readers may make of bytes that are no UTF-8: one sign or some.
var replaced = regexp.MustCompile("\uFFFD+")

// lines makes events comparable: one JSON object a line, sorted. Numbers keep their digits.
func lines(t *testing.T, all []plainEvent) []string {
	t.Helper()
	var out []string
	for i := range all {
		b, err := json.Marshal(&all[i])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, replaced.ReplaceAllString(string(b), "\uFFFD"))
	}
	slices.Sort(out)
	return out
}

func byGo(t *testing.T, dir string) []string {
	t.Helper()
	var all []plainEvent
	sums, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			all = append(all, plain(e))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sums {
		for i := range s.Process.Facts {
			all = append(all, plainFact(s.Process, &s.Process.Facts[i]))
		}
	}
	return lines(t, all)
}

func byPython(t *testing.T, dir string) []string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("python3", filepath.Join("testdata", "reader", "read.py"), dir)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var all []plainEvent
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	for d.More() {
		var e plainEvent
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return lines(t, all)
}

// TestIndependentReader compares the reader with one in Python that was written from FORMAT.md alone: on every golden, and
// on what a recorder wrote.
func TestIndependentReader(t *testing.T) {
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs python3; install with apt-get install python3")
	}
	folders := map[string]string{"recorder": recorded(t)}
	for _, text := range goldens(t) {
		folders[strings.TrimSuffix(filepath.Base(text), ".txt")] = unpack(t, text)
	}
	for name, dir := range folders {
		t.Run(name, func(t *testing.T) {
			want := byPython(t, dir)
			if d := cmp.Diff(want, byGo(t, dir)); d != "" || len(want) == 0 {
				t.Errorf("%d events; (-python +go):\n%.8000s", len(want), d)
			}
		})
	}
}

// recorded is a recording of two processes as far as one process can make it: its segments differ in their headers.
func recorded(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range []trace.Process{
		{Kind: trace.ProcessCore, Name: "core"}, {Kind: trace.ProcessModel, Name: "dit", StageName: "diffusion"},
	} {
		r := trace.New(trace.Options{ClockPairs: 2 * time.Millisecond})
		if err := r.Start(trace.Start{Path: filepath.Join(dir, p.Name+".seg"), MaxBytes: 64 << 20, Process: p}); err != nil {
			t.Fatal(err)
		}
		track, lane := r.Track("worker"), r.Lane("request")
		lane.SetRequest("r-1")
		span := lane.Begin(trace.NameIn(trace.CategoryRequest, "http"))
		scribble(track, rand.New(rand.NewPCG(1, 2)), 5_000)
		scribble(lane, rand.New(rand.NewPCG(1, 3)), 5_000)
		span.EndArgs(trace.String(trace.Name("status"), "bad \xff\xfe text"), trace.Float(trace.Name("t"), math.NaN()))
		r.Track("left open").Begin(trace.Name("open"))
		if _, err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
