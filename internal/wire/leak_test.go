package wire

import (
	"os"
	"runtime"
	"testing"

	"github.com/strobe-dev/strobe/sdk/model"
)

// TestLaunchesLeakNothing counts what go-plugin and we keep open over many lives of a plugin, failed ones too.
func TestLaunchesLeakNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts /proc/self/fd")
	}
	h := testHost(t)
	round := func() {
		p, err := h.Launch(t.Context(), testSpec("model", nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, err = h.Launch(t.Context(), testSpec("model", nil))
		if err != nil {
			t.Fatal(err)
		}
		kill(p.PID())
		<-p.Done()
		p.Close(t.Context())
		if _, err := h.Launch(t.Context(), testSpec("exit", nil)); err == nil {
			t.Fatal("launched")
		}
	}
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	round()
	files, goroutines := open(), runtime.NumGoroutine()
	for range 10 {
		round()
	}
	eventually(t, "files and goroutines are back", func() bool { return open() <= files+2 && runtime.NumGoroutine() <= goroutines+4 })
	if left, err := os.ReadDir(h.dir); err != nil || len(left) > 0 {
		t.Errorf("left in the runtime folder: %v %v", left, err)
	}
}

func BenchmarkLaunch(b *testing.B) {
	h := testHost(b)
	for b.Loop() {
		p, err := h.Launch(b.Context(), testSpec("model", nil))
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		p.Close(b.Context())
		b.StartTimer()
	}
}

func BenchmarkGenerate(b *testing.B) {
	p := ready(b, testHost(b), nil)
	for _, test := range []struct {
		name string
		side int
	}{{"2x2", 2}, {"1024x1024", 1024}} {
		b.Run(test.name, func(b *testing.B) {
			r := &model.Request{Size: model.Size{Width: test.side, Height: test.side}}
			for b.Loop() {
				if _, err := p.Generate(b.Context(), r, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
