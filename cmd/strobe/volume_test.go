package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// volume is a core without a model whose one rank records as many events as it is told, and whose profiler is a process
// of its own, as in a server.
type volume struct {
	b        testing.TB
	catalog  *catalog.Catalog
	profiles *profile.Manager
	dir      string
	rec      *trace.Recorder
	track    *trace.Track
}

// volumeRank is the rank, in this process.
type volumeRank struct {
	profile.Recorder // core's methods, where they fit
}

func (volumeRank) Label() string     { return "stage_0_diffusion_rank0" }
func (volumeRank) StageName() string { return "diffusion" }

// newVolume starts it. Its profiles have room for any number of events.
func newVolume(b testing.TB, dir string) *volume {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	cfg, err := loadConfig("", config.Overrides{})
	if err != nil {
		b.Fatal(err)
	}
	o := catalogOptions(log)
	o.OnlyProfilers = []string{"chrome"}
	v := &volume{b: b, dir: dir, rec: trace.New(trace.Options{})}
	if v.catalog, err = catalog.Load(b.Context(), cfg, o); err != nil {
		b.Fatal(err)
	}
	core := trace.New(trace.Options{})
	v.track = v.rec.Track("worker")
	v.profiles, err = profile.New(profile.Options{
		Dir: dir, Model: "emoji", MaxBytes: 16 << 30, MaxDuration: time.Hour, Profilers: []string{"chrome"}, Log: log,
		Core: profile.NewLocal(core), Ranks: []profile.Recorder{volumeRank{profile.NewLocal(v.rec)}},
		Exporter: func(name string) (profile.Exporter, error) { return v.catalog.Profiler(name) },
		Offline:  func(name string) (profile.Exporter, error) { return v.catalog.Offline(name) },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = v.profiles.Close(b.Context())
		_ = v.catalog.Close(b.Context())
		_, _ = v.rec.Close(), core.Close()
	})
	return v
}

// Names of what a volumeRank records: blocks of six operators, as plugins/dit's.
var (
	volumeBlock     = trace.NameIn(trace.CategoryBlock, "blocks.0")
	volumeOperator  = trace.NameIn(trace.CategoryOperator, "dit::linear")
	volumeModule    = trace.Name("module")
	volumeModuleIs  = trace.Name("blocks.0.attn.qkv")
	volumeFlops     = trace.Name("flops")
	volumeBytes     = trace.Name("bytes")
	eventsPerVolume = 7
)

// record writes events, as fast as it can or rate a second, evenly in steps of a few milliseconds.
func (v *volume) record(events int, rate float64) {
	began := time.Now()
	for n := 0; n < events; n += eventsPerVolume {
		if rate > 0 && n%(eventsPerVolume*256) == 0 {
			if ahead := time.Duration(float64(n)/rate*1e9) - time.Since(began); ahead > 0 {
				time.Sleep(ahead)
			}
		}
		block := v.track.Begin(volumeBlock)
		for range eventsPerVolume - 1 {
			v.track.BeginArgs(volumeOperator, trace.Text(volumeModule, volumeModuleIs), trace.Int(volumeFlops, 1<<20), trace.Int(volumeBytes, 1<<16)).End()
		}
		block.End()
	}
}

// profile records a profile of so many events and gives its result and how long the stop took.
func (v *volume) profile(events int, rate float64) (profile.View, time.Duration) {
	v.b.Helper()
	started, err := v.profiles.Start(v.b.Context(), profile.StartRequest{})
	if err != nil {
		v.b.Fatal(err)
	}
	v.record(events, rate)
	began := time.Now()
	view, err := v.profiles.Stop(v.b.Context(), started.ID)
	took := time.Since(began)
	if err != nil || view.State != profile.StateComplete || view.Losses.Total != 0 || view.Events < uint64(events) {
		v.b.Fatalf("%+v, %v", view, err)
	}
	return view, took
}

// peakAnon samples the most anonymous memory, in bytes, that a child of this process has, until stop is called.
func peakAnon() (stop func() float64) {
	var peak atomic.Int64
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			for _, pid := range childrenOf(os.Getpid()) {
				peak.Store(max(peak.Load(), anonOf(pid)))
			}
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() float64 {
		close(end)
		<-ended
		return float64(peak.Load())
	}
}

