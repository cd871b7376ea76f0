//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"fmt"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// attributes are what recordings say of a device, by CUDA's numbers. What a card does not say is left out.
var attributes = []struct {
	number int32
	key    string
}{
	{1, "max threads per block"}, {2, "max block dim x"}, {3, "max block dim y"}, {4, "max block dim z"}, {5, "max grid dim x"},
	{6, "max grid dim y"}, {7, "max grid dim z"}, {8, "shared memory per block"}, {9, "constant memory"}, {10, "warp size"},
	{12, "registers per block"}, {13, "clock rate kHz"}, {16, "multiprocessors"}, {18, "integrated"}, {36, "memory clock rate kHz"},
	{37, "memory bus bits"}, {38, "L2 cache bytes"}, {39, "max threads per multiprocessor"}, {40, "async engines"},
	{75, "compute major"}, {76, "compute minor"}, {81, "shared memory per multiprocessor"}, {82, "registers per multiprocessor"},
	{97, "shared memory per block opt-in"}, {106, "max blocks per multiprocessor"},
}

// describe records what the devices are.
func (d *driver) describe(rec *trace.Recorder, v *vocabulary, devices int) {
	handle := new(int32)
	for i := range int32(devices) {
		if d.device(handle, i) != 0 {
			continue
		}
		dev := *handle
		var args []trace.Arg
		if s, ok := text(func(to *byte, size int32) int32 { return d.name(to, size, dev) }); ok {
			args = append(args, trace.String(trace.Name("name"), s))
		}
		if s, ok := text(func(to *byte, size int32) int32 { return d.busID(to, size, dev) }); ok {
			args = append(args, trace.String(trace.Name("PCI bus id"), s))
		}
		uuid := new([16]byte)
		if d.uuid(uuid, dev) == 0 {
			args = append(args, trace.String(trace.Name("uuid"), fmt.Sprintf("%x-%x-%x-%x-%x", uuid[:4], uuid[4:6], uuid[6:8], uuid[8:10], uuid[10:])))
		}
		memory := new(uint64)
		if d.memory(memory, dev) == 0 {
			args = append(args, trace.Int(trace.Name("total memory"), int64(*memory)))
		}
		value := new(int32)
		for _, a := range attributes {
			if d.attribute(value, a.number, dev) == 0 {
				args = append(args, trace.Int(trace.Name(a.key), int64(*value)))
			}
		}
		rec.Fact(v.factDevice, uint64(i), args...)
	}
}
