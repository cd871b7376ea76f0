package bench

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/atomicfile"
)

// Save writes every picture into dir, as req_0000_0.png: the request's number, then the picture's. It returns how many.
func Save(dir string, outcomes []Outcome) (int, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fmt.Errorf("make the folder for the pictures: %w", err)
	}
	saved := 0
	for i, o := range outcomes {
		if o.Err != nil {
			continue
		}
		for k, p := range o.Pictures {
			name := fmt.Sprintf("req_%04d_%d.%s", i, k, p.Ext)
			if err := atomicfile.Bytes(filepath.Join(dir, name), p.Data); err != nil {
				return saved, err
			}
			saved++
		}
	}
	return saved, nil
}
