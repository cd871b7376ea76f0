package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/engine"
)

// fakePlugins are a rank that is up, one that died too often, and a profiler.
type fakePlugins struct {
	err      error
	restarts []string
	broken   bool
}

func (p *fakePlugins) Plugins() []catalog.PluginInfo {
	at := time.Date(2026, 11, 23, 10, 3, 12, 0, time.UTC)
	rank, second := 0, 1
	list := []catalog.PluginInfo{
		{Name: "dit", Kind: "model", Plugin: "dit", Version: "0.1.0", APIVersions: []int{1}, Capabilities: []string{"recording"}, Origin: "built in",
			Checksum: "built in", Stage: "diffusion", Rank: &rank, PID: 7, State: catalog.StateUp, Deaths: map[string]int{}},
		{Name: "dit", Kind: "model", Plugin: "dit", Version: "0.1.0", APIVersions: []int{1}, Capabilities: []string{"recording"}, Origin: "/opt/models/dit",
			Checksum: "not pinned", Stage: "diffusion", Rank: &second, PID: 8, State: catalog.StateUp, Restarts: 2, Deaths: map[string]int{"memory": 2},
			LastError: "model(dit): start: no such program: /opt/models/dit", LastErrorAt: &at, MaxMemoryBytes: 1 << 30, LogLinesLost: 5, ProcessesLeft: 1},
		{Name: "chrome", Kind: "profiler", Plugin: "chrome", Version: "0.1.0", APIVersions: []int{1}, Capabilities: []string{}, Origin: "built in",
			Checksum: "built in", State: catalog.StateDormant, Deaths: map[string]int{}},
	}
	if p.broken {
		list[1].State, list[1].PID, list[1].RetryAt = catalog.StateBroken, 0, &at
	}
	return list
}

func (p *fakePlugins) Restart(_ context.Context, name string) error {
	p.restarts = append(p.restarts, name)
	if name != "dit" && name != "chrome" {
		return &catalog.UnknownPluginError{Name: name, Known: []string{"dit", "chrome"}}
	}
	return p.err
}

func pluginHarness(t *testing.T, p *fakePlugins, change ...func(*Options)) *harness {
	return newHarness(t, append([]func(*Options){func(o *Options) { o.Plugins = p }}, change...)...)
}

func TestPlugins(t *testing.T) {
	h := pluginHarness(t, &fakePlugins{broken: true})
	list := decode[pluginList](t, h.get("/v1/plugins"))
	if len(list.Plugins) != 3 || list.Plugins[1].State != catalog.StateBroken || list.Plugins[1].RetryAt == nil || list.Plugins[1].Origin != "/opt/models/dit" {
		t.Errorf("%+v", list)
	}
	if body := newHarness(t, func(o *Options) { o.Plugins = nil }).get("/v1/plugins").Body.String(); strings.TrimSpace(body) != `{"plugins":[]}` {
		t.Error(body)
	}
}

// TestPluginsHideFolders: where programs are is for callers on this machine and for control tokens.
func TestPluginsHideFolders(t *testing.T) {
	h := pluginHarness(t, &fakePlugins{}, func(o *Options) {
		o.Loopback, o.ControlToken, o.ReadToken, o.AllowedHosts = false, "control", "read", []string{"*"}
	})
	for token, sees := range map[string]bool{"control": true, "read": false} {
		if body := h.get("/v1/plugins", "Authorization", "Bearer "+token).Body.String(); strings.Contains(body, "/opt/models") != sees {
			t.Errorf("%s: %s", token, body)
		}
	}
}

// TestDownIsUnavailable: a rank that is down was not asked, so it did not fail.
func TestDownIsUnavailable(t *testing.T) {
	for err, code := range map[error]string{
		catalog.ErrDown: codeRankUnavailable, catalog.ErrBroken: codeRankUnavailable, catalog.ErrRestarting: codeRankUnavailable,
		errors.New("exited with status 7"): codeModelFailed,
	} {
		h := newHarness(t)
		h.engine.err = &engine.RankError{Stage: "diffusion", Plugin: "dit", Err: err}
		wantError(t, h.postJSON(generations, `{"prompt":"cat"}`), rowOf(code).status, code, "")
	}
}

func TestRestartPlugin(t *testing.T) {
	for name, test := range map[string]struct {
		plugin string
		err    error
		status int
		text   string
	}{
		"well":         {"dit", nil, http.StatusOK, `"rank":1`},
		"unknown":      {"ditt", nil, http.StatusNotFound, `did you mean \"dit\"`},
		"fails":        {"dit", errors.New("model(dit): start: not executable"), http.StatusInternalServerError, `"code":"plugin_failed"`},
		"takes longer": {"chrome", context.DeadlineExceeded, http.StatusOK, `"state":"dormant"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := &fakePlugins{err: test.err}
			h := pluginHarness(t, p, func(o *Options) {
				if errors.Is(test.err, context.DeadlineExceeded) {
					o.StopWait = 1
				}
			})
			w := h.postJSON("/v1/plugins/"+test.plugin+"/restart", "")
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if !slices.Equal(p.restarts, []string{test.plugin}) {
				t.Error(p.restarts)
			}
			if !strings.Contains(h.log.String(), "action=plugin_restart") {
				t.Error("no line of the audit:", h.log)
			}
		})
	}
}

func TestPluginMetrics(t *testing.T) {
	body := pluginHarness(t, &fakePlugins{broken: true}).get("/metrics").Body.String()
	for _, line := range []string{
		`strobe_plugins{kind="model",plugin="dit",state="up"} 1`, `strobe_plugins{kind="model",plugin="dit",state="broken"} 1`,
		`strobe_plugins{kind="profiler",plugin="chrome",state="dormant"} 1`, `strobe_plugin_restarts_total{kind="model",plugin="dit"} 2`,
		`strobe_plugin_deaths_total{kind="model",plugin="dit",reason="memory"} 2`, `strobe_plugin_log_lines_lost_total{kind="model",plugin="dit"} 5`,
		`strobe_plugin_processes_left_total{kind="model",plugin="dit"} 1`, `strobe_plugin_last_error_timestamp_seconds{kind="model",plugin="dit"} 1.79542`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("missing %s", line)
		}
	}
}
