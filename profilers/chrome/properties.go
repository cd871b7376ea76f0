package chrome

import (
	"fmt"
	"strconv"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// maxDevices bounds the list of devices.
const maxDevices = 256

// properties are Kineto's words for what is recorded of a device, in Kineto's order.
var properties = [...]struct{ key, fact string }{
	{"name", "name"}, {"totalGlobalMem", "total memory"}, {"computeMajor", "compute major"}, {"computeMinor", "compute minor"},
	{"maxThreadsPerBlock", "max threads per block"}, {"maxThreadsPerMultiprocessor", "max threads per multiprocessor"},
	{"regsPerBlock", "registers per block"}, {"warpSize", "warp size"}, {"sharedMemPerBlock", "shared memory per block"},
	{"numSms", "multiprocessors"}, {"regsPerMultiprocessor", "registers per multiprocessor"},
	{"sharedMemPerBlockOptin", "shared memory per block opt-in"}, {"sharedMemPerMultiprocessor", "shared memory per multiprocessor"},
}

// deviceProperties lists the devices by number, without a gap, as readers take the number for the place in the list. What was not
// recorded of a device is left out. p is nil for all processes.
func (s *sink) deviceProperties(p *process) []byte {
	var facts [maxDevices]*recording.Fact
	count := 0 // bounded, as a damaged recording may hold any number
	for _, o := range s.processes {
		for _, d := range o.devices {
			if (p == nil || p == o) && d.pid < maxDevices {
				count = max(count, d.pid+1)
				facts[d.pid] = o.recorded.Fact("cuda device", uint64(d.id))
			}
		}
	}
	b := []byte{'['}
	for id, f := range facts[:count] {
		if id > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"id":%d`, id)
		for _, w := range properties {
			switch a := f.Arg(w.fact); a.Type {
			case 0:
			case trace.TypeInt:
				b = fmt.Appendf(b, `,"%s":%d`, w.key, a.Int)
			default:
				b = appendString(fmt.Appendf(b, `,"%s":`, w.key), a.Text)
			}
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// deviceMetadata adds Kineto's metadata of devices: versions, and a warning for each process without device events that were wanted.
func (s *sink) deviceMetadata(b []byte, p *process) []byte {
	warnings := 0
	said := false
	for _, o := range s.processes {
		if p != nil && p != o {
			continue
		}
		f := o.recorded.Fact("cuda", 0)
		if driver := f.Arg("driver version"); driver.Type == trace.TypeInt && !said {
			b = strconv.AppendInt(append(b, ",\n\"cuda_driver_version\":"...), driver.Int, 10)
			b = appendString(append(b, ",\n\"cupti_version\":"...), f.Arg("cupti version").Text)
			said = true
		}
	}
	for _, o := range s.processes {
		if f := o.recorded.Fact("cuda", 0); p != nil && p != o || f.Arg("reason").Text == "" {
			continue
		}
		head := ","
		if warnings == 0 {
			head = ",\n\"WARNING\":["
		}
		b = appendString(append(b, head...), title(o.recorded)+": device events: "+deviceEvents(o.recorded))
		warnings++
	}
	if warnings > 0 {
		b = append(b, ']')
	}
	return b
}

// deviceEvents says whether a process recorded what its devices did, and why not; empty when it never tried.
func deviceEvents(r *recording.Process) string {
	f := r.Fact("cuda", 0)
	text := f.Arg("state").Text
	if why := f.Arg("reason").Text; why != "" {
		text += ": " + why
	}
	return text
}
