package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Known names the built-in plugins, which a stage or profiler may name without a plugin block.
type Known struct {
	Models, Profilers []string
}

// File is a configuration's name and text.
type File struct {
	Name string
	Text []byte
}

// Find answers the configuration to use: the file named by flag when it is not empty, else plugins.hcl in the working
// folder, else builtIn under the name [BuiltInName].
func Find(flag string, builtIn []byte) (File, error) {
	if flag != "" {
		return open(flag)
	}
	f, err := open("plugins.hcl")
	if errors.Is(err, fs.ErrNotExist) {
		return File{Name: BuiltInName, Text: builtIn}, nil
	}
	return f, err
}

func open(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	// One byte more than is allowed: Parse then says what is wrong, and /dev/zero does no harm.
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return File{}, fmt.Errorf("read configuration: %w", err)
	}
	return File{Name: path, Text: text}, nil
}

// Load reads and parses the file at path.
func Load(path string, known Known) (*Config, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	return Parse(f.Text, f.Name, known)
}

// Parse reads a configuration. An error is [Diagnostics] with every finding, warnings too, in order of the file. The
// Config then still holds what was sound, so that a caller can look for more findings (a plugin's, about its own
// block): blocks that name no plugin are left out. It must not be served. It is nil when the text is not HCL at all.
//
// Relative paths and commands are resolved against filename's folder: for [BuiltInName] that is the working folder.
func Parse(src []byte, filename string, known Known) (*Config, error) {
	dir, err := filepath.Abs(filepath.Dir(filename))
	if err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", filename, err)
	}
	r := &reader{src: &source{filename, src}, dir: dir}
	body := r.parse()
	if body == nil {
		r.found.Sort()
		return nil, r.found
	}
	c := r.whole(body)
	r.check(c, known)
	r.found.Sort()
	if r.found.HasErrors() {
		c.prune()
		return c.Config, r.found
	}
	c.Warnings = r.found
	return c.Config, nil
}

// parsed is a Config as read, with what only the checks between blocks need to know.
type parsed struct {
	*Config
	said           serverSaid
	badFlightBytes bool
}

// whole reads the top level of a file.
func (r *reader) whole(body *hclsyntax.Body) parsed {
	c := &Config{File: r.src.name, Dir: r.dir}
	top := r.open("", hcl.Range{Filename: r.src.name}, body, nil, topLevelBlocks)
	single := map[string]*hclsyntax.Block{}
	for _, b := range top.inner {
		switch b.Type {
		case "server", "profile", "flight_recorder", "telemetry":
			r.unlabelled(b)
			if r.once(top.firsts, &hclsyntax.Block{Type: b.Type, TypeRange: b.TypeRange, OpenBraceRange: b.OpenBraceRange}) {
				single[b.Type] = b
			}
			continue
		}
		if !r.once(top.firsts, b) {
			continue
		}
		switch b.Type {
		case "model":
			c.Models = append(c.Models, r.model(b))
		case "profiler":
			c.Profilers = append(c.Profilers, r.profiler(b))
		case "plugin":
			c.Plugins = append(c.Plugins, r.plugin(b))
		}
	}
	out := parsed{Config: c}
	at, inner := r.block(single["server"])
	c.Server, out.said = r.server(at, inner)
	c.Profile = r.profile(r.block(single["profile"]))
	c.FlightRecorder, out.badFlightBytes = r.flightRecorder(single["flight_recorder"])
	c.Telemetry = r.telemetry(single["telemetry"])
	return out
}

// block is a block's place and body; an absent one is an empty body in no particular place of the file.
func (r *reader) block(b *hclsyntax.Block) (hcl.Range, *hclsyntax.Body) {
	if b == nil {
		return hcl.Range{Filename: r.src.name}, &hclsyntax.Body{}
	}
	return header(b), b.Body
}
