//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// What the stand-in can be told, and asked; the numbers are those of standin.c.
const (
	setVersion = iota
	setDevices
	setEnableResult
	setSubscribeResult
	setInitResult
	setPerThread
	setUnknown
	setDrop
	setLateAPI
	setSyncMs
	setFlushMs
	setStopStorm
	setZeroTimes
	setClockStep
	setHoldKernels
	settings

	getLaunches       = 100
	getEnabled        = 101
	getSubscribed     = 102
	getRegistered     = 103
	getOutstanding    = 104
	getProfilerStarts = 105
	getProfilerStops  = 106
	getRanges         = 107
	getDepth          = 108
	getSyncs          = 109
	getPushed         = 110
)

// standin is the library that stands in for NVIDIA's, and what a program would call of it.
type standin struct {
	path string
	set  func(what int32, v int64)
	get  func(what int32) int64
	more func()
	fill func(to *byte, size uint64, names **byte, n, start uint64) uint64

	launch     func(f *byte, gx, gy, gz, bx, by, bz, shared uint32, stream uintptr, params, extra uintptr) int32
	alloc      func(*uint64, uint64) int32
	release    func(uint64) int32
	toDevice   func(to uint64, from *byte, n uint64, stream uintptr) int32
	toHost     func(to *byte, from, n uint64, stream uintptr) int32
	fillMemory func(to uint64, v uint8, n uint64, stream uintptr) int32
	sync       func(stream uintptr) int32
	setContext func(uintptr) int32
}

var standinDir string

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	code := m.Run()
	if standinDir != "" {
		os.RemoveAll(standinDir)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// buildStandin compiles the stand-in under a name for the loader.
func buildStandin(soname string) (string, error) {
	if _, err := exec.LookPath("gcc"); err != nil {
		return "", err
	}
	if standinDir == "" {
		var err error
		if standinDir, err = os.MkdirTemp("", "strobe-standin-"); err != nil {
			return "", err
		}
	}
	path := filepath.Join(standinDir, soname)
	out, err := exec.Command("gcc", "-O2", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden", "-Wl,-soname,"+soname,
		"-o", path, "testdata/standin/standin.c").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}

var loadStandin = sync.OnceValues(func() (*standin, error) {
	path, err := buildStandin("libcuda.so.1")
	if err != nil {
		return nil, err
	}
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	s := &standin{path: path}
	for name, f := range map[string]any{
		"standin_set": &s.set, "standin_get": &s.get, "standin_more": &s.more, "standin_fill": &s.fill, "cuLaunchKernel": &s.launch,
		"cuMemAlloc_v2": &s.alloc, "cuMemFree_v2": &s.release, "cuMemcpyHtoDAsync_v2": &s.toDevice, "cuMemcpyDtoHAsync_v2": &s.toHost,
		"cuMemsetD8Async": &s.fillMemory, "cuStreamSynchronize": &s.sync, "cuCtxSetCurrent": &s.setContext,
	} {
		purego.RegisterLibFunc(f, lib, name)
	}
	return s, nil
})

// stand gives the stand-in, as it is at first.
func stand(t testing.TB) *standin {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc, to build the library that stands in for NVIDIA's; install with apt-get install gcc libc6-dev")
	}
	s, err := loadStandin()
	if err != nil {
		t.Fatal(err)
	}
	for what := range int32(settings) {
		s.set(what, 0)
	}
	s.set(setVersion, 26)
	s.set(setDevices, 1)
	return s
}

var (
	nameStep   = trace.NameIn(trace.CategoryStep, "denoise_step")
	nameLinear = trace.NameIn(trace.CategoryOperator, "dit::linear")
	kernelText = append([]byte("_Z6linearPfi"), 0)
)

// program is what a model does: copies, then operators that launch two kernels each, all on bound threads.
type program struct {
	*standin
	c         *Collector
	track     *trace.Track
	operators int
}

// run is one goroutine's part.
func (p *program) run(request string) {
	th := p.c.Bind(p.track)
	defer th.Release()
	p.setContext(77)
	p.track.SetRequest(request)
	step := th.Begin(nameStep)
	var memory uint64
	p.alloc(&memory, 4096)
	defer p.release(memory)
	host := make([]byte, 4096)
	const stream = 13
	p.fillMemory(memory, 3, 4096, stream)
	p.toDevice(memory, &host[0], 4096, stream)
	for range p.operators {
		op := th.BeginArgs(nameLinear, trace.Int(trace.Name("n"), 1))
		p.launch(&kernelText[0], 70, 2, 1, 256, 1, 1, 4096, stream, 0, 0)
		p.launch(&kernelText[0], 70, 2, 1, 128, 1, 1, 0, stream, 0, 0)
		op.End()
	}
	p.toHost(&host[0], memory, 4096, stream)
	p.sync(stream)
	step.End()
	p.track.SetRequest("")
	p.launch(&kernelText[0], 1, 1, 1, 1, 1, 1, 0, stream, 0, 0) // in no span
	runtime.KeepAlive(host)
}

