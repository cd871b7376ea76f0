package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugin"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// instantArg makes the test binary serve the plugin "instant".
const instantArg = "serve-instant-model"

func serveInstant() { plugin.ServeModel(&instantModel{}) }

// instantModel is a model plugin that answers at once, or after a delay: what a server takes is then the server's own.
// Its pictures hold the request's seed, by which an answer is known to be the caller's, and it writes down whom it served.
type instantModel struct {
	config struct {
		Delay  time.Duration `strobe:"delay" default:"0s" doc:"time that an answer takes"`
		Served string        `strobe:"served" default:"" doc:"folder of the lists of served requests; empty: none is kept"`
	}
}

var instantName = trace.NameIn(trace.CategoryOperator, "instant::work")

// instantSide is the side of its pictures in pixels.
const instantSide = 16

func (m *instantModel) Describe() model.Description {
	return model.Description{Name: "instant", Version: "0", Summary: "answers at once", Config: &m.config}
}

func (m *instantModel) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	s := &instantSession{delay: m.config.Delay, track: rec.Track("worker")}
	if m.config.Served == "" {
		return s, nil
	}
	var err error
	s.served, err = os.OpenFile(filepath.Join(m.config.Served, fmt.Sprint(os.Getpid())), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return s, err
}

type instantSession struct {
	delay  time.Duration
	track  *trace.Track
	served *os.File
}

func (s *instantSession) Info() model.Info {
	return model.Info{Makes: true, Max: model.Size{Width: 1 << 14, Height: 1 << 14}, DefaultSteps: 1, MaxSteps: 200}
}

// Generate gives pictures of one size, whatever is asked for: big ones are not what is tried here.
func (s *instantSession) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	s.track.SetRequest(req.ID)
	span := s.track.Begin(instantName)
	s.track.FlowIn(req.Flow)
	if s.served != nil {
		fmt.Fprintln(s.served, req.ID)
	}
	select {
	case <-time.After(s.delay):
	case <-ctx.Done():
	}
	span.End()
	progress(model.Progress{Step: 1, Steps: 1})
	res := &model.Result{Steps: 1}
	for range req.Count {
		img := model.Image{Width: instantSide, Height: instantSide, Pixels: make([]byte, 3*instantSide*instantSide)}
		binary.LittleEndian.PutUint64(img.Pixels, req.Seed)
		res.Images = append(res.Images, img)
	}
	return res, nil
}

func (s *instantSession) Close() error {
	if s.served != nil {
		return s.served.Close()
	}
	return nil
}

// instant is what a test asks of a server of the instant model.
type instant struct {
	delay    time.Duration
	replicas int    // 1 when 0
	served   string // folder
	server   string // more lines of the block server
	profile  string // and of profile
	more     string // more blocks
}

// startInstant serves the instant model in a folder of its own.
func startInstant(t testing.TB, in instant) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := fmt.Sprintf(`
server {
  model     = "instant"
  profilers = ["chrome"]
  %s
}
profile {
  max_bytes = "64MiB"
  %s
}
model "instant" {
  stage "diffusion" {
    plugin   = "instant"
    replicas = %d
    config {
      delay  = %q
      served = %q
    }
  }
}
profiler "chrome" {}
plugin "instant" {
  kind    = "model"
  command = [%q, %q]
}
%s`, in.server, in.profile, max(1, in.replicas), in.delay, in.served, exe, instantArg, in.more)
	if err := os.WriteFile(filepath.Join(dir, "plugins.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return startServerIn(t, dir)
}
