package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/internal/wire/hostile"
	"github.com/strobe-dev/strobe/sdk/model"
)

// generateConfig has a rank for each misbehaviour, and one more. A rank of "impatient" has to end a step soon; "foreign" was made
// without the SDK.
const generateConfig = `
server {
  model     = "m"
  profilers = ["count"]
}
model "m" {
  stage "first" {
    plugin   = "evil"
    replicas = REPLICAS

    progress_timeout = "1m"
    cancel_timeout   = "200ms"
    max_memory       = "128MiB"
  }
  stage "second" {
    plugin = "change"
  }
  stage "impatient" {
    plugin           = "evil"
    progress_timeout = "2s"
  }
  stage "foreign" {
    plugin = "hostile"
  }
}
profiler "count" {
}
`

// TestGenerateHurtsNobody: whatever a model does in Generate, its own request hears of it by name, and the rank comes back.
func TestGenerateHurtsNobody(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stage  int
		text   string
		is     error
		dies   string // the reason of the death; empty: it lives on
		linux  bool
		cancel bool // the caller goes away meanwhile
	}{
		"exit":              {text: "exited with status 7", dies: catalog.DeathExit},
		"panic":             {text: "generate: panic: oh dear"},
		"panic elsewhere":   {text: "panic: oh dear", dies: catalog.DeathExit},
		"hang":              {stage: 2, text: "it makes no progress: no step ended within 2s (progress_timeout)", is: wire.ErrStalled, dies: catalog.DeathHang},
		"hang, cancelled":   {text: "context canceled", is: context.Canceled, dies: catalog.DeathHang, cancel: true},
		"memory":            {text: "its max_memory is 128 MiB", is: wire.ErrMemory, dies: catalog.DeathMemory, linux: true},
		"memory of a child": {text: "its max_memory is 128 MiB", is: wire.ErrMemory, dies: catalog.DeathMemory, linux: true},
		"stderr":            {},
		"hostile stderr":    {},
		hostile.Huge:        {stage: 3, text: "larger than max"}, // a message of 2 GiB
	}
	h := hurtBy(t, strings.ReplaceAll(generateConfig, "REPLICAS", fmt.Sprint(len(tests)+1)), nil)
	names := slices.Sorted(maps.Keys(tests))
	abreast(t, tests, func(t *testing.T, name string) {
		test, h := tests[name], h.in(t)
		if test.linux && runtime.GOOS != "linux" {
			t.Skip("looks into /proc")
		}
		r := h.c.Stages()[test.stage].Ranks[0]
		if test.stage == 0 {
			r = h.rank(slices.Index(names, name))
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if test.cancel {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		prompt, _, _ := strings.Cut(name, ",")
		_, err := r.Generate(ctx, &model.Request{Prompt: prompt}, nil)
		if got := fmt.Sprint(err); test.text != "" && !strings.Contains(got, test.text) || test.text == "" && err != nil {
			t.Errorf("Generate = %v, want %q in it", err, test.text)
		}
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%v is not %v", err, test.is)
		}
		h.serves()
		if test.dies != "" {
			eventually(t, "the death is known", func() bool { return h.row(r).Deaths[test.dies] == 1 })
		}
		h.isUp(r)
		if _, err := r.Generate(t.Context(), &model.Request{}, nil); err != nil {
			t.Error("afterwards:", err)
		}
		i := h.row(r)
		if died := test.dies != ""; (i.LastError != "") != died || (i.Restarts == 1) != died || i.State != catalog.StateUp {
			t.Errorf("%+v", i)
		}
		switch name {
		case "stderr":
			eventually(t, "lines are counted that were not logged", func() bool { return h.row(r).LogLinesLost > 1000 })
			h.serves()
			_, _ = r.Generate(t.Context(), &model.Request{Prompt: "exit"}, nil) // nothing else ends it
		case hostile.Huge:
			if !slices.Contains(i.Capabilities, hostile.Capability) {
				t.Errorf("capabilities %v", i.Capabilities)
			}
		}
	})
}

