package plugintest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strobe-dev/strobe/sdk/model"
)

// giantNames sends texts as long as a caller can make them. A request may be refused; the next must work.
func (c modelChecks) giantNames(ctx context.Context, p *Plugin) error {
	_, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "plugintest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := p.StartRecording(ctx, filepath.Join(dir, "rank.seg")); err != nil {
		return err
	}
	giant := strings.Repeat("é\"\n\\ heart ", 64<<10)
	odd := *r
	odd.ID, odd.Prompt, odd.NegativePrompt = giant, giant, giant
	odd.Extra = map[string]string{"no_such_field": `"` + strings.Repeat("x", 1<<20) + `"`}
	_, err = p.Generate(ctx, &odd, nil)
	if _, refused := model.AsRequestError(err); err != nil && !refused {
		return fmt.Errorf("texts of a megabyte: serve them, or refuse them with BadRequest: %w", err)
	}
	if _, err := p.Generate(ctx, r, nil); err != nil {
		return fmt.Errorf("after texts of a megabyte: %w", err)
	}
	_, err = p.StopRecording(ctx)
	return err
}
