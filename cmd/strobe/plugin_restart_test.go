package main

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// plugins are those of a server, by name: the first process of each.
func (p *process) plugins() map[string]map[string]any {
	var list struct{ Plugins []map[string]any }
	if err := json.Unmarshal(p.get("/v1/plugins").body, &list); err != nil {
		p.t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, row := range list.Plugins {
		all[row["name"].(string)] = row
	}
	return all
}

// TestPluginRestart restarts a rank and a profiler of a running server, and shows what became of one that was killed.
func TestPluginRestart(t *testing.T) {
	p := startServer(t)
	before := p.plugins()
	for _, name := range []string{"dit", "chrome"} {
		status, out, stderr := output(t, p.dir, "plugin", "restart", name, "--server", p.url)
		if status != 0 || !strings.Contains(out, name) {
			t.Fatalf("restart %s: exit status %d\n%s%s", name, status, out, stderr)
		}
		if after := p.plugins()[name]; after["pid"] == before[name]["pid"] || after["restarts"] != 1.0 || after["state"] != "up" {
			t.Errorf("%v", after)
		}
	}
	p.post("/start_profile", `{"profilers":["chrome","hostmon"]}`)
	if r := p.post("/v1/images/generations", `{"prompt":"x","num_inference_steps":1}`); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, name := range []string{"chrome", "hostmon"} { // what the profile had open in them is made again
		if r := p.post("/v1/plugins/"+name+"/restart", ""); r.status != 200 {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if v := p.stopProfile(); v.State != "complete" || len(v.Artifacts) < 2 || !strings.Contains(strings.Join(v.Warnings, "\n"), "started again") {
		t.Errorf("%+v", v)
	}
	if err := syscall.Kill(int(p.plugins()["resize"]["pid"].(float64)), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); p.plugins()["resize"]["restarts"] != 1.0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("resize does not come back", p.plugins()["resize"])
		}
	}
	status, out, stderr := output(t, p.dir, "plugin", "list", "--server", p.url)
	if status != 0 || !strings.Contains(out, "model(resize): exited with signal killed") || !strings.Contains(out, "started again once") {
		t.Errorf("exit status %d\n%s%s", status, out, stderr)
	}
	status, out, stderr = output(t, p.dir, "plugin", "list", "--json", "--server", p.url)
	var list client.PluginList
	if err := json.Unmarshal([]byte(out), &list); err != nil || status != 0 || len(list.Plugins) != 7 {
		t.Errorf("exit status %d, %v\n%s%s", status, err, out, stderr)
	}
	status, _, stderr = output(t, p.dir, "plugin", "restart", "dti", "--server", p.url)
	if status != 1 || !strings.Contains(stderr, `did you mean "dit"`) {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	status, _, stderr = output(t, p.dir, "plugin", "list", "--config", "x.hcl", "--server", p.url)
	if status != 2 || !strings.Contains(stderr, "give one of them") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// BenchmarkReady is the time from the start of `strobe serve` with the shipped configuration to its answers.
func BenchmarkReady(b *testing.B) {
	for b.Loop() {
		p := startServer(b)
		b.StopTimer()
		p.stop()
		b.StartTimer()
	}
}
