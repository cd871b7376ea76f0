package summary

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// onDevice adds device work of a rank.
func (f *fixture) onDevice(kind trace.WorkKind, name string, device int, start, end int64) {
	host := f.track
	f.track = &recording.Track{Process: f.process, ID: uint32(10 + device), Device: true, DeviceID: device}
	f.span(trace.CategoryDevice, name, 0, start, end).Work = recording.Work{Kind: kind, Correlation: 1}
	f.track = host
}

func TestDevice(t *testing.T) {
	a, b := rank(0, "diffusion", "dit", 0), rank(0, "diffusion", "dit", 1)
	for i := range 40 { // more operators than are shown
		a.span(trace.CategoryOperator, fmt.Sprint("op", i), 1, 0, 100)
		a.span(trace.CategoryStep, "denoise_step", 0, 0, 100)
	}
	a.onDevice(trace.WorkKernel, "_ZN3dit6linearIfEEvPT_", 0, 0, 4_000_000)
	a.onDevice(trace.WorkKernel, "_ZN3dit6linearIfEEvPT_", 0, 2_000_000, 6_000_000)
	a.onDevice(trace.WorkCopy, "Memcpy HtoD (Pinned -> Device)", 1, 0, 2_000_000)
	a.onDevice(trace.WorkSync, "Stream Sync", 0, 0, 9_000_000)
	b.span(trace.CategoryStep, "denoise_step", 0, 0, 10)
	b.process.Facts = []recording.Fact{{Name: b.name(0, "cuda"), Args: []recording.Arg{
		{Key: b.name(0, "state"), Type: trace.TypeString, Text: "absent"}, {Key: b.name(0, "reason"), Type: trace.TypeString, Text: strings.Repeat("no device ", 12)},
	}}}
	got := tableOf(a.batch(), b.batch())
	want := &Device{State: "recorded", Reason: strings.Repeat("no device ", 12), Devices: 2, Kernels: 2, KernelSeconds: 0.008, Copies: 1, CopySeconds: 0.002}
	if d := cmp.Diff(want, got.Sections[0].Device, cmpopts.EquateApprox(1e-9, 0)); d != "" {
		t.Error(d)
	}
	if d := got.Processes[1].Device; d == nil || d.State != "absent" || d.Kernels != 0 {
		t.Errorf("%+v", d)
	}
	text := got.Text(0)
	for _, want := range []string{"  dit::linear ", "  on 2 devices: 2 kernels 8.00 ms, 1 copy 2.00 ms\n", "  device events of other ranks are absent: " + strings.Repeat("no device ", 12), "rank 0, pid 200                  40 "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if d := tableOf(rank(0, "diffusion", "dit", 0).batch()).Sections[0].Device; d != nil {
		t.Errorf("nobody wanted device events: %+v", d)
	}
	var one, two Aggregator
	one.Add(a.batch())
	two.Add(b.batch())
	one.Merge(&two)
	if d := cmp.Diff(got, one.Table()); d != "" {
		t.Errorf("merged: %s", d)
	}
}

func TestShortName(t *testing.T) {
	for name, want := range map[string]string{
		"_Z6linearIfLi64EEvPT_i": "linear", "_ZN2at6native7softmaxIfEEvPT_": "at::native::softmax", "_ZN12_GLOBAL__N_14fillEv": "fill",
		"ampere_sgemm_128x64_tn": "ampere_sgemm_128x64_tn", "_Z": "_Z", "_Z99x": "_Z99x", "_ZL5scalePf": "scale", "": "",
	} {
		if got := shortName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
