package nsight

import (
	"database/sql"
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

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares every row of every table, but for times of the export itself.
func TestGolden(t *testing.T) {
	a, b := newGPU(0), newGPU(1)
	core := &recording.Process{Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}, PID: 25000}
	lane := &recording.Track{Process: core, ID: 1, Name: "request 1"}
	a.step()
	b.step()
	b.Facts = append(b.Facts, recording.Fact{Name: b.name("cuda"), Args: []recording.Arg{b.text("state", "absent"), b.text("reason", "no device")}})
	c := &recording.Batch{Process: core, Events: []recording.Event{
		{Kind: recording.Instant, Track: lane, Name: &recording.Name{Text: "[memory]", Category: trace.CategoryMemory}, Start: started.UnixNano() + 5},
		{Kind: recording.Counter, Track: lane, Name: &recording.Name{Text: "queue", Category: trace.CategoryCounter}, Start: started.UnixNano() + 5, Value: 1},
		{Kind: recording.Span, Open: true, Track: lane, Name: &recording.Name{Text: "http", Category: trace.CategoryRequest}, Start: started.UnixNano(), End: started.UnixNano() + 9000, Request: "img-1"},
	}}
	path, artifact := export(t, profileIn(t.TempDir()), c, a.batch(), b.batch())
	if !strings.Contains(artifact.Description, "nsys stats") || !strings.Contains(artifact.Description, "GUI") {
		t.Errorf("what it is for: %q", artifact.Description)
	}
	if artifact.Events != 28 || artifact.Dropped != 0 || filepath.Ext(path) != ".sqlite" {
		t.Errorf("%+v", artifact)
	}
	golden := filepath.Join("testdata", "golden.txt")
	got := dump(t, path)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Error(d)
	}
	for _, left := range []string{"-wal", "-journal", "-shm"} {
		if _, err := os.Stat(path + left); err == nil {
			t.Errorf("%s%s was left", path, left)
		}
	}
}

// dump is a database as text: what each table's columns are, and its rows in order.
func dump(t *testing.T, path string) string {
	t.Helper()
	db := open(t, path)
	var mode string
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode == "wal" {
		t.Errorf("journal mode %q, %v", mode, err)
	}
	var check string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity: %q, %v", check, err)
	}
	var out strings.Builder
	for _, create := range query(t, db, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name") {
		fmt.Fprintln(&out, create)
		name, _, _ := strings.Cut(strings.TrimPrefix(create, "CREATE TABLE "), " ")
		for _, row := range query(t, db, "SELECT * FROM "+name) {
			if !strings.HasPrefix(row, "EXPORT_TIME_") && !strings.HasPrefix(row, "EXPORT_ARCH") && !strings.HasPrefix(row, "EXPORT_PLATFORM") && name != sessionStart.name {
				fmt.Fprintln(&out, "  "+row)
			}
		}
	}
	return out.String()
}

func query(t *testing.T, db *sql.DB, text string, args ...any) (all []string) {
	t.Helper()
	rows, err := db.Query(text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		at := make([]any, len(columns))
		for i := range values {
			at[i] = &values[i]
		}
		if err := rows.Scan(at...); err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, v := range values {
			if v == nil {
				v = "-"
			}
			texts = append(texts, fmt.Sprint(v))
		}
		all = append(all, strings.Join(texts, " | "))
	}
	return all
}

// TestReportsJoin asks what NVIDIA's reports ask: kernels of an operator's range, by thread and correlation.
func TestReportsJoin(t *testing.T) {
	g := newGPU(0)
	for range 3 {
		g.step()
	}
	path, _ := export(t, profileIn(t.TempDir()), g.batch())
	got := query(t, open(t, path), `
		SELECT n.text, s.value, COUNT(*), SUM(k.end - k.start) FROM NVTX_EVENTS n
		JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.globalTid = n.globalTid AND r.start >= n.start AND r.end <= n.end
		JOIN CUPTI_ACTIVITY_KIND_KERNEL k ON k.correlationId = r.correlationId AND k.globalPid = r.globalTid & ~0xFFFFFF
		JOIN StringIds s ON s.id = k.shortName WHERE n.eventType = 59 AND n.text = 'dit::linear' GROUP BY 1, 2 ORDER BY 2`)
	if want := []string{"dit::linear | gelu | 3 | 2100", "dit::linear | linear | 3 | 1500"}; cmp.Diff(want, got) != "" {
		t.Error(got)
	}
}

func TestBound(t *testing.T) {
	for _, limit := range []int64{16 << 10, 64 << 10, 300 << 10, 6 << 20} {
		g := newGPU(0)
		for range 5000 {
			g.step()
		}
		p := profileIn(t.TempDir())
		p.MaxBytes = limit
		path, a := export(t, p, g.batch())
		info, err := os.Stat(path)
		if err != nil || info.Size() != a.Bytes || a.Bytes > limit || a.Events+a.Dropped != uint64(len(g.events)) {
			t.Errorf("limit %d: %+v %v", limit, a, err)
		}
		if limit >= 64<<10 && (a.Events == 0 || a.Bytes < limit/2) {
			t.Errorf("limit %d: hardly used: %+v", limit, a)
		}
	}
}

func TestShortName(t *testing.T) {
	for full, want := range map[string]string{
		"void linear<float, 64>(float*, int)":                                    "linear",
		"void at::native::(anonymous namespace)::softmax_warp<float, 4>(float*)": "softmax_warp",
		"ampere_sgemm_128x64_tn":                                                 "ampere_sgemm_128x64_tn",
		"void cutlass::Kernel2<cutlass_80_tensorop_s1688gemm>(T1::Params)":       "Kernel2",
		"int ns::f<std::vector<int> >::g(std::function<void ()>)":                "g",
		"": "",
	} {
		if got := shortName(full); got != want {
			t.Errorf("%q: %q, want %q", full, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string][3]int64{"[[70,2,1]]": {70, 2, 1}, "": {1, 1, 1}, "[[5]]": {5, 1, 1}, "[[1,2,3,4]]": {1, 2, 3}, "[[12,34": {12, 1, 1}} {
		if got := numbers(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestMemoryKind(t *testing.T) {
	for cupti, want := range map[int64]int64{0: 7, 1: 0, 2: 1, 3: 2, 7: 6, 8: 7, -1: 7} {
		if got := memoryKind(cupti); got != want {
			t.Errorf("%d: %d, want %d", cupti, got, want)
		}
	}
}

// BenchmarkWrite is how many rows a second one core writes: as many of spans as of calls and of device work.
func BenchmarkWrite(b *testing.B) {
	g := newGPU(0)
	for range 1000 {
		g.step()
	}
	batch := g.batch()
	s, err := New().Open(b.Context(), profileIn(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Consume(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch.Events))/b.Elapsed().Seconds(), "rows/s")
	if err := s.(*sink).Abort(b.Context()); err != nil {
		b.Fatal(err)
	}
}
