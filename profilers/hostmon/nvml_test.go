//go:build linux && !nocuda && (amd64 || arm64)

package hostmon

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// fakeLibrary stands for NVIDIA's: two cards, of which the second knows its clocks only.
const fakeLibrary = `
#include <stdint.h>
typedef struct { unsigned long long total, free, used; } memory;
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, uintptr_t *d) { if (i == 2) return 15; *d = 100 + i; return 0; }
int nvmlDeviceGetPowerUsage(uintptr_t d, unsigned *mw) { if (d != 100) return 3; *mw = 70500; return 0; }
int nvmlDeviceGetClockInfo(uintptr_t d, int kind, unsigned *mhz) { *mhz = d * 10 + kind; return 0; }
int nvmlDeviceGetMemoryInfo(uintptr_t d, memory *m) { if (d != 100) return 3; m->total = 3; m->free = 1; m->used = 5000000000ull; return 0; }
`

// TestGPUs runs this test binary again, where the fake library is found: where to look is decided when a process starts.
func TestGPUs(t *testing.T) {
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs a C compiler; install with apt-get install gcc libc6-dev")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "nvml.c")
	if err := os.WriteFile(source, []byte(fakeLibrary), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*exec.Cmd{
		exec.Command("cc", "-shared", "-fPIC", "-o", filepath.Join(dir, "libnvidia-ml.so.1"), source),
		exec.Command(os.Args[0], "-test.run=^TestFakeGPUs$"),
	} {
		c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "HOSTMON_FAKE_GPUS=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
}

func TestFakeGPUs(t *testing.T) {
	if os.Getenv("HOSTMON_FAKE_GPUS") == "" {
		t.Skip("run by TestGPUs")
	}
	values := record(t, 10*time.Millisecond, func() { time.Sleep(100 * time.Millisecond) })
	for name, want := range map[string]float64{
		"power_watts gpu0": 70.5, "sm_clock_mhz gpu0": 1001, "memory_clock_mhz gpu0": 1002, "memory_used_bytes gpu0": 5e9,
		"sm_clock_mhz gpu1": 1011, "memory_clock_mhz gpu1": 1012,
	} {
		if v := values[name]; len(v) < 2 || math.Abs(v[0]-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
		delete(values, name)
	}
	if len(values) > 0 {
		t.Errorf("and %v, which the cards do not know", values)
	}
}

// A machine with a driver has what nvidia-smi has.
func TestRealGPUs(t *testing.T) {
	if _, err := os.Stat("/dev/nvidia0"); err != nil {
		t.Skip("there is no GPU")
	}
	values := record(t, 10*time.Millisecond, func() { time.Sleep(2 * time.Second) })
	if v := values["memory_used_bytes gpu0"]; len(v) == 0 || slices.Min(v) <= 0 {
		t.Errorf("%v", values)
	}
}
