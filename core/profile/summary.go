package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

// maxSummary bounds a summary that is read from disk, bytes.
const maxSummary = 16 << 20

// saveSummary keeps the table that a profiler process computed along with its export.
func (m *Manager) saveSummary(p *entry, v *View, exports []exported) {
	for _, e := range exports {
		if !e.answered {
			continue
		}
		if err := writeJSON(filepath.Join(p.dir, summaryName), e.reply.Table); err != nil {
			v.Warnings = append(v.Warnings, "the summary was not written: "+err.Error())
		}
		return
	}
}

// readSummary reads the table kept with a profile.
func readSummary(dir string) (summary.Table, error) {
	var t summary.Table
	f, err := os.Open(filepath.Join(dir, summaryName))
	if err != nil {
		return t, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSummary+1))
	if err == nil && len(data) > maxSummary {
		err = fmt.Errorf("it is larger than %d bytes", maxSummary)
	}
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return t, fmt.Errorf("read the summary: %w", err)
	}
	return t, nil
}

// summaryTimeout bounds the reading of a recording for its summary.
const summaryTimeout = 5 * time.Minute

// Summary is the table of an ended profile: the one that came with its export, else computed from its recording by
// the same aggregator, and kept.
func (m *Manager) Summary(id string) (summary.Table, error) {
	v, err := m.Get(id)
	if err != nil {
		return summary.Table{}, err
	}
	if !v.State.Final() {
		return summary.Table{}, &Error{Code: CodeActive, ID: id, Message: fmt.Sprintf("profile %s is %s; its summary comes when it has ended: stop it first", id, v.State)}
	}
	m.summaries.Lock()
	defer m.summaries.Unlock()
	dir := filepath.Join(m.dir, v.ID)
	t, err := readSummary(dir)
	if err == nil {
		return t, nil
	}
	if !os.IsNotExist(err) {
		m.log.Warn("read a profile's summary; it is computed again", logID, id, logError, err)
	}
	t, _, err = computeSummary(m.base, filepath.Join(dir, recordingName), v.since(), v.filter())
	if err != nil {
		return t, &Error{Code: CodeNotFound, ID: id, Err: err, Message: fmt.Sprintf("profile %s has no summary, and its recording cannot be read: %v", id, err)}
	}
	if err := writeJSON(filepath.Join(dir, summaryName), t); err != nil {
		m.log.Warn("keep a profile's summary", logID, id, logError, err)
	}
	return t, nil
}

// computeSummary reads a recording from its beginning: what passes a filter, without what was over before since.
func computeSummary(ctx context.Context, dir string, since time.Time, only recording.Filter) (summary.Table, []recording.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, summaryTimeout)
	defer cancel()
	var a summary.Aggregator
	o := recording.Options{Filter: only}
	if !since.IsZero() {
		o.Since = since.UnixNano()
	}
	f := recording.Follow(dir, o)
	defer f.Close()
	read, err := f.Finish(ctx, func(b *recording.Batch) error {
		a.Add(b)
		return nil
	})
	if err != nil {
		return summary.Table{}, nil, err
	}
	a.AddLosses(read)
	return a.Table(), read, nil
}
