package coretest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

var rankSegment = regexp.MustCompile(`^stage_(\d+)_(.*)_rank(\d+)\.seg$`)

// Exporter is a profiler in memory: a profile.Exporter. Set its fields before it is used.
type Exporter struct {
	Label string // the profiler's name

	// OnOpen, OnFinish and OnAbort come before what the methods do; an error is theirs. Edit changes Finish's reply.
	OnOpen   func(ctx context.Context, r wire.OpenRequest) error
	OnFinish func(ctx context.Context, r wire.FinishRequest) error
	OnAbort  func(ctx context.Context) error
	Edit     func(dir string, reply *wire.FinishReply)

	mu       sync.Mutex
	open     *wire.OpenRequest
	opens    []wire.OpenRequest
	finishes []wire.FinishRequest
	aborts   int
}

// NewExporter makes a profiler that answers at once.
func NewExporter(name string) *Exporter { return &Exporter{Label: name} }

// Name is the profiler's name.
func (x *Exporter) Name() string { return x.Label }

// Opens are the profiles that were opened, in order.
func (x *Exporter) Opens() []wire.OpenRequest {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]wire.OpenRequest{}, x.opens...)
}

// Finishes are the profiles that were finished, in order.
func (x *Exporter) Finishes() []wire.FinishRequest {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]wire.FinishRequest{}, x.finishes...)
}

// Aborts is how many Aborts there were.
func (x *Exporter) Aborts() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.aborts
}

// IsOpen reports whether a profile is open.
func (x *Exporter) IsOpen() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.open != nil
}

// Mend takes the profiler's hooks away, at any time.
func (x *Exporter) Mend() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.OnOpen, x.OnFinish, x.OnAbort, x.Edit = nil, nil, nil, nil
}

// Open begins a profile's export.
func (x *Exporter) Open(ctx context.Context, r wire.OpenRequest) error {
	x.mu.Lock()
	hook := x.OnOpen
	x.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, r); err != nil {
			return err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open != nil {
		return errors.New("a profile is open already")
	}
	x.open = &r
	x.opens = append(x.opens, r)
	return nil
}

// Finish writes one artifact for each rank's segment and a merged one.
func (x *Exporter) Finish(ctx context.Context, r wire.FinishRequest) (wire.FinishReply, error) {
	x.mu.Lock()
	open, hook, edit := x.open, x.OnFinish, x.Edit
	x.open = nil
	x.finishes = append(x.finishes, r)
	x.mu.Unlock()
	if open == nil {
		return wire.FinishReply{}, errors.New("no profile is open")
	}
	var reply wire.FinishReply
	if hook != nil {
		if err := hook(ctx, r); err != nil {
			if edit != nil { // a profiler that failed may still tell what it read
				edit(open.Profile.Dir, &reply)
			}
			return reply, err
		}
	}
	for _, name := range r.Segments {
		m := rankSegment.FindStringSubmatch(name)
		if m == nil {
			continue // core
		}
		stage, _ := strconv.Atoi(m[1])
		rank, _ := strconv.Atoi(m[3])
		a := profiler.Artifact{Name: x.Label + "/" + strings.TrimSuffix(name, ".seg") + ".json", Stage: &stage, StageName: m[2], Rank: &rank}
		if err := x.write(open.Profile.Dir, a, &reply); err != nil {
			return reply, err
		}
	}
	err := x.write(open.Profile.Dir, profiler.Artifact{Name: x.Label + "/merged/" + open.Profile.ID + ".json"}, &reply)
	if edit != nil {
		edit(open.Profile.Dir, &reply)
	}
	return reply, err
}

// write makes an artifact with its own name in it.
func (x *Exporter) write(dir string, a profiler.Artifact, reply *wire.FinishReply) error {
	path := filepath.Join(dir, filepath.FromSlash(a.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf("{\"traceEvents\":[],\"name\":%q}\n", a.Name)
	a.Bytes, a.MediaType = int64(len(text)), "application/json"
	reply.Artifacts = append(reply.Artifacts, a)
	return os.WriteFile(path, []byte(text), 0o600)
}

// Abort drops the profile.
func (x *Exporter) Abort(ctx context.Context) error {
	x.mu.Lock()
	x.aborts++
	x.open = nil
	hook := x.OnAbort
	x.mu.Unlock()
	if hook != nil {
		return hook(ctx)
	}
	return nil
}
