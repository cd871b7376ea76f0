package config_test

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/config"
)

// ignoreOrigins compares what a configuration says, not where it stands.
var ignoreOrigins = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Origin" }, cmp.Ignore())

func here(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoadReadsEverything(t *testing.T) {
	got, err := config.Load("testdata/full.hcl", known)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(here(t), "testdata")
	values := map[string]any{
		"whole": int64(3), "part": 0.25, "minus": int64(-100), "low": int64(math.MinInt64), "paren": int64(7),
		"text": "a ${b} \"c\"\n", "empty": "", "yes": true, "none": nil,
		"list":   []any{int64(1), "two", []any{false}, map[string]any{"three": int64(3)}},
		"object": map[string]any{"a": map[string]any{"b c": int64(1)}, "4": nil, "true": int64(2)},
		"long":   "two\nlines\n",
		"tls":    map[string]any{"ca_file": "ca.pem", "deep": map[string]any{"deeper": int64(1)}},
	}
	want := &config.Config{
		File: "testdata/full.hcl",
		Dir:  dir,
		Server: config.Server{
			Listen: "[::1]:0", Model: "b", Profilers: []string{"mine", "chrome"}, RuntimeDir: filepath.Join(dir, "run"),
			QueueSize: 0, RequestTimeout: 90 * time.Second, AllowedHosts: []string{"strobe.example", "::1", "*"},
			ControlTokenFile: "/etc/strobe/token", ReadTokenFile: filepath.Join(dir, "look"), APIKeyFile: filepath.Join(dir, "..", "key"), MaxBodyBytes: 3 << 19, AccessLog: config.AccessLogWarn, MaxPluginMemory: 4 << 30, Cgroup: "/sys/fs/cgroup/strobe",
			TLS:   &config.TLS{Cert: filepath.Join(dir, "server.crt"), Key: "/etc/strobe/server.key"},
			Admin: &config.Admin{Listen: "unix:///run/strobe/admin.sock"},
			Limits: config.Limits{StartsPerMinute: 6, GenerationsPerMinute: 600, Connections: 100, ConnectionsPerClient: 10,
				HeaderTimeout: 5 * time.Second, BodyTimeout: time.Minute, IdleTimeout: 30 * time.Second, StallTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10},
		},
		Profile: config.Profile{Dir: "/var/strobe", MaxDuration: time.Hour, MaxBytes: 2 << 30, Keep: 1,
			MaxTotalBytes: 3 << 30, MaxAge: 168 * time.Hour, SampleEvery: 1000, RecordPrompts: true, Control: config.ControlCUDAProfiler},
		FlightRecorder: &config.FlightRecorder{Window: 10 * time.Second, MaxBytes: 128 << 20, Keep: 3, Triggers: []config.Trigger{
			{Kind: config.TriggerSlow, SlowerThan: 2 * time.Second, MinInterval: 10 * time.Second},
			{Kind: config.TriggerP99, Factor: 2.5, After: time.Second, MinInterval: time.Minute},
			{Kind: config.TriggerError, After: time.Second, MinInterval: time.Minute},
			{Kind: config.TriggerDeath, After: time.Second, MinInterval: time.Minute},
		}},
		Models: []config.Model{
			{Name: "a", Stages: []config.Stage{{Name: "dit", Plugin: "dit", Replicas: 1, Progress: config.DefaultProgress, Cancel: config.DefaultCancel}}},
			{Name: "b", Stages: []config.Stage{
				{Name: "first", Plugin: "dit", Replicas: 2, Config: config.Values{Values: values},
					MaxMemory: 8 << 30, Progress: 0, Cancel: 10 * time.Second},
				{Name: "second", Plugin: "ours", Replicas: 1, Progress: config.DefaultProgress, Cancel: config.DefaultCancel},
			}},
		},
		Profilers: []config.Profiler{{Name: "chrome", Plugin: "chrome", MaxMemory: 512 << 20, Finish: time.Minute}, {Name: "mine", Plugin: "mine", Finish: config.DefaultFinish}},
		Plugins: []config.Plugin{
			{
				Name: "mine", Kind: config.KindProfiler, Command: []string{filepath.Join(dir, "bin/mine"), "--flag", "./kept"},
				SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			},
			{Name: "ours", Kind: config.KindModel, Command: []string{"python3", "ours.py"}, MaxMemory: 2 << 30},
		},
	}
	if d := cmp.Diff(want, got, ignoreOrigins); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if m, err := got.ServedModel(); err != nil || m.Name != "b" {
		t.Errorf("ServedModel = %v, %v", m, err)
	}
	if p, err := got.Profiler("mine"); err != nil || p.Plugin != "mine" {
		t.Errorf("Profiler = %v, %v", p, err)
	}
	for _, m := range []struct {
		own    int64
		plugin string
		want   int64
	}{{8 << 30, "ours", 8 << 30}, {0, "ours", 2 << 30}, {0, "mine", 4 << 30}, {0, "dit", 4 << 30}} {
		if n := got.MemoryOf(m.own, m.plugin); n != m.want {
			t.Errorf("MemoryOf(%d, %s) = %d, want %d", m.own, m.plugin, n, m.want)
		}
	}
	if got.Plugin("ours") == nil || got.Plugin("dit") != nil {
		t.Error("Plugin finds the wrong blocks")
	}
}

func TestDefaults(t *testing.T) {
	const src = "model \"emoji\" {\n  stage \"dit\" {\n  }\n}\nprofiler \"chrome\" {\n}\nserver {\n  queue = null\n}\n"
	got, err := config.Parse([]byte(src), config.BuiltInName, known)
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		File: config.BuiltInName,
		Dir:  here(t), // the built-in configuration's paths are relative to the working folder
		Server: config.Server{
			Listen: config.DefaultListen, Model: "emoji", Profilers: []string{"chrome"}, QueueSize: config.DefaultQueueSize,
			RequestTimeout: config.DefaultRequestTimeout, MaxBodyBytes: config.DefaultMaxBodyBytes, AccessLog: config.DefaultAccessLog, Cgroup: config.DefaultCgroup,
			Limits: config.Limits{StartsPerMinute: config.DefaultStartsPerMinute, GenerationsPerMinute: config.DefaultGenerationsPerMinute,
				Connections: config.DefaultConnections, ConnectionsPerClient: config.DefaultConnectionsPerClient,
				HeaderTimeout: config.DefaultHeaderTimeout, BodyTimeout: config.DefaultBodyTimeout, IdleTimeout: config.DefaultIdleTimeout,
				StallTimeout: config.DefaultStallTimeout, MaxHeaderBytes: config.DefaultMaxHeaderBytes},
		},
		Profile: config.Profile{
			Dir: filepath.Join(here(t), config.DefaultProfileDir), MaxDuration: config.DefaultMaxDuration,
			MaxBytes: config.DefaultMaxBytes, Keep: config.DefaultKeep, MinFreeBytes: config.DefaultMinFreeBytes, Control: config.ControlRecord,
		},
		Models:    []config.Model{{Name: "emoji", Stages: []config.Stage{{Name: "dit", Plugin: "dit", Replicas: 1, Progress: config.DefaultProgress, Cancel: config.DefaultCancel}}}},
		Profilers: []config.Profiler{{Name: "chrome", Plugin: "chrome", Finish: config.DefaultFinish}},
	}
	if d := cmp.Diff(want, got, ignoreOrigins); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestProfilersAbsentIsNotEmpty(t *testing.T) {
	const rest = "model \"emoji\" {\n  stage \"dit\" {\n  }\n}\nprofiler \"chrome\" {\n}\n"
	for name, tc := range map[string]struct {
		server string
		want   int
	}{
		"absent": {"", 1},
		"null":   {"server {\n  profilers = null\n}\n", 1},
		"empty":  {"server {\n  profilers = []\n}\n", 0},
		"given":  {"server {\n  profilers = [\"chrome\"]\n}\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Parse([]byte(tc.server+rest), "x.hcl", known)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Server.Profilers) != tc.want {
				t.Errorf("profilers %q, want %d", c.Server.Profilers, tc.want)
			}
		})
	}
}

