package render_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

var update = flag.Bool("update", false, "write the golden files")

const id = "20261123-100312-a1b2c3"

func complete() *client.Profile {
	return &client.Profile{
		ID: id, State: "complete", EndedBy: "max_duration", DurationS: 600, Requests: 100, Events: 160000, Bytes: 15 << 20,
		Label: "a label", StartedAt: time.Date(2026, 11, 23, 10, 3, 12, 0, time.UTC),
		Processes: []client.Process{
			{Process: "core", PID: 4001, Events: 1200, Bytes: 64 << 10},
			{Process: "stage_0_diffusion_rank0", PID: 4010, Events: 158000, Bytes: 9 << 20, Losses: client.Losses{Total: 12}},
			{Process: "stage_1_resize_rank0", PID: 4011, Events: 800, Bytes: 40000},
		},
		Exports: []client.Export{{Profiler: "chrome", State: "complete", Seconds: 0.234}},
		Artifacts: []client.Artifact{
			{Name: "stage_0_diffusion_1795428192_rank0.pt.trace.json.gz", Bytes: 3_400_000},
			{Name: "stage_1_resize_1795428192_rank0.pt.trace.json.gz", Bytes: 32_000, Dropped: 1},
			{Name: "merged/" + id + ".trace.json.gz", Bytes: 3_500_000},
			{Name: id + ".sqlite", Bytes: 900_000, Description: "for nsys stats and SQL; the nsys GUI opens its own recordings only, which a server under nsys makes"},
		},
		Losses: client.Losses{Total: 12, ByReason: map[string]uint64{"full": 10, "depth": 2}},
		Warnings: []string{
			"the recording of stage_0_diffusion_rank0 reached its bound of 512 MiB, and 12 events after that are not in it: raise profile.max_bytes",
		},
	}
}

func failedProfile() *client.Profile {
	p := complete()
	p.State, p.EndedBy, p.Label, p.Artifacts, p.Losses, p.Warnings = "failed", "stop", "", nil, client.Losses{}, nil
	p.Processes[1].Error = "stop recording: the process has ended: signal: killed"
	p.Exports[0] = client.Export{Profiler: "chrome", State: "failed", Error: "profiler(chrome): write artifact: no space left on device"}
	p.Error = "stage_0_diffusion_rank0: …; chrome: …"
	return p
}

func TestGolden(t *testing.T) {
	active := complete()
	active.State, active.EndedBy, active.DurationS, active.Label = "recording", "", 12.34, ""
	long := complete()
	long.Label = "nightly run of the benchmark on the big machine in the basement, the one with the two cards and the noisy fan"
	cases := map[string]string{
		"list":     render.List([]client.Profile{*active, *long, *failedProfile()}),
		"empty":    render.List(nil) + render.Artifacts(&client.Profile{}) + render.Processes(&client.Profile{}),
		"active":   render.Head(active),
		"complete": render.Title(long) + render.Losses(long.Losses) + render.Findings(long) + render.Artifacts(long),
		"failed":   render.Head(failedProfile()) + render.Losses(client.Losses{}) + render.Findings(failedProfile()) + render.Artifacts(failedProfile()),
		"show":     render.Processes(complete()) + render.Exports(complete()),
	}
	for name, got := range cases {
		t.Run(name, func(t *testing.T) {
			for line := range strings.Lines(got) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > render.Width {
					t.Errorf("%d columns: %q", n, line)
				}
				if strings.TrimRight(line, " \n")+"\n" != line {
					t.Errorf("spaces at the end: %q", line)
				}
			}
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 3_500_000: "3.3 MiB", 5 << 40: "5.0 TiB",
	} {
		if got := render.Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]string{0: "0.0 s", 1.26: "1.3 s", 59.9: "59.9 s", 133.4: "2m13s", 3600: "1h0m0s"} {
		if got := render.Seconds(s); got != want {
			t.Errorf("%g: %s, want %s", s, got, want)
		}
	}
}

func TestWrapKeepsTheTerminal(t *testing.T) {
	if got := render.Wrap("warning: ", "a\x1b[31mb\nc"); got != "warning: a[31mb c\n" {
		t.Errorf("%q", got)
	}
	if got := render.Wrap("x: ", strings.Repeat("a", 200)); got != "x: "+strings.Repeat("a", 200)+"\n" {
		t.Errorf("a word longer than a line is cut: %q", got)
	}
}
