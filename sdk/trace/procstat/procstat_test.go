package procstat_test

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
	"github.com/strobe-dev/strobe/sdk/trace/procstat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	dir := t.TempDir()
	r := trace.New(trace.Options{})
	if err := r.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { procstat.Run(ctx, r); close(done) }()
	for deadline := time.Now().Add(10 * time.Second); r.Stats().Events < 8 && time.Now().Before(deadline); {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-done
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	values := map[string][]float64{}
	if _, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			if e.Kind != recording.Counter || e.Name.Category != trace.CategoryCounter {
				t.Errorf("not a counter: %+v", e)
			}
			values[e.Name.Text] = append(values[e.Name.Text], e.Value)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if rss := values["rss_bytes"]; runtime.GOOS == "linux" && (len(rss) == 0 || rss[0] < 1<<20) {
		t.Errorf("rss_bytes %v", rss)
	}
	if cpu := values["cpu_percent"]; len(cpu) == 0 || cpu[0] <= 0 || cpu[0] > 100*float64(10*runtime.NumCPU()) {
		t.Errorf("cpu_percent %v", cpu)
	}
	if gc := values["gc_pause_ns"]; len(gc) == 0 || gc[0] <= 0 || gc[0] > 1e9 {
		t.Errorf("gc_pause_ns %v", gc)
	}
}
