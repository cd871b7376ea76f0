//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"testing"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// BenchmarkDecode reads buffers of a busy step: for each launch the span around it, the call and the kernel, of 40
// kernels. It counts what the library delivers; everything but the spans is written into the recording.
func BenchmarkDecode(b *testing.B) {
	for name, version := range map[string]int64{"12.8": 26, "13.4": 130400} {
		b.Run(name, func(b *testing.B) {
			s := stand(b)
			s.set(setVersion, version)
			r := trace.New(trace.Options{})
			defer r.Close()
			lib, err := loadCUPTI(s.path)
			if err != nil {
				b.Fatal(err)
			}
			start(b, r, trace.Start{MaxBytes: 8 << 30})
			pool := newPool()
			pool.open(bufferBytes)
			at := pool.take()
			var names [40]*byte
			for i := range names {
				names[i] = cText("_ZN7cutlass6KernelI" + string(rune('A'+i)) + "EEvNT_6ParamsE_with_a_name_of_some_length_as_templates_have_them")
			}
			c := &clock{read: bothClocks(r, lib)}
			c.look()
			c.look()
			d := newDecoder(r, lib, uint32(version), c, &requests{})
			valid := int(s.fill((*byte)(pointer(at)), bufferBytes, unsafe.SliceData(names[:]), uint64(len(names)), c.pairs[0].ns))
			for b.Loop() {
				d.buffer(at, valid)
			}
			b.ReportMetric(float64(d.counts.records)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(d.counts.records), "ns/record")
			b.ReportMetric(float64(r.Stats().Lost.Total())/float64(d.counts.records), "lost/record")
		})
	}
}

// BenchmarkSpan is a span on a bound thread with a library attached, beside one that nobody is told of.
func BenchmarkSpan(b *testing.B) {
	s := stand(b)
	for _, mode := range []Mode{Off, Required} {
		b.Run(string(mode), func(b *testing.B) {
			r, c := collect(b, Options{Mode: mode, Library: s.path})
			start(b, r, trace.Start{MaxBytes: 4 << 30})
			th := c.Bind(r.Track("worker"))
			for b.Loop() {
				th.Begin(nameLinear).End()
			}
			th.Release()
			stop(b, r)
		})
	}
}
