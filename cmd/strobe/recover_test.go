package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// kill9 ends a server as the kernel does when memory is short, and waits until its plugins have followed.
func (p *process) kill9() {
	p.t.Helper()
	children := childrenOf(p.cmd.Process.Pid)
	_ = p.cmd.Process.Kill()
	<-p.ended
	for _, pid := range children {
		for end := time.Now().Add(10 * time.Second); !ended(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				p.t.Fatalf("process %d outlives its server", pid)
			}
		}
	}
}

// command runs strobe with arguments in a folder.
func command(t *testing.T, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), asStrobe+"=1")
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	_ = cmd.Run() // the status says it
	return out.String(), diagnostics.String(), cmd.ProcessState.ExitCode()
}

// TestKilledServer kills a server in the middle of a profile; its recording is finished by hand, or by the next server.
func TestKilledServer(t *testing.T) {
	if len(childrenOf(os.Getpid())) == 0 && ended(os.Getpid()) {
		t.Skip("finds a server's plugins in /proc; run it on Linux")
	}
	p := startServer(t)
	id, _ := p.post("/v1/profiles", `{"label":"night"}`).json(t)["id"].(string)
	const steps = 3
	p.draw(1, steps)
	p.kill9()
	dir := filepath.Join(p.dir, "profiles", id)
	before, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(before, "profiles", id)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	t.Run("by hand", func(t *testing.T) {
		out, diagnostics, status := command(t, before, "recording", "recover", filepath.Join(copied, "recording"))
		for _, want := range []string{"recovered", "the server ended while", "denoise_step", "merged/" + id + ".trace.json.gz"} {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("the output lacks %q:\n%s", want, out)
			}
		}
		if status != 0 || diagnostics != "" {
			t.Errorf("status %d\n%s", status, diagnostics)
		}
		checkKilled(t, copied, id, steps)
		out, diagnostics, status = command(t, before, "recording", "recover", "--json", copied)
		var v profile.View
		if err := json.Unmarshal([]byte(out), &v); err != nil || status != 0 || v.State != profile.StateRecovered {
			t.Errorf("again: status %d, %v\n%s%s", status, err, out, diagnostics)
		}
	})
	t.Run("misuse", func(t *testing.T) {
		for want, args := range map[string][]string{
			"no profile's directory": {before},
			"declared":               {"--profiler", "nobodys", copied},
		} {
			out, diagnostics, status := command(t, before, append([]string{"recording", "recover"}, args...)...)
			if status == 0 || !strings.Contains(diagnostics, want) {
				t.Errorf("%q: status %d\n%s%s", args, status, out, diagnostics)
			}
		}
	})
	t.Run("by the next server", func(t *testing.T) {
		next := startServerIn(t, p.dir)
		next.draw(1, 1) // it serves meanwhile
		r := next.post("/v1/profiles/"+id+"/stop", "")
		var v profile.View
		if err := json.Unmarshal(r.body, &v); err != nil || v.State != profile.StateRecovered || v.Label != "night" || v.Requests != 1 {
			t.Errorf("%d %s", r.status, r.body)
		}
		for _, proc := range v.Processes {
			if proc.Ended != profile.ProcessDied || proc.Events == 0 {
				t.Errorf("process %+v", proc)
			}
		}
		checkKilled(t, dir, id, steps)
	})
}

// TestKilledServerRemembers kills a server that no profile was asked of: what its processes remembered is a profile of the
// next server.
func TestKilledServerRemembers(t *testing.T) {
	if len(childrenOf(os.Getpid())) == 0 && ended(os.Getpid()) {
		t.Skip("finds a server's plugins in /proc; run it on Linux")
	}
	p := startFlying(t, "1h")
	const steps = 3
	p.draw(1, steps)
	p.kill9()
	next := startServerIn(t, p.dir)
	v := next.await(profile.TriggerCrash)
	if v.State != profile.StateRecovered || v.Requests != 1 || len(v.Processes) != 3 {
		t.Errorf("%+v", v)
	}
	checkKilled(t, filepath.Join(p.dir, "profiles", v.ID), v.ID, steps)
}

