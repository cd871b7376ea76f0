package profile

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
