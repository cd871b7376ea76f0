package chrome

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// Finish implements profiler.Sink: the last blocks, the tails, then the final names.
func (s *sink) Finish(ctx context.Context, sum profiler.Summary) ([]profiler.Artifact, error) {
	if s.closed {
		return nil, errors.New("finish: the profile is finished")
	}
	s.closed = true
	defer s.out.close()
	err := ctx.Err()
	if err == nil {
		err = s.complete(sum)
	}
	if err == nil {
		err = s.publish()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("finish the trace: %w", err), s.discard())
	}
	return s.artifacts(), nil
}

// complete ends every file under its hidden name. A model's process without an event has a file, too.
func (s *sink) complete(sum profiler.Summary) error {
	for i := range sum.Processes {
		if r := sum.Processes[i].Process; r != nil {
			if _, err := s.process(r); err != nil {
				return err
			}
		}
	}
	for _, p := range s.processes {
		s.settle(p)
		if err := s.flush(p); err != nil {
			return err
		}
	}
	if err := s.flushArrows(); err != nil {
		return err
	}
	if err := s.out.wait(); err != nil {
		return err
	}
	for _, p := range s.processes {
		if p.file != nil {
			if err := s.end(p.file, s.tail(sum, p)); err != nil {
				return err
			}
		}
	}
	return s.end(s.merged, s.tail(sum, nil))
}

func (s *sink) end(f *gzFile, tail []byte) error {
	b, err := s.out.pack.pack(tail, true)
	if err != nil {
		return err
	}
	if err := f.add(b); err != nil {
		return err
	}
	return f.finish()
}

// publish names the files, the merged one last.
func (s *sink) publish() error {
	for _, p := range s.processes {
		if p.file != nil {
			if err := p.file.publish(); err != nil {
				return err
			}
		}
	}
	return s.merged.publish()
}

func (s *sink) artifacts() []profiler.Artifact {
	var list []profiler.Artifact
	all := profiler.Artifact{Name: mergedName(s.profile.ID), MediaType: artifactType, Bytes: s.merged.bytes, SHA256: s.merged.sha256()}
	for _, p := range s.processes {
		all.Events += p.written
		all.Dropped += p.dropped
		if p.file == nil {
			continue
		}
		stage, rank := p.recorded.Stage, p.recorded.Rank
		list = append(list, profiler.Artifact{
			Name: p.name, MediaType: artifactType, Bytes: p.file.bytes, SHA256: p.file.sha256(),
			Stage: &stage, Rank: &rank, StageName: p.recorded.StageName,
			Events: p.written, Dropped: p.dropped,
		})
	}
	return append(list, all)
}

// Abort implements profiler.Aborter: nothing of the profile stays.
func (s *sink) Abort(context.Context) error {
	s.closed = true
	return s.discard()
}

func (s *sink) discard() error {
	s.out.close()
	err := s.merged.discard()
	for _, p := range s.processes {
		if p.file != nil {
			err = errors.Join(err, p.file.discard())
		}
	}
	_ = os.Remove(filepath.Dir(s.merged.final)) // stays when something is in it
	return err
}
