package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// traceFile is a Chrome trace as any reader sees it.
type traceFile struct {
	SchemaVersion       int            `json:"schemaVersion"`
	BaseTimeNanoseconds int64          `json:"baseTimeNanoseconds"`
	DistributedInfo     map[string]any `json:"distributedInfo"`
	Events              []traceEvent   `json:"traceEvents"`
	Strobe              struct {
		Cost      *recording.Cost  `json:"cost"`
		Processes []map[string]any `json:"processes"`
	} `json:"strobe"`
}

type traceEvent struct {
	Ph   string          `json:"ph"`
	Cat  string          `json:"cat"`
	Name string          `json:"name"`
	PID  json.Number     `json:"pid"`
	TID  json.Number     `json:"tid"`
	TS   float64         `json:"ts"`  // µs
	Dur  float64         `json:"dur"` // µs
	ID   json.RawMessage `json:"id"`
	Args map[string]any  `json:"args"`
}

func (e traceEvent) end() float64 { return e.TS + e.Dur }

// holds tells whether e lies on o's row and within it.
func (e traceEvent) holds(o traceEvent) bool {
	return e.PID == o.PID && e.TID == o.TID && e.TS <= o.TS && o.end() <= e.end()+0.001
}

func (e traceEvent) request() string {
	s, _ := e.Args["request_id"].(string)
	return s
}

// parseTrace reads a gzipped trace and checks that it is one gzip member.
func parseTrace(t *testing.T, gz []byte) traceFile {
	t.Helper()
	compressed := bytes.NewReader(gz)
	r, err := gzip.NewReader(compressed)
	if err != nil {
		t.Fatal(err)
	}
	r.Multistream(false)
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if compressed.Len() > 0 {
		t.Errorf("%d bytes after the first gzip member", compressed.Len())
	}
	var f traceFile
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// named returns the complete events with that name.
func (f traceFile) named(name string) []traceEvent {
	var es []traceEvent
	for _, e := range f.Events {
		if e.Ph == "X" && e.Name == name {
			es = append(es, e)
		}
	}
	return es
}

// within returns the complete events with that name on e's row and inside it.
func (f traceFile) within(e traceEvent, name string) []traceEvent {
	var es []traceEvent
	for _, x := range f.named(name) {
		if e.holds(x) {
			es = append(es, x)
		}
	}
	return es
}

// one returns the only event of a list.
func one(t *testing.T, es []traceEvent, what string) traceEvent {
	t.Helper()
	if len(es) != 1 {
		t.Fatalf("%d events %s, want 1", len(es), what)
	}
	return es[0]
}

// checkHonest holds what no trace of ours may do: invent torch's operators, or name a part that the model does not have.
func checkHonest(t *testing.T, f traceFile) {
	t.Helper()
	for _, e := range f.Events {
		for _, lie := range []string{"aten::", "text_encoder", "vae"} {
			if strings.Contains(strings.ToLower(e.Name), lie) {
				t.Errorf("event %q: this model has no such thing", e.Name)
			}
		}
	}
}

// checkRows holds that no two complete events of a row overlap in part.
func checkRows(t *testing.T, f traceFile) {
	t.Helper()
	type row struct{ pid, tid json.Number }
	rows := map[row][]traceEvent{}
	for _, e := range f.Events {
		if e.Ph == "X" {
			rows[row{e.PID, e.TID}] = append(rows[row{e.PID, e.TID}], e)
		}
	}
	for r, es := range rows {
		sortByStart(es)
		var open []traceEvent
		for _, e := range es {
			for len(open) > 0 && open[len(open)-1].end() <= e.TS+0.0005 {
				open = open[:len(open)-1]
			}
			if len(open) > 0 && e.end() > open[len(open)-1].end()+0.0005 {
				t.Fatalf("row %v: %q [%.3f, %.3f] sticks out of %q [%.3f, %.3f]", r, e.Name, e.TS, e.end(), open[len(open)-1].Name, open[len(open)-1].TS, open[len(open)-1].end())
			}
			open = append(open, e)
		}
	}
}
