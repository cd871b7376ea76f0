package summary

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Device is what the devices of a section's processes did, or why nobody knows. It is absent when nobody wanted to know.
type Device struct {
	// State is "recorded", "absent" or "outside" (an outside profiler has it), and Reason why it is not recorded.
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
	Devices int    `json:"devices"` // that did anything, each as its process numbers it
	// What ran, and how long that took in all: of work that ran side by side each counts whole.
	Kernels       uint64  `json:"kernels"`
	KernelSeconds float64 `json:"kernel_s"`
	Copies        uint64  `json:"copies"`
	CopySeconds   float64 `json:"copy_s"`
	Sets          uint64  `json:"sets"`
	SetSeconds    float64 `json:"set_s"`
}

// deviceTally adds up the device work of a process.
type deviceTally struct {
	count   [trace.WorkSet + 1]uint64
	ns      [trace.WorkSet + 1]int64
	devices []int
}

func (d *deviceTally) add(e *recording.Event, ns int64) {
	k := e.Work.Kind
	if k > trace.WorkSet || e.Track == nil || !e.Track.Device {
		return
	}
	d.count[k]++
	d.ns[k] = plus(d.ns[k], ns)
	d.on(e.Track.DeviceID)
}

// on notes a device. A damaged recording may name any number of them.
func (d *deviceTally) on(id int) {
	const most = 1024
	if !slices.Contains(d.devices, id) && len(d.devices) < most {
		d.devices = append(d.devices, id)
	}
}

func (d *deviceTally) merge(from *deviceTally) {
	for k := range d.count {
		d.count[k] += from.count[k]
		d.ns[k] = plus(d.ns[k], from.ns[k])
	}
	for _, id := range from.devices {
		d.on(id)
	}
}

// deviceOf is what is known of the processes' devices; nil when nothing was to be.
func deviceOf(of []*process) *Device {
	var out *Device
	for _, p := range of {
		var state, reason string
		if p.recorded != nil {
			f := p.recorded.Fact("cuda", 0)
			state, reason = f.Arg("state").Text, f.Arg("reason").Text
		}
		if len(p.device.devices) > 0 {
			state = "recorded"
		}
		if state == "" {
			continue
		}
		if out == nil {
			out = &Device{State: state}
		}
		if state == "recorded" {
			out.State = state
		}
		if out.Reason == "" {
			out.Reason = strings.Clone(reason)
		}
		t := &p.device
		out.Devices += len(t.devices)
		out.Kernels += t.count[trace.WorkKernel]
		out.KernelSeconds += seconds(t.ns[trace.WorkKernel])
		out.Copies += t.count[trace.WorkCopy]
		out.CopySeconds += seconds(t.ns[trace.WorkCopy])
		out.Sets += t.count[trace.WorkSet]
		out.SetSeconds += seconds(t.ns[trace.WorkSet])
	}
	return out
}

// device says what a section's devices did, or why that is not known, which is never cut.
func (w *writer) device(d *Device) {
	if d == nil {
		return
	}
	if d.State == "recorded" {
		var parts []string
		for _, p := range []struct {
			n    uint64
			what string
			s    float64
		}{{d.Kernels, "kernel", d.KernelSeconds}, {d.Copies, "copy", d.CopySeconds}, {d.Sets, "set", d.SetSeconds}} {
			if p.n > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", strings.Replace(plural(p.n, p.what), "copys", "copies", 1), duration(p.s)))
			}
		}
		if len(parts) == 0 {
			parts = []string{"nothing ran"}
		}
		w.line("  on %s: %s", plural(uint64(d.Devices), "device"), strings.Join(parts, ", "))
	}
	if d.Reason != "" {
		of := "are " + d.State
		if d.State == "recorded" {
			of = "of other ranks are absent"
		}
		w.WriteString("  device events " + printable(of+": "+d.Reason) + "\n")
	}
}

// shownDevices is how many rows of devices are shown of a section that has more rows than are.
const shownDevices = 8

// shown are the rows that a section shows: the first ones, but those of devices, which come last, are among them.
func (s Section) shown() []Row {
	if len(s.Rows) <= maxShown {
		return s.Rows
	}
	rows := s.Rows[:maxShown]
	at := slices.IndexFunc(s.Rows, func(r Row) bool { return r.Kind == "device" })
	if at < 0 || at+shownDevices <= maxShown {
		return rows
	}
	device := s.Rows[at:min(at+shownDevices, len(s.Rows))]
	return append(slices.Clone(rows[:maxShown-len(device)]), device...)
}

// shortName is a kernel's own name out of the one that the compiler made of it: "at::native::softmax" of
// "_ZN2at6native7softmaxIfEEvPT_". Other names stay.
func shortName(name string) string {
	rest, mangled := strings.CutPrefix(name, "_Z")
	if !mangled {
		return name
	}
	rest, nested := strings.CutPrefix(rest, "N")
	var parts []string
	for {
		rest = strings.TrimPrefix(rest, "L") // of this file alone
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n > len(rest)-digits {
			break
		}
		if part := rest[digits : digits+n]; !strings.HasPrefix(part, "_GLOBAL__N") {
			parts = append(parts, part)
		}
		rest = rest[digits+n:]
		if !nested {
			break
		}
	}
	if len(parts) == 0 {
		return name
	}
	return strings.Join(parts, "::")
}
