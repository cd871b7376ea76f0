package catalog_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
)

// successor is what takes the place of a program that serves.
type successor struct {
	make   func(path string) error
	text   string // of the rank's last error
	pinned bool   // its checksum is in the configuration
}

// script makes a program of a shell's commands.
func script(text string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700) }
}

// self makes a program that is this one, as a plugin.
func self(t *testing.T, what string) func(string) error {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return script("exec " + path + " plugin serve " + what)
}

// TestSuccessorsThatCannotStart: a program that was replaced while it served keeps its own rank down, by name, and nobody else;
// with the right one back a restart on request is all that is needed.
func TestSuccessorsThatCannotStart(t *testing.T) {
	t.Parallel()
	cannotStart(t, wire.Timeouts{}, map[string]successor{
		"missing":                     {make: os.Remove, text: "no such program"},
		"not executable":              {make: func(path string) error { return os.Chmod(path, 0o600) }, text: "not executable"},
		"another machine's":           {make: func(path string) error { return os.WriteFile(path, []byte("\x7fELF nonsense"), 0o700) }, text: "built for another kind of machine?"},
		"another checksum":            {make: self(t, "model evil #"), text: "wrong checksum", pinned: true},
		"prints before the handshake": {make: script("echo hello"), text: `printed to standard output before the handshake: "hello"`},
		"another protocol":            {make: script("echo '1|99|unix|/x|grpc|" + strings.Repeat("x", 60) + "'; exec sleep 100"), text: "speaks another protocol version: 99"},
		"another kind":                {make: self(t, "profiler count"), text: "it is a profiler plugin, the configuration needs a model plugin"},
		"crashes in Describe":         {make: self(t, "model evil-describe-exit"), text: "exited with status 7"},
		"panics in Describe":          {make: self(t, "model evil-describe-panic"), text: "describe: panic: oh dear"},
		"crashes in Configure":        {make: self(t, "model evil-configure-exit"), text: "exited with status 7"},
		"panics in Load":              {make: self(t, "model evil-load-panic"), text: "load: panic: oh dear"},
		"crashes in Load":             {make: self(t, "model evil-load-exit"), text: "exited with status 7"},
	})
}

// TestSuccessorsThatHang is the same of those that say nothing.
func TestSuccessorsThatHang(t *testing.T) {
	t.Parallel()
	cannotStart(t, wire.Timeouts{Start: patience, Describe: patience, Configure: patience, Load: patience}, map[string]successor{
		"no handshake":       {make: script("exec sleep 100"), text: "no handshake within " + patience.String()},
		"hangs in Describe":  {make: self(t, "model evil-describe-hang"), text: "describe: no answer in time"},
		"hangs in Configure": {make: self(t, "model evil-configure-hang"), text: "configure: no answer in time"},
		"hangs in Load":      {make: self(t, "model evil-load-hang"), text: "load: no answer in time"},
	})
}

// cannotStart has a stage of one rank for each of tests.
func cannotStart(t *testing.T, limits wire.Timeouts, tests map[string]successor) {
	dir, names := t.TempDir(), slices.Sorted(maps.Keys(tests))
	good := self(t, "model evil")
	config, plugins := strings.ReplaceAll(hurtConfig, "PLUGIN", "tint"), ""
	stages := ""
	of := func(name string) (plugin, path string) {
		plugin = fmt.Sprintf("outside%d", slices.Index(names, name))
		return plugin, filepath.Join(dir, plugin)
	}
	for _, name := range names {
		plugin, path := of(name)
		if err := good(path); err != nil {
			t.Fatal(err)
		}
		plugins += fmt.Sprintf("plugin %q {\n  kind = \"model\"\n  command = [%q]\n", plugin, path)
		if tests[name].pinned {
			plugins += fmt.Sprintf("  sha256 = %q\n", sumOf(t, path))
		}
		plugins += "}\n"
		stages += fmt.Sprintf("  stage %q {\n  }\n", plugin)
	}
	config = strings.Replace(config, "profiler \"count\"", plugins+"profiler \"count\"", 1)
	config = strings.Replace(config, "    plugin = \"change\"\n  }\n", "    plugin = \"change\"\n  }\n"+stages, 1)
	h := hurtBy(t, config, func(o *catalog.Options) {
		if limits.Start != 0 {
			o.Timeouts.Start, o.Timeouts.Describe, o.Timeouts.Configure, o.Timeouts.Load = limits.Start, limits.Describe, limits.Configure, limits.Load
		}
	})
	abreast(t, tests, func(t *testing.T, name string) {
		test, h := tests[name], h.in(t)
		plugin, path := of(name)
		r := h.c.Stages()[2+slices.Index(names, name)].Ranks[0]
		if err := replace(path, test.make); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Generate(t.Context(), &model.Request{Prompt: "exit"}, nil); err == nil {
			t.Fatal("it lives")
		}
		eventually(t, "the reason is known", func() bool {
			return strings.Contains(h.info(plugin).LastError, test.text) && deaths(h.info(plugin)) > 1
		})
		h.serves()
		if i := h.info(plugin); i.State != catalog.StateDown {
			t.Errorf("%+v", i)
		}
		if name == "missing" {
			eventually(t, "each wait is twice as long as the one before", func() bool { return h.waits(r, "400ms", "800ms", "1.6s") })
		}
		if err := replace(path, good); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is restarted", func() bool { return h.c.Restart(t.Context(), plugin) == nil })
		h.isUp(r)
		h.serves()
	})
}

// waits tells whether the log has the waits before the next starts of a rank, in this order.
func (h *hurt) waits(r *catalog.Rank, want ...string) bool {
	for line := range strings.Lines(h.log.String()) {
		if len(want) > 0 && strings.Contains(line, "stage="+r.StageName()+" ") && strings.Contains(line, "next_try="+want[0]+"\n") {
			want = want[1:]
		}
	}
	return len(want) == 0
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// replace puts another file in the place of a program, at once.
func replace(path string, make func(string) error) error {
	if make == nil {
		return nil
	}
	next := path + ".next"
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(next, b, 0o700)
	}
	if os.IsNotExist(err) {
		err = nil
	}
	if err == nil {
		err = make(next)
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(next); os.IsNotExist(err) {
		return os.Remove(path)
	}
	return os.Rename(next, path)
}
