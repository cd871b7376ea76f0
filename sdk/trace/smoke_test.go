package trace

import (
	"path/filepath"
	"testing"
)

func TestSmoke(t *testing.T) {
	r := New(Options{})
	defer r.Close()
	n := Name("a")
	if err := r.Start(Start{Path: filepath.Join(t.TempDir(), "x.seg"), MaxBytes: 1 << 24}); err != nil {
		t.Fatal(err)
	}
	k := r.Track("w")
	k.SetRequest("r1")
	for range 1000 {
		s := k.BeginArgs(n, Int(n, 1), String(n, "hello"))
		k.Count(n, 3)
		k.Begin(n).End()
		s.EndArgs(Float(n, 1))
	}
	t.Log(r.Stats())
	st, err := r.Stop()
	t.Log(st, err, mapped.Load())
	k.Begin(n).End()
}

func BenchmarkSpan(b *testing.B) {
	r := New(Options{})
	defer r.Close()
	n := Name("a")
	if err := r.Start(Start{Path: filepath.Join(b.TempDir(), "x.seg"), MaxBytes: 1 << 30}); err != nil {
		b.Fatal(err)
	}
	k := r.Track("w")
	for b.Loop() {
		k.Begin(n).End()
		if k.stop-k.next < 64 {
			k.next = k.chunk + 64
		}
	}
	b.Log(r.Stats())
}
func BenchmarkOff(b *testing.B) {
	r := New(Options{})
	n := Name("a")
	k := r.Track("w")
	for b.Loop() {
		k.Begin(n).End()
	}
}
func BenchmarkClock(b *testing.B) {
	for b.Loop() {
		counter()
		counter()
	}
}
