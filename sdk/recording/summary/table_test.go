package summary

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; make it with go test ./sdk/recording/summary -update", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

func servedTable() Table {
	var a Aggregator
	for _, b := range served() {
		a.Add(b)
	}
	a.AddLosses([]recording.Summary{{Lost: recording.Losses{Losses: trace.Losses{Full: 12, Names: 1}, Corrupt: 3}}})
	return a.Table()
}

func TestTextGolden(t *testing.T) {
	golden(t, "testdata/served.txt", servedTable().Text(80))
}

func TestJSONGolden(t *testing.T) {
	text, err := json.MarshalIndent(servedTable(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/served.json", string(text)+"\n")
}

func TestJSONGoesThroughUnchanged(t *testing.T) {
	want := servedTable()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Table
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestEmptyTable(t *testing.T) {
	var a Aggregator
	if got, want := a.Table().Text(80), "0 requests, 0 events\n\nlosses: none\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	text, err := json.Marshal(a.Table())
	if err != nil || strings.Contains(string(text), "null") {
		t.Errorf("JSON %s, %v", text, err)
	}
}

func TestTextKeepsItsWidth(t *testing.T) {
	f := rank(0, "a-stage-with-quite-a-long-name", "a-plugin-with-a-long-name-too", 0)
	f.process.Synthetic = true
	long := strings.Repeat("operator::", 20) + "end"
	f.span(trace.CategoryOperator, long, 60, 0, 1e15, f.flops(1e18)...)
	f.span(trace.CategoryOperator, "steer\x1b[31m\nme", 1, 0, 1)
	c := core()
	c.span(trace.CategoryRequest, "http", 0, 0, 1e9).Request = strings.Repeat("id", 200)
	var a Aggregator
	a.Add(f.batch())
	a.Add(c.batch())
	for _, width := range []int{0, 66, 80, 132} {
		text := a.Table().Text(width)
		limit := width
		if width == 0 {
			limit = DefaultWidth
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > limit {
				t.Errorf("width %d: line of %d: %q", width, n, line)
			}
			if strings.ContainsRune(line, '\x1b') {
				t.Errorf("control character in %q", line)
			}
		}
	}
}

func TestTextShowsTheFirstRowsOfMany(t *testing.T) {
	f := rank(0, "diffusion", "dit", 0)
	for i := range int64(100) {
		f.span(trace.CategoryOperator, fmt.Sprint("op", i), 0, i, i+1)
	}
	text := tableOf(f.batch()).Text(80)
	if n := strings.Count(text, "\n"); n > maxShown+8 || !strings.Contains(text, "and 68 more rows") {
		t.Errorf("%d lines:\n%s", n, text)
	}
}