// event is an event with all that it points to.
type event struct {
	recording.Event
	args map[string]string
}

// read gives a folder's events, those of spans on bound tracks by track and number.
func read(t testing.TB, dir string) (events []event, spans map[string]event, s recording.Summary) {
	t.Helper()
	spans = map[string]event{}
	sums, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			c := event{*e, map[string]string{}}
			c.Request = strings.Clone(e.Request)
			for _, a := range e.Args {
				c.args[a.Key.Text] = fmt.Sprint(a.Int)
				if a.Type >= trace.TypeName {
					c.args[a.Key.Text] = strings.Clone(a.Text)
				}
			}
			events = append(events, c)
			if !e.Track.Device && !e.Track.Calls {
				spans[fmt.Sprint(e.Track.ID, "/", e.Seq)] = c
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, spans, sums[0]
}

// start begins a recording, and fails the test when it cannot.
func start(t testing.TB, r *trace.Recorder, s trace.Start) string {
	t.Helper()
	dir := t.TempDir()
	s.Path, s.MaxBytes = filepath.Join(dir, "a.seg"), max(s.MaxBytes, 64<<20)
	s.Process = trace.Process{Kind: trace.ProcessModel, Name: "dit"}
	if err := r.Start(s); err != nil {
		t.Fatal(err)
	}
	return dir
}

func stop(t testing.TB, r *trace.Recorder) trace.Stats {
	t.Helper()
	st, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// collect attaches a collector to a new recorder.
func collect(t testing.TB, o Options) (*trace.Recorder, *Collector) {
	r := trace.New(trace.Options{ClockPairs: 0})
	t.Cleanup(func() { r.Close() })
	return r, Attach(r, o)
}

// ofKind are the events of a kind of work.
func ofKind(all []event, k trace.WorkKind) []event {
	return slices.DeleteFunc(slices.Clone(all), func(e event) bool {
		return e.Work.Kind != k || !e.Track.Device && !e.Track.Calls
	})
}

func cText(s string) *byte { return unsafe.SliceData(append([]byte(s), 0)) }

type recordingArg = recording.Arg

// childEnv is for tests in a process of its own, in which nothing is loaded yet.
const childEnv = "STROBE_TEST_CUDA_CHILD"

// child does what the test that started it wants, and prints the result.
func child() int {
	r := trace.New(trace.Options{})
	defer r.Close()
	mode, library, _ := strings.Cut(os.Getenv(childEnv), " ")
	Attach(r, Options{Mode: Mode(mode), Library: library})
	err := r.Start(trace.Start{Path: os.Getenv(childEnv + "_SEGMENT"), MaxBytes: 8 << 20, Control: trace.Control(os.Getenv(childEnv + "_CONTROL"))})
	fmt.Println("error:", err)
	st, err := r.Stop()
	fmt.Printf("notes: %q\nstop: %v\n", st.Notes, err)
	maps, _ := os.ReadFile("/proc/self/maps")
	for _, name := range []string{"libcupti", "libcuda", "libcudart", "libnvToolsExt", "libnvtx3interop"} {
		fmt.Println(name, "mapped:", strings.Contains(string(maps), name))
	}
	return 0
}

// inChild has a process of its own start and stop a recording.
func inChild(t *testing.T, mode Mode, library string, env ...string) (out, dir string) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), childEnv + "=" + string(mode) + " " + library, childEnv + "_SEGMENT=" + filepath.Join(dir, "a.seg")}, env...)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return string(b), dir
}

// loadTools loads the stand-in once more, as the library of NVTX, and gives its counters.
func loadTools(t *testing.T) func(what int32) int64 {
	t.Helper()
	path, err := buildStandin("libnvToolsExt.so.1")
	if err != nil {
		t.Fatal(err)
	}
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		t.Fatal(err)
	}
	var get func(what int32) int64
	purego.RegisterLibFunc(&get, lib, "standin_get")
	return get
}
