package main

import (
	"cmp"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "modernc.org/sqlite"

	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// onStandin serves examples/model-cuda on the library that stands in for NVIDIA's, with every backend that shows devices.
const onStandin = `
server {
  model     = "scaled"
  profilers = ["chrome", "perfetto", "otlp", "nsight"]
}
model "scaled" {
  stage "diffusion" {
    plugin   = "model-cuda"
    replicas = 2
    config {
      cuda      = "required"
      operators = 5
      kernels   = 3
    }
  }
}
plugin "model-cuda" {
  kind    = "model"
  command = ["./model-cuda"]
}
profiler "chrome" {
}
profiler "perfetto" {
}
profiler "nsight" {
}
profiler "otlp" {
  config {
    endpoint = "OTLP"
    insecure = true
    detail   = "device"
  }
}
`

// standIn builds the library that stands in for NVIDIA's into a folder, where servers find it.
func standIn(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("NVIDIA's libraries, and the one that stands in for them, are for Linux")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc, to build the library that stands in for NVIDIA's; install with apt-get install gcc libc6-dev")
	}
	gcc := exec.Command("gcc", "-O2", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden", "-Wl,-soname,libcuda.so.1",
		"-o", filepath.Join(dir, "libcuda.so.1"), "../../sdk/cuda/testdata/standin/standin.c")
	if out, err := gcc.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Symlink("libcuda.so.1", filepath.Join(dir, "libcupti.so.12")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LD_LIBRARY_PATH", dir)
}

// spanReceiver keeps what OTLP delivers.
type spanReceiver struct {
	collector.UnimplementedTraceServiceServer
	address string
	mu      sync.Mutex
	spans   []*tracepb.Span
}

func (r *spanReceiver) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range req.ResourceSpans {
		for _, s := range of.ScopeSpans {
			r.spans = append(r.spans, s.Spans...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func receiveSpans(t *testing.T) *spanReceiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &spanReceiver{address: l.Addr().String()}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, r)
	go s.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(s.Stop)
	return r
}

// deviceCounts are how much of what a backend shows.
type deviceCounts struct{ kernels, copies, waits, calls, operators, joined int }

const (
	standinSteps    = 4
	standinRequests = 3
)

// TestDeviceEventsEverywhere profiles a model with device events, from the stand-in, with four backends at once: they agree with the
// recording on what there was, and each kernel is joined to its call, and to its operator, in which it was launched.
func TestDeviceEventsEverywhere(t *testing.T) {
	dir := t.TempDir()
	standIn(t, dir)
	buildExample(t, "../../examples/model-cuda", dir)
	otlp := receiveSpans(t)
	write(t, dir, "plugins.hcl", strings.ReplaceAll(onStandin, "OTLP", otlp.address))
	p := startServerIn(t, dir)
	p.post("/start_profile", "")
	for range standinRequests {
		if r := p.post("/v1/images/generations", fmt.Sprintf(`{"prompt":"x","size":"32x32","num_inference_steps":%d}`, standinSteps)); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	view := p.stopProfile()
	if view.State != profile.StateComplete || len(view.Warnings) > 0 {
		t.Fatalf("%s %q %+v", view.State, view.Warnings, view.Profilers)
	}
	folder := filepath.Join(dir, "profiles", view.ID)
	want := countRecording(t, filepath.Join(folder, "recording"))
	operators := standinRequests * standinSteps * 5
	if want.kernels != 3*operators || want.operators != operators || want.copies != 2*standinRequests || want.joined != want.kernels {
		t.Fatalf("recorded: %+v", want)
	}
	var merged string
	for _, a := range view.Artifacts {
		if strings.HasPrefix(a.Name, "merged/") {
			merged = filepath.Join(folder, a.Name)
		}
	}
	for name, got := range map[string]deviceCounts{
		"chrome": countChrome(t, merged), "otlp": countOTLP(otlp.spans), "nsight": countNsight(t, filepath.Join(folder, view.ID+".sqlite")),
	} {
		if got != want {
			t.Errorf("%s: %+v, recorded: %+v", name, got, want)
		}
	}
	var table summary.Table
	if err := json.Unmarshal(p.get("/v1/profiles/"+view.ID+"/summary?format=json").body, &table); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(table.Sections, func(s summary.Section) bool { return s.Kind == "stage" })
	if d := table.Sections[i].Device; d == nil || int(d.Kernels) != want.kernels || int(d.Copies) != want.copies || d.KernelSeconds <= 0 {
		t.Errorf("the summary says %+v", d)
	}
	openedByOthers(t, folder, view)
}

// countRecording counts what was recorded. A kernel is joined when its operator's span was open as it was launched.
func countRecording(t *testing.T, dir string) (n deviceCounts) {
	t.Helper()
	type id struct {
		process *recording.Process
		track   uint32
		seq     uint64
	}
	type span struct{ start, end int64 }
	operators, calls := map[id]span{}, map[id]span{}
	type kernel struct{ operator, call id }
	var kernels []kernel
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			var around id
			if e.Work.Track != nil {
				around = id{b.Process, e.Work.Track.ID, e.Work.External}
			}
			call := id{b.Process, 0, e.Work.Correlation}
			switch k := e.Work.Kind; {
			case k == trace.WorkKernel:
				n.kernels++
				kernels = append(kernels, kernel{around, call})
			case k == trace.WorkCopy:
				n.copies++
			case k == trace.WorkSync:
				n.waits++
			case k == trace.WorkDriverCall || k == trace.WorkRuntimeCall:
				n.calls++
				calls[call] = span{e.Start, e.End}
			case e.Kind == recording.Span && e.Name.Category == trace.CategoryOperator:
				n.operators++
				operators[id{b.Process, e.Track.ID, e.Seq}] = span{e.Start, e.End}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const clocks = 20_000 // ns that two clocks may differ
	for _, k := range kernels {
		op, there := operators[k.operator]
		if call, ok := calls[k.call]; ok && there && call.start >= op.start-clocks && call.end <= op.end+clocks {
			n.joined++
		}
	}
	return n
}

// countChrome counts what a Chrome trace shows. A kernel is joined when its call lies in its operator, on one row, and an arrow leads to it.
func countChrome(t *testing.T, path string) (n deviceCounts) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	type event struct {
		Ph, Cat, Name string
		PID, TID, ID  any
		TS, Dur       float64
		Args          map[string]any
	}
	var file struct{ TraceEvents []event }
	if err := json.NewDecoder(z).Decode(&file); err != nil {
		t.Fatal(err)
	}
	operators, calls, arrows := map[[2]any]event{}, map[any]event{}, map[any]int{}
	var kernels []event
	for _, e := range file.TraceEvents {
		switch e.Cat {
		case "kernel":
			n.kernels++
			kernels = append(kernels, e)
		case "gpu_memcpy":
			n.copies++
		case "cuda_sync":
			n.waits++
		case "cuda_driver", "cuda_runtime":
			n.calls++
			calls[e.Args["correlation"]] = e
		case "cpu_op":
			n.operators++
			operators[[2]any{e.PID, e.Args["External id"]}] = e
		case "ac2g":
			arrows[e.ID]++
		}
	}
	for _, k := range kernels {
		call := calls[k.Args["correlation"]]
		op := operators[[2]any{call.PID, k.Args["External id"]}]
		if arrows[k.Args["correlation"]] == 2 && op.Name != "" && op.TID == call.TID && call.TS >= op.TS && call.TS+call.Dur <= op.TS+op.Dur+1e-3 {
			n.joined++
		}
	}
	return n
}

// countOTLP counts spans. A kernel is joined when its parent is an operator.
func countOTLP(spans []*tracepb.Span) (n deviceCounts) {
	operators := map[string]bool{}
	var kernels []*tracepb.Span
	for _, s := range spans {
		switch {
		case s.Name == "example::scale":
			n.operators++
			operators[string(s.TraceId)+string(s.SpanId)] = true
		case s.Name == "scale":
			n.kernels++
			kernels = append(kernels, s)
		case strings.HasPrefix(s.Name, "Memcpy "):
			n.copies++
		case s.Name == "Stream Sync":
			n.waits++
		case strings.HasPrefix(s.Name, "cu"):
			n.calls++
		}
	}
	for _, s := range kernels {
		if operators[string(s.TraceId)+string(s.ParentSpanId)] {
			n.joined++
		}
	}
	return n
}

// countNsight counts rows. A kernel is joined when its call lies in an operator's range of the same thread.
func countNsight(t *testing.T, path string) (n deviceCounts) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for query, to := range map[string]*int{
		"FROM CUPTI_ACTIVITY_KIND_KERNEL": &n.kernels, "FROM CUPTI_ACTIVITY_KIND_MEMCPY": &n.copies,
		"FROM CUPTI_ACTIVITY_KIND_SYNCHRONIZATION": &n.waits, "FROM CUPTI_ACTIVITY_KIND_RUNTIME": &n.calls,
		"FROM NVTX_EVENTS WHERE text = 'example::scale'": &n.operators,
		`FROM CUPTI_ACTIVITY_KIND_KERNEL k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = k.correlationId AND r.globalTid >> 24 = k.globalPid >> 24
		 JOIN NVTX_EVENTS n ON n.globalTid = r.globalTid AND n.text = 'example::scale' AND n.start - 20000 <= r.start AND n.end + 20000 >= r.end
		 GROUP BY k.globalPid, k.correlationId) SELECT COUNT(*) FROM joined`: &n.joined,
	} {
		text := "SELECT COUNT(*) " + query
		if strings.Contains(query, "joined") {
			text = "WITH joined AS (SELECT k.correlationId " + query
		}
		if err := db.QueryRow(text).Scan(to); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return n
}

// openedByOthers has other people's programs open the artifacts, where they are installed.
func openedByOthers(t *testing.T, folder string, view profile.View) {
	if os.Getenv("STROBE_TEST") != "full" {
		return
	}
	var traces []string
	for _, a := range view.Artifacts {
		if strings.HasSuffix(a.Name, ".json.gz") || strings.HasSuffix(a.Name, ".pftrace") {
			traces = append(traces, filepath.Join(folder, a.Name))
		}
	}
	viewers, nsys := os.Getenv("STROBE_VIEWERS"), os.Getenv("STROBE_NSYS")
	scripts := "../../profilers/chrome/viewers/"
	if viewers == "" {
		t.Fatal("STROBE_VIEWERS is not set: install the viewers with . .ci/viewers.sh, which sets it")
	}
	ranks := t.TempDir()
	json := slices.DeleteFunc(slices.Clone(traces), func(f string) bool { return strings.HasSuffix(f, ".pftrace") })
	for _, f := range json {
		if !strings.Contains(f, "merged") {
			if err := os.Link(f, filepath.Join(ranks, filepath.Base(f))); err != nil {
				t.Fatal(err)
			}
		}
	}
	python := filepath.Join(viewers, "venv", "bin", "python")
	for name, args := range map[string][]string{
		"Perfetto":    append([]string{"node", scripts + "perfetto.mjs", filepath.Join(viewers, "perfetto")}, traces...),
		"catapult":    append([]string{"node", scripts + "catapult.mjs", filepath.Join(viewers, "trace_viewer_full.html")}, json...),
		"speedscope":  append([]string{"node", scripts + "speedscope.mjs"}, json...),
		"TensorBoard": {python, scripts + "tensorboard.py", ranks}, "HolisticTraceAnalysis": {python, scripts + "holistic.py", ranks},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(viewers, "node_modules"), "HOME="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if nsys == "" {
		return // there is none for this system
	}
	for _, report := range []string{"cuda_gpu_kern_sum", "cuda_api_sum", "cuda_gpu_trace", "cuda_gpu_mem_time_sum", "nvtx_sum", "nvtx_gpu_proj_sum"} {
		cmd := exec.Command(nsys, "stats", "--report", report, "--format", "csv", "--output", "-", filepath.Join(folder, view.ID+".sqlite"))
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		bad := cmp.Or(slices.IndexFunc([]string{"ERROR", "SKIPPED", "WARN", "Warning", "rror:"}, func(s string) bool { return strings.Contains(string(out), s) }) >= 0, err != nil)
		if bad {
			t.Errorf("%s: %v\n%s", report, err, out)
		}
	}
}

// TestDeviceEventsLoaded looks at what the ranks have mapped while a profile runs: "off" loads nothing of NVIDIA's, "auto" does. For an
// outside profiler that has announced itself to the server it is NVTX, and not CUPTI.
func TestDeviceEventsLoaded(t *testing.T) {
	for name, c := range map[string]struct {
		mode, more string
		libraries  map[string]bool
	}{
		"off":     {"off", "", map[string]bool{"libcu": false, "libnv": false}},
		"auto":    {"auto", "", map[string]bool{"libcuda": true, "libnv": false}},
		"outside": {"required", "profile {\n  control = \"cuda_profiler_api\"\n}\n", map[string]bool{"libcuda": true, "libnvToolsExt": true}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			standIn(t, dir)
			if c.more != "" {
				code, err := os.ReadFile(filepath.Join(dir, "libcuda.so.1"))
				if err != nil {
					t.Fatal(err)
				}
				write(t, dir, "libnvToolsExt.so.1", string(code))
				t.Setenv("NVTX_INJECTION64_PATH", "/none/tool.so")
			}
			hcl := strings.ReplaceAll(strings.ReplaceAll(withoutGPU, "MODE", c.mode), `"/none/libcupti.so.12"`, `""`) + c.more
			write(t, dir, "plugins.hcl", hcl)
			p := startServerIn(t, dir)
			p.post("/start_profile", "")
			if r := p.post("/v1/images/generations", `{"prompt":"noto owl","num_inference_steps":2}`); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			for library, want := range c.libraries {
				if got := mapped(t, filepath.Join(dir, "profiles"), library); got != want {
					t.Errorf("a process of the profile has %s: %v", library, got)
				}
			}
			if view := p.stopProfile(); view.State != profile.StateComplete || len(view.Warnings) > 0 {
				t.Errorf("%s %q", view.State, view.Warnings)
			}
		})
	}
}

// mapped tells whether a process that records into a folder has a library.
func mapped(t *testing.T, folder, library string) bool {
	t.Helper()
	seen, has := 0, false
	list, err := filepath.Glob("/proc/[0-9]*/maps")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), folder) {
			continue // of others, or gone
		}
		seen++
		has = has || strings.Contains(string(text), library)
	}
	if seen < 2 { // core and the rank
		t.Errorf("%d processes record into %s", seen, folder)
	}
	return has
}