func TestParseKeepsWhatIsSound(t *testing.T) {
	c, err := config.Load("testdata/findings/unknown.hcl", known)
	if err == nil || c == nil {
		t.Fatalf("Load = %v, %v; want both", c, err)
	}
	if m, err := c.ServedModel(); err != nil || len(m.Stages) != 1 {
		t.Errorf("served model %v, %v", m, err)
	}
	c, err = config.Load("testdata/findings/plugins.hcl", known)
	if err == nil || c == nil {
		t.Fatalf("Load = %v, %v; want both", c, err)
	}
	if m, err := c.ServedModel(); err != nil || len(m.Stages) != 0 {
		t.Errorf("served model %v, %v: stages without a plugin are left", m, err)
	}
	if len(c.Profilers) != 1 || c.Profilers[0].Name != "mine" {
		t.Errorf("profilers %v", c.Profilers)
	}
	if c, err := config.Load("testdata/findings/syntax.hcl", known); err == nil || c != nil {
		t.Errorf("Load of no HCL = %v, %v", c, err)
	}
}

func TestWarningsAloneDoNotStop(t *testing.T) {
	const src = "model \"emoji\" {\n  stage \"dit\" {\n  }\n}\nplugin \"idle\" {\n  kind = \"model\"\n  command = [\"/bin/true\"]\n}\n"
	c, err := config.Parse([]byte(src), "x.hcl", known)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || c.Warnings.HasErrors() || c.Warnings.Err() != nil {
		t.Errorf("warnings %v", c.Warnings)
	}
}