// TestProfilersHurtNobody: whatever a profiler does, its profile hears of it, and the next one has it again.
func TestProfilersHurtNobody(t *testing.T) {
	t.Parallel()
	late := "no answer in time (" + impatience.String() + ")"
	tests := map[string]string{
		"open exit":    "exited with status 7",
		"open panic":   "open: panic: oh dear",
		"open hang":    "open: " + late,
		"consume hang": "finish: no answer in time (2s)", // one that never reads
		"consume exit": "exited with status 7",
		"finish exit":  "exited with status 7",
		"finish panic": "finish: panic: oh dear",
		"finish hang":  "finish: no answer in time (2s)",
		"abort hang":   "abort: " + late,
		"record exit":  "exited with status 7",
		"stands still": "stop measuring: " + late,
	}
	names := slices.Sorted(maps.Keys(tests))
	config := strings.ReplaceAll(hurtConfig, "PLUGIN", "tint")
	block := func(label string) string { return fmt.Sprintf("evil%d", slices.Index(names, label)) }
	for _, label := range names {
		config += fmt.Sprintf("profiler %q {\n  plugin = \"evil\"\n  finish_timeout = \"2s\"\n}\n", block(label))
	}
	config += "profiler \"looks\" {\n  plugin = \"evil-probe-hang\"\n}\n" // nobody waits for what it finds
	h := hurtBy(t, config, nil)
	abreast(t, tests, func(t *testing.T, label string) {
		h, name, want := h.in(t), block(label), "profiler("+block(label)+"): "+tests[label]
		p, err := h.c.Profiler(name)
		if err != nil {
			t.Fatal(err)
		}
		switch label {
		case "abort hang":
			if _, err = h.open(p, label); err == nil {
				err = p.Abort(t.Context())
			}
		case "stands still":
			if _, err = h.open(p, ""); err == nil {
				h.halt(p.PID())
				_, err = p.StopSource(t.Context())
			}
		default:
			_, err = h.profile(name, label)
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		h.serves()
		if _, err := h.profile(name, ""); err != nil {
			t.Error("the next profile:", err)
		}
		if i := h.info(name); i.LastError == "" || i.State != catalog.StateUp {
			t.Errorf("%+v", i)
		}
	})
}

// TestCallsOfALoad: a crash, a panic or a hang in any call of a load is one named error, and nothing is left.
func TestCallsOfALoad(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"describe-exit": "exited with status 7", "describe-panic": "describe: panic: oh dear", "describe-hang": "describe: no answer in time",
		"configure-exit": "exited with status 7", "configure-panic": "configure: panic: oh dear", "configure-hang": "configure: no answer in time",
		"load-exit": "exited with status 7", "load-panic": "load: panic: oh dear", "load-hang": "load: no answer in time",
	}
	abreast(t, tests, func(t *testing.T, fault string) {
		want := tests[fault]
		o := options(t, nil)
		o.Builtins = append(o.Builtins, catalog.Builtin{Kind: "model", Name: "evil-" + fault})
		o.Timeouts = wire.Timeouts{Describe: 5 * time.Second, Configure: 5 * time.Second, Load: 5 * time.Second, Close: 100 * time.Millisecond}
		if strings.HasSuffix(fault, "hang") {
			o.Timeouts.Describe, o.Timeouts.Configure, o.Timeouts.Load = 2*time.Second, 2*time.Second, 2*time.Second
		}
		cfg := parse(t, "model \"m\" {\n  stage \"s\" {\n    plugin = \"evil\"\n  }\n}")
		cfg.Models[0].Stages[0].Plugin = "evil-" + fault
		_, err := catalog.Load(t.Context(), cfg, o)
		if err == nil || !strings.Contains(err.Error(), "model(evil-"+fault+"): ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}
