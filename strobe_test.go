package strobe_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strobe-dev/strobe"
	"github.com/strobe-dev/strobe/core/config"
)

var known = config.Known{Models: []string{"dit", "resize"}, Profilers: []string{"chrome", "hostmon", "otlp", "perfetto", "nsight"}}

func parse(t *testing.T, src string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(src), config.BuiltInName, known)
	if err != nil {
		t.Fatalf("plugins.hcl:\n%v", err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("plugins.hcl:\n%v", c.Warnings)
	}
	return c
}

func TestShippedConfigurationIsSound(t *testing.T) {
	c := parse(t, string(strobe.PluginsHCL))
	if c.Server.Model != "emoji" || len(c.Server.Profilers) == 0 {
		t.Errorf("serves %q with %q", c.Server.Model, c.Server.Profilers)
	}
}

// commentedOut matches a comment that is configuration rather than prose.
var commentedOut = regexp.MustCompile(`^(\s*)# (\s*(?:[a-z_0-9]+\s+=.*|[a-z_]+(?: "[^"]*")? \{|\}))$`)

func uncommented(src string) (text string, lines int) {
	var out strings.Builder
	for line := range strings.Lines(src) {
		bare := strings.TrimSuffix(line, "\n")
		if m := commentedOut.FindStringSubmatch(bare); m != nil {
			bare = m[1] + m[2]
			lines++
		}
		out.WriteString(bare + "\n")
	}
	return out.String(), lines
}

// Whoever takes the comment signs away gets a file that works.
func TestShippedExamplesAreSound(t *testing.T) {
	text, lines := uncommented(string(strobe.PluginsHCL))
	if lines < 15 {
		t.Fatalf("found %d commented-out lines: does the pattern still fit?", lines)
	}
	c := parse(t, text)
	for _, name := range []string{"emoji", "emoji-xl"} {
		if err := c.Override(config.Overrides{Model: name}); err != nil {
			t.Errorf("model %q: %v", name, err)
		}
	}
}

// What plugins.hcl says are defaults are the defaults.
func TestShippedDefaultsAreTheDefaults(t *testing.T) {
	text, _ := uncommented(string(strobe.PluginsHCL))
	shown := parse(t, text)
	bare := parse(t, "model \"emoji\" {\n  stage \"dit\" {\n  }\n}\nprofiler \"chrome\" {\n}\nflight_recorder {\n}\n")
	type defaults struct {
		Listen         string
		Profilers      []string
		Queue          int
		Timeout, Limit string
		Body, Bytes    int64
		Dir            string
		Keep, Replicas int
		Window         string
		FlightBytes    int64
	}
	of := func(c *config.Config) defaults {
		f := c.FlightRecorder
		return defaults{
			c.Server.Listen, c.Server.Profilers, c.Server.QueueSize,
			c.Server.RequestTimeout.String(), c.Profile.MaxDuration.String(),
			c.Server.MaxBodyBytes, c.Profile.MaxBytes, c.Profile.Dir, c.Profile.Keep, c.Models[0].Stages[0].Replicas,
			f.Window.String(), f.MaxBytes,
		}
	}
	if d := cmp.Diff(of(bare), of(shown)); d != "" {
		t.Errorf("-default +shown:\n%s", d)
	}
	if d := cmp.Diff(bare.Server.Limits, shown.Server.Limits, cmpopts.IgnoreTypes(config.Origin{})); d != "" {
		t.Errorf("limits, -default +shown:\n%s", d)
	}
}