// anonOf is RssAnon of a process, bytes; 0 when it cannot be read.
func anonOf(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

// BenchmarkStop times the reply to the stop of profiles of a million and of ten million events that were recorded at
// 500,000 a second, and shows the most memory that the profiler's process had.
func BenchmarkStop(b *testing.B) {
	for _, events := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(events), func(b *testing.B) {
			v := newVolume(b, b.TempDir())
			v.profile(10_000, 500_000)
			var stops []float64
			peak := peakAnon()
			for range b.N {
				view, took := v.profile(events, 500_000)
				stops = append(stops, float64(took)/1e6)
				if err := v.profiles.Delete(view.ID); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(median(stops), "stop-ms")
			b.ReportMetric(peak()/(1<<20), "profiler-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkExportLater times the Chrome export of ten million recorded events, gzip included, in a process of its own.
func BenchmarkExportLater(b *testing.B) {
	v := newVolume(b, b.TempDir())
	view, _ := v.profile(10_000_000, 1_000_000)
	var seconds []float64
	peak := peakAnon()
	for range b.N {
		began := time.Now()
		x, err := v.catalog.Profiler("chrome")
		if err != nil {
			b.Fatal(err)
		}
		_, reply, err := profile.ExportFolder(b.Context(), profile.FolderExport{
			Dir: filepath.Join(v.dir, view.ID), Out: filepath.Join(b.TempDir(), "out"), Exporter: x, Log: slog.New(slog.DiscardHandler)})
		seconds = append(seconds, time.Since(began).Seconds())
		if err != nil || reply.Table.Events < 10_000_000 {
			b.Fatal(reply.Table.Events, err)
		}
	}
	b.ReportMetric(float64(view.Events)/median(seconds)/1e6, "Mevents/s")
	b.ReportMetric(peak()/(1<<20), "profiler-MiB")
	b.ReportMetric(0, "ns/op")
}

// TestStopIsOfTheTail holds bounds ten times looser than what the benchmarks show.
func TestStopIsOfTheTail(t *testing.T) {
	full(t, "a quiet half minute")
	v := newVolume(t, t.TempDir())
	peak := peakAnon()
	_, took := v.profile(5_000_000, 500_000)
	if took > 3*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if most := peak(); most > 512<<20 {
		t.Errorf("the profiler's process had %.0f MiB", most/(1<<20))
	}
}

// exportedEvents is how large the profile is that BenchmarkServingWhileExporting exports: work for more than a minute while
// two processors serve.
const exportedEvents = 2_000_000

// BenchmarkServingWhileExporting tells what an export of an ended profile costs the server. An iteration is one pair, in
// random order: the same pictures while the export's process goes on, and while it is halted. Run it with -benchtime 40x
// or more.
func BenchmarkServingWhileExporting(b *testing.B) {
	dir := b.TempDir()
	view, _ := newVolume(b, filepath.Join(dir, "profiles")).profile(exportedEvents, 1_000_000)
	p := startServerIn(b, dir)
	warm(p)
	began := time.Now()
	p.post("/v1/profiles/"+view.ID+"/export", `{"profiler":"chrome"}`)
	idle := time.Since(began)
	x := exportAgain(p, view.ID)
	var ratios []float64
	for len(ratios) < b.N {
		ratio := pairWith(p, func() (stop func()) {
			x.signal(syscall.SIGCONT)
			return func() { x.signal(syscall.SIGSTOP) }
		})
		if x.ended() {
			x = exportAgain(p, view.ID) // it ended within this pair
			continue
		}
		ratios = append(ratios, ratio)
	}
	x.signal(syscall.SIGCONT)
	mid, low, high := medianInterval(ratios)
	b.ReportMetric(mid, "on/off")
	b.ReportMetric(low, "low95")
	b.ReportMetric(high, "high95")
	b.ReportMetric(idle.Seconds(), "idle-export-s")
	b.ReportMetric(0, "ns/op")
}

// runningExport is the process of an export, which can be halted.
type runningExport struct {
	t   testing.TB
	pid int
}

// exportAgain begins an export and halts its process.
func exportAgain(p *process, id string) *runningExport {
	p.t.Helper()
	before := childrenOf(p.cmd.Process.Pid)
	p.post("/v1/profiles/"+id+"/export", `{"profiler":"chrome","wait":false}`)
	x := &runningExport{t: p.t}
	for end := time.Now().Add(10 * time.Second); x.pid == 0; time.Sleep(time.Millisecond) {
		for _, pid := range childrenOf(p.cmd.Process.Pid) {
			if !slices.Contains(before, pid) {
				x.pid = pid
			}
		}
		if time.Now().After(end) {
			p.t.Fatal("the export has no process of its own")
		}
	}
	p.draw(0, 40) // it is loaded and has begun, and as others want the processors it has not got far
	x.signal(syscall.SIGSTOP)
	return x
}

func (x *runningExport) signal(s syscall.Signal) {
	if err := syscall.Kill(x.pid, s); err != nil && !x.ended() {
		x.t.Fatal(err)
	}
}

// ended tells whether the process is gone: the export is done.
func (x *runningExport) ended() bool {
	return syscall.Kill(x.pid, 0) != nil
}
