package nsight

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// TestColumns compares every table of a file, column by column, with a list of our own that was not made from the code.
func TestColumns(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "columns.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want, table := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if column, ok := strings.CutPrefix(line, "  "); ok {
			want[table] = append(want[table], column)
		} else if line != "" && line[0] != '#' {
			table = line
		}
	}
	g := newGPU(0)
	g.step()
	path, _ := export(t, profileIn(t.TempDir()), &recording.Batch{Process: &g.Process, Events: g.events})
	db := open(t, path)
	seen := map[string]bool{}
	for _, name := range query(t, db, "SELECT name FROM sqlite_master WHERE type = 'table'") {
		var got []string
		for _, row := range query(t, db, "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?)", name) {
			f := strings.Split(row, " | ")
			column := f[0] + " " + f[1]
			if f[2] == "1" {
				column += " not null"
			}
			if f[3] == "1" {
				column += " key"
			}
			got = append(got, column)
		}
		key := name
		if strings.HasPrefix(name, "ENUM_") {
			key = "ENUM_"
		}
		seen[key] = true
		if d := cmp.Diff(want[key], got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if len(seen) != len(want) {
		t.Error(fmt.Sprintf("%d kinds of tables of %d", len(seen), len(want)), seen)
	}
}
