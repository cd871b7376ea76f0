package profile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// patience is how many times longer an export of a recording that has ended may take than one that followed it: it starts
// from the beginning, in a process that runs when nothing else wants the processor.
const patience = 6

// offline is the export of a recording that has ended. It takes the road of a live export: the profiler follows the
// folder, which does not grow any more.
type offline struct {
	exporter  Exporter
	recording string           // the folder of the segments
	profile   profiler.Profile // Dir: an existing folder, where the artifacts go
	stopped   time.Time
	segments  []string  // file names
	since     time.Time // what was over before is left out; zero: nothing is
	// Bounds of Open and Finish. Both end with the context, too.
	openTimeout, finishTimeout time.Duration
	log                        *slog.Logger
}

// run exports. Beside an error the reply may hold what was read; told says whether it does.
func (o *offline) run(ctx context.Context) (reply wire.FinishReply, told bool, err error) {
	abort := func() {
		res := bounded(context.WithoutCancel(ctx), o.log, o.openTimeout, o.exporter.Abort, nil)
		if res.err != nil {
			o.log.Warn("abort an export", logID, o.profile.ID, logProfiler, o.exporter.Name(), logError, res.err)
		}
	}
	opened := bounded(ctx, o.log, o.openTimeout, func(ctx context.Context) error {
		return o.exporter.Open(ctx, wire.OpenRequest{RecordingDir: o.recording, Since: o.since, Profile: o.profile})
	}, abort)
	if opened.err != nil {
		return reply, false, opened.err
	}
	got := make(chan wire.FinishReply, 1)
	done := bounded(ctx, o.log, o.finishTimeout, func(ctx context.Context) error {
		r, err := o.exporter.Finish(ctx, wire.FinishRequest{Stopped: o.stopped, Segments: o.segments})
		got <- r
		return err
	}, nil)
	if done.unsure {
		abort()
	}
	select {
	case reply = <-got:
	default:
	}
	return reply, done.err == nil || len(reply.Processes) > 0, done.err
}

// errGone says that a folder holds no segment.
var errGone = errors.New("it holds no segment (*.seg)")

// segmentsIn are the segments in a folder, sorted.
func segmentsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".seg" && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, errGone
	}
	slices.Sort(names)
	return names, nil
}

// FolderExport says how a folder is exported, without a manager.
type FolderExport struct {
	// Dir is a profile's directory, or a folder of segments.
	Dir string
	// Out is where the artifacts go; it is made when missing. Files of their names that lie there are replaced, each at
	// once, when all of them are whole.
	Out      string
	Exporter Exporter
	MaxBytes int64         // bounds the artifacts; 0: no bound
	Timeout  time.Duration // of the export; none when zero
	Log      *slog.Logger  // nil: slog.Default
}

// ExportFolder exports a recording that lies in a folder and gives the artifacts, their paths relative to Out. What the
// profile's manifest says of it is used when there is one; nothing in Dir is changed, unless it is Out.
func ExportFolder(ctx context.Context, f FolderExport) (artifacts []Artifact, reply wire.FinishReply, err error) {
	if f.Log == nil {
		f.Log = slog.Default()
	}
	dir, p, stopped, err := describeFolder(ctx, f.Dir)
	if err != nil {
		return nil, reply, fmt.Errorf("read the recording %q: %w", f.Dir, err)
	}
	segments, err := segmentsIn(dir)
	if err != nil {
		return nil, reply, fmt.Errorf("read the recording %q: %w", f.Dir, err)
	}
	out, err := filepath.Abs(f.Out)
	if err == nil {
		err = os.MkdirAll(out, 0o755)
	}
	if err != nil {
		return nil, reply, fmt.Errorf("make the folder to write to: %w", err)
	}
	lock, err := lockDir(out)
	if err != nil {
		return nil, reply, fmt.Errorf("write to %q: %w", f.Out, err)
	}
	defer lock.Close()
	s, err := newStaging(out)
	if err != nil {
		return nil, reply, err
	}
	defer s.remove()
	p.Dir, p.Previous, p.MaxBytes, p.Log = s.files(), out, f.MaxBytes, f.Log
	o := offline{exporter: f.Exporter, recording: dir, profile: p, stopped: stopped, segments: segments, openTimeout: folderOpenTimeout, finishTimeout: f.Timeout, log: f.Log}
	defaultTo(&o.finishTimeout, 24*time.Hour)
	if v, err := readManifest(filepath.Join(dir, filepath.Base(manifestName)), p.ID); err == nil {
		o.since = v.since()
	}
	reply, _, err = o.run(ctx)
	if err != nil {
		return nil, reply, err
	}
	var taken names
	artifacts, err = acceptIn(s.files(), p.ID, f.Exporter.Name(), reply.Artifacts, &taken)
	if err != nil {
		return nil, reply, err
	}
	return artifacts, reply, s.moveTo(out, artifacts)
}

// folderOpenTimeout bounds a profiler's start for a folder.
const folderOpenTimeout = 30 * time.Second

// describeFolder finds the segments' folder and what is known of the profile: from its manifest, else from the folder's
// name and the first event.
func describeFolder(ctx context.Context, dir string) (string, profiler.Profile, time.Time, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", profiler.Profile{}, time.Time{}, err
	}
	if info, err := os.Stat(filepath.Join(dir, recordingName)); err == nil && info.IsDir() {
		dir = filepath.Join(dir, recordingName)
	}
	home := dir
	if filepath.Base(dir) == recordingName {
		home = filepath.Dir(dir)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	p := profiler.Profile{ID: filepath.Base(home), Host: host}
	v, err := readManifest(filepath.Join(dir, filepath.Base(manifestName)), p.ID)
	if err == nil {
		err = readMarks(home, &v)
	}
	if err == nil {
		p.Model, p.Label, p.Started, p.Filter = v.Model, v.Label, v.StartedAt, v.filter()
		return dir, p, v.stopped(), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", p, time.Time{}, err
	}
	p.Started, p.Model, err = firstEvent(ctx, dir)
	return dir, p, p.Started, err
}

// stopped is when the recording ended, as far as it is known.
func (v *View) stopped() time.Time {
	if v.StoppedAt != nil {
		return *v.StoppedAt
	}
	return v.StartedAt.Add(time.Duration(v.DurationS * float64(time.Second)))
}

// firstEvent is when a recording without a manifest began, roughly, and the model that it is about.
func firstEvent(ctx context.Context, dir string) (began time.Time, model string, err error) {
	began = time.Now()
	enough := errors.New("enough was read")
	_, err = recording.Read(ctx, dir, func(b *recording.Batch) error {
		for i := range b.Events {
			if t := time.Unix(0, b.Events[i].Start); t.Before(began) {
				began = t
			}
		}
		model = b.Process.Model
		return enough
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return began.UTC(), model, err
}
