package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugin"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// countedArg makes the test binary serve the plugin "counted".
const countedArg = "serve-counted-model"

func serveCounted() { plugin.ServeModel(&countedModel{}) }

// countedModel is a model plugin that is its own oracle: two threads record numbered spans without a pause, and each
// writes into a file that is not ours how far it is, after each Begin and after each End has returned. The kernel keeps
// what is in a mapped file however the process ends.
type countedModel struct {
	config struct {
		Counters string `strobe:"counters" doc:"folder of the counters"`
	}
}

const countedWorkers = 2

var (
	countedName   = trace.NameIn(trace.CategoryOperator, "oracle::work")
	countedSeq    = trace.Name("seq")
	countedWorker = trace.Name("worker")
	countedPID    = trace.Name("process")
)

func (m *countedModel) Describe() model.Description {
	return model.Description{Name: "counted", Version: "0", Summary: "counts what it records", Config: &m.config}
}

func (m *countedModel) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	words, err := mapCounters(filepath.Join(m.config.Counters, fmt.Sprint(os.Getpid())))
	if err != nil {
		return nil, err
	}
	s := &countedSession{end: make(chan struct{}), track: rec.Track("worker")}
	for w := range countedWorkers {
		track := rec.Track(fmt.Sprintf("oracle %d", w))
		s.work.Go(func() { s.count(track, w, words[2*w:2*w+2]) })
	}
	return s, nil
}

// mapCounters maps a new file of words.
func mapCounters(path string) ([]uint64, error) {
	const bytes = 8 * 2 * countedWorkers
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(bytes); err != nil {
		return nil, err
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&mapped[0])), 2*countedWorkers), nil
}

type countedSession struct {
	track *trace.Track
	end   chan struct{}
	work  sync.WaitGroup
}

func (s *countedSession) count(track *trace.Track, worker int, at []uint64) {
	for seq := uint64(1); ; seq++ {
		span := track.BeginArgs(countedName, trace.Int(countedSeq, int64(seq)), trace.Int(countedWorker, int64(worker)),
			trace.Int(countedPID, int64(os.Getpid())))
		atomic.StoreUint64(&at[0], seq)
		within := s.rest(worker == 0 && seq%16 == 0) // kills are to hit open spans, too
		span.End()
		atomic.StoreUint64(&at[1], seq)
		if after := s.rest(worker != 0 && seq%16 == 0); !within || !after {
			return
		}
	}
}

// rest waits a little if long, else hardly at all. It reports false when the session ends.
func (s *countedSession) rest(long bool) bool {
	if long {
		time.Sleep(2 * time.Millisecond)
	}
	select {
	case <-s.end:
		return false
	default:
		return true
	}
}

func (s *countedSession) Info() model.Info {
	return model.Info{Makes: true, Sizes: []model.Size{{Width: 16, Height: 16}}, DefaultSteps: 1, MaxSteps: 100}
}

func (s *countedSession) Generate(_ context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
	s.track.SetRequest(req.ID)
	span := s.track.Begin(countedName)
	s.track.FlowIn(req.Flow)
	time.Sleep(time.Millisecond)
	span.End()
	return &model.Result{Steps: 1, Images: []model.Image{{Width: 16, Height: 16, Pixels: make([]byte, 3*16*16)}}}, nil
}

func (s *countedSession) Close() error {
	close(s.end)
	s.work.Wait()
	return nil
}

// counters are how far each thread of a process is.
type counters [countedWorkers]struct{ begun, ended uint64 }

// readCounters reads what a process wrote, dead or alive.
func readCounters(t *testing.T, dir string, pid int) counters {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(pid)))
	if err != nil || len(data) != 16*countedWorkers {
		t.Fatalf("read counters of process %d: %d bytes, %v", pid, len(data), err)
	}
	var c counters
	for w := range c {
		c[w].begun = binary.NativeEndian.Uint64(data[16*w:])
		c[w].ended = binary.NativeEndian.Uint64(data[16*w+8:])
	}
	return c
}
