package recording_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var update = flag.Bool("update", false, "write what recordings under testdata/golden are read as")

// goldens are the recordings in text form.
func goldens(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", "golden", "*.txt"))
	if err != nil || len(all) < 6 {
		t.Fatalf("%d goldens: %v", len(all), err)
	}
	return all
}

// unpack makes a folder of segments of a text.
func unpack(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := recording.ParseTextInto(f, dir); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return dir
}

// TestGoldens reads recordings in text form and compares their events with the file beside each.
func TestGoldens(t *testing.T) {
	for _, text := range goldens(t) {
		name := strings.TrimSuffix(filepath.Base(text), ".txt")
		t.Run(name, func(t *testing.T) {
			dir := unpack(t, text)
			got := describe(t, dir)
			expected := strings.TrimSuffix(text, ".txt") + ".events"
			if *update {
				if err := os.WriteFile(expected, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(expected)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("go test ./sdk/recording -update writes it (-want +got):\n%s", d)
			}
			segments, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range segments {
				b, err := os.ReadFile(filepath.Join(dir, s.Name()))
				if err != nil {
					t.Fatal(err)
				}
				sameAgain(t, b)
			}
		})
	}
}

// describe reads a folder and writes a line an event and a line a process.
func describe(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	s, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			describeEvent(&out, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s {
		p := s[i].Process
		fmt.Fprintf(&out, "%s pid %d: %d events, %d open, corrupt %d, of later kinds %d, segments %v%s\n",
			p.Name, p.PID, s[i].Events, s[i].Open, s[i].Lost.Corrupt, s[i].Lost.Unknown, p.Segments, s[i].Error)
		for _, f := range p.Facts {
			fmt.Fprintf(&out, "%s fact %q %d%s\n", p.Name, f.Name.Text, f.ID, describeArgs(f.Args))
		}
	}
	return out.String()
}

var kinds = [...]string{recording.Span: "span", recording.Instant: "instant", recording.Counter: "counter", recording.FlowOut: "flow out", recording.FlowIn: "flow in"}

// describeWork writes what only spans on tracks of devices and of calls have.
func describeWork(out *strings.Builder, e *recording.Event) {
	switch t := e.Track; {
	case t.Device:
		fmt.Fprintf(out, ", device %d context %d stream %d", t.DeviceID, t.ContextID, t.StreamID)
	case t.Calls:
		fmt.Fprintf(out, ", thread %d", t.ThreadID)
	}
	if w := e.Work; w != (recording.Work{}) {
		fmt.Fprintf(out, ", work %d correlation %d", w.Kind, w.Correlation)
		if w.Track != nil {
			fmt.Fprintf(out, " of span %d on %s", w.External, w.Track.Name)
		}
	}
}

func describeEvent(out *strings.Builder, e *recording.Event) {
	fmt.Fprintf(out, "%s/%s", e.Track.Process.Name, e.Track.Name)
	if e.Track.Group != "" {
		fmt.Fprintf(out, " (%s)", e.Track.Group)
	}
	fmt.Fprintf(out, ": %s %q category %d at %d", kinds[e.Kind], e.Name.Text, e.Name.Category, e.Start)
	switch e.Kind {
	case recording.Span:
		fmt.Fprintf(out, " to %d, seq %d", e.End, e.Seq)
		if e.Open {
			out.WriteString(", open")
		}
	case recording.Counter:
		fmt.Fprintf(out, ", value %v, float %v", e.Value, e.Float)
	case recording.FlowOut, recording.FlowIn:
		fmt.Fprintf(out, ", flow %d", e.Flow)
	}
	fmt.Fprintf(out, ", depth %d, parent %d", e.Depth, e.Parent)
	if e.Request != "" {
		fmt.Fprintf(out, ", request %q", e.Request)
	}
	describeWork(out, e)
	out.WriteString(describeArgs(e.Args))
	out.WriteByte('\n')
}

func describeArgs(args []recording.Arg) string {
	var out strings.Builder
	for _, a := range args {
		switch a.Type {
		case trace.TypeInt, trace.TypeBool:
			fmt.Fprintf(&out, ", %q=%d:%d", a.Key.Text, a.Type, a.Int)
		case trace.TypeFloat:
			fmt.Fprintf(&out, ", %q=%d:%v", a.Key.Text, a.Type, a.Float)
		default:
			fmt.Fprintf(&out, ", %q=%d:%q", a.Key.Text, a.Type, a.Text)
		}
	}
	return out.String()
}
