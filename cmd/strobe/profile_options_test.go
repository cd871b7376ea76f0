package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

var optionRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| `--([a-z-]+)` \\|")

// TestOptionsAreDocumented: the table has each flag once, and each key of the body.
func TestOptionsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "profile-options.md"))
	if err != nil {
		t.Fatal(err)
	}
	var keys, documented, flags []string
	for _, m := range optionRow.FindAllStringSubmatch(string(doc), -1) {
		keys, documented = append(keys, m[1]), append(documented, m[2])
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&profileOptions{}).addFlags(all, "")
	all.VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
	slices.Sort(documented)
	if d := cmp.Diff(flags, documented); d != "" {
		t.Error(d)
	}
	if len(keys) != 14 || !slices.Contains(keys, "record_prompts") {
		t.Errorf("keys %q", keys)
	}
}

func TestOptionsBecomeARequest(t *testing.T) {
	parse := func(prefix string, args ...string) (client.StartRequest, error) {
		var o profileOptions
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.addFlags(f, prefix)
		if err := f.Parse(args); err != nil {
			return client.StartRequest{}, err
		}
		if o.given() != (len(args) > 0) {
			t.Errorf("%q: given %t", args, o.given())
		}
		return o.request()
	}
	want := client.StartRequest{Profilers: []string{"a", "b"}, Model: "emoji", Stages: []int{0, 1}, Ranks: []int{2}, Activities: []string{"step", "pprof"},
		MinDurationUs: 50, NumRequests: 1, NumSteps: 2, StartStep: 3, DurationS: 30, StartAfterS: 0.5, MaxBytes: 64 << 20, Label: "x", RecordPrompts: true}
	for _, prefix := range []string{"", "profile-"} {
		args := strings.Fields(strings.ReplaceAll("--profiler a --profiler b --model emoji --stages 0,1 --ranks 2 --activities step,pprof --min-duration 50us"+
			" --num-requests 1 --num-steps 2 --start-step 3 --duration 30s --start-after 500ms --max-bytes 64MiB --label x --record-prompts", "--", "--"+prefix))
		got, err := parse(prefix, args...)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%q: %v %s", prefix, err, d)
		}
	}
	if got, err := parse(""); err != nil || !cmp.Equal(got, client.StartRequest{}) {
		t.Errorf("no flags: %+v, %v", got, err)
	}
	for _, args := range []string{"--duration 0s", "--duration -1s", "--num-steps 0", "--start-step -1", "--max-bytes many", "--min-duration -1us", "--start-after 0s"} {
		if _, err := parse("", strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), strings.Fields(args)[0]) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