// checkKilled holds that the artifacts have the request that was answered before the kill.
func checkKilled(t *testing.T, dir, id string, steps int) {
	t.Helper()
	gz, err := os.ReadFile(filepath.Join(dir, "merged", id+".trace.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(parseTrace(t, gz).named("denoise_step")); n != steps {
		t.Errorf("%d denoise steps, want %d", n, steps)
	}
}

// TestFolderGoesWhileRecording removes a profile's folder under the processes that record into it: they go on, the stop
// says what happened, and the next profile is whole.
func TestFolderGoesWhileRecording(t *testing.T) {
	p := startServer(t)
	id, _ := p.post("/v1/profiles", "{}").json(t)["id"].(string)
	p.draw(1, 2)
	if err := os.RemoveAll(filepath.Join(p.dir, "profiles", id)); err != nil {
		t.Fatal(err)
	}
	p.draw(1, 2)
	r := p.post("/v1/profiles/"+id+"/stop", "")
	var v profile.View
	if err := json.Unmarshal(r.body, &v); err != nil || v.State != profile.StateFailed || !strings.Contains(v.Error, "no such file") {
		t.Errorf("%d %s", r.status, r.body)
	}
	p.post("/start_profile", "")
	p.draw(1, 2)
	if v := p.stopProfile(); v.State != profile.StateComplete || v.Losses.Total != 0 {
		t.Errorf("the next profile: %+v", v)
	}
}

// TestDiskFull profiles on a file system that runs full: nothing dies, a start says why there is none, and once there is
// room again the recording that was kept can be exported. Segments that cannot grow are a test of sdk/trace.
func TestDiskFull(t *testing.T) {
	full(t, "root, to mount a small file system")
	if os.Geteuid() != 0 {
		t.Skip("STROBE_TEST=full: needs root, to mount a small file system")
	}
	dir := t.TempDir()
	small := filepath.Join(dir, "profiles")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", small).Run(); err != nil {
		t.Skipf("STROBE_TEST=full: needs to mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", small).Run() })
	write(t, dir, "plugins.hcl", strings.Replace(twoRanks, "replicas = 2", "replicas = 1", 1)+"profile {\n  min_free_bytes = \"0B\"\n}\n")
	p := startServerIn(t, dir)
	pids := childrenOf(p.cmd.Process.Pid)
	id, _ := p.post("/v1/profiles", "{}").json(t)["id"].(string)
	fill := func(name string) string {
		path := filepath.Join(small, name)
		if err := os.WriteFile(path, make([]byte, 256<<20), 0o600); err == nil {
			t.Fatal("the file system is not full")
		}
		return path
	}
	ballast := []string{fill("ballast")}
	p.draw(1, 5)
	r := p.post("/v1/profiles/"+id+"/stop", "")
	var v profile.View
	if err := json.Unmarshal(r.body, &v); err != nil || v.Events == 0 ||
		v.State != profile.StateComplete && !strings.Contains(v.Error, "no space left") { // a stop gives back what was reserved
		t.Errorf("%d %s", r.status, r.body)
	}
	ballast = append(ballast, fill("more"))
	r = p.post("/v1/profiles", "{}")
	if r.status < 500 || !strings.Contains(string(r.body), "no space left") {
		t.Errorf("a start without room: %d %s", r.status, r.body)
	}
	for _, path := range ballast {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if r = p.post("/v1/profiles/"+id+"/export", `{"profiler":"chrome"}`); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	checkKilled(t, filepath.Join(small, id), id, 5)
	p.do("DELETE", "/v1/profiles/"+id, "", nil)
	p.post("/start_profile", "")
	p.draw(1, 2)
	if v := p.stopProfile(); v.State != profile.StateComplete || v.Losses.Total != 0 {
		t.Errorf("the next profile: %+v", v)
	}
	for _, pid := range pids {
		if syscall.Kill(pid, 0) != nil || ended(pid) {
			t.Errorf("process %d died\n%s", pid, p.stderr)
		}
	}
}

// TestRestartedRankRecordsOn kills a rank in the middle of a profile: the trace has what it did before, and what its
// successor did after, and the reply says what happened.
func TestRestartedRankRecordsOn(t *testing.T) {
	p := startServer(t)
	var v profile.View
	r := p.post("/v1/profiles", "{}")
	if err := json.Unmarshal(r.body, &v); err != nil || r.status >= 300 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	p.draw(1, 2)
	if err := syscall.Kill(v.Processes[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r := p.post("/v1/images/generations", `{"prompt":"noto dog","num_inference_steps":3}`)
		if r.status == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the rank did not come back: %d %s", r.status, r.body)
		}
	}
	r = p.post("/v1/profiles/"+v.ID+"/stop", "")
	if err := json.Unmarshal(r.body, &v); err != nil || v.State != profile.StateFailed || !strings.Contains(v.Error, "recorded on") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	checkKilled(t, filepath.Join(p.dir, "profiles", v.ID), v.ID, 2+3)
	if proc := v.Processes[0]; proc.Ended != profile.ProcessDied || proc.Events == 0 || len(v.Artifacts) != 4 {
		t.Errorf("process %+v, artifacts %+v", proc, v.Artifacts)
	}
}
