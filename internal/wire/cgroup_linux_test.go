package wire

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// cgroupBase is an empty cgroup of the test's own, which has to be empty again at the end.
func cgroupBase(t *testing.T) string {
	t.Helper()
	for _, mount := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		var at unix.Statfs_t
		if unix.Statfs(mount, &at) != nil || at.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		dir, err := os.MkdirTemp(mount, "strobe-test")
		if err != nil {
			break
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Errorf("the cgroup is not empty: %v", err)
				_ = endCgroup(dir)
			}
		})
		return dir
	}
	t.Skip("needs a cgroup v2 file system that this user may write to: run as root")
	return ""
}

func containedHost(t *testing.T, base string, log *slog.Logger) *Host {
	t.Helper()
	h := testHost(t)
	if err := h.Contain(base, log); err != nil {
		if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
			t.Skip("needs a kernel that starts processes in cgroups: ", err)
		}
		t.Fatal(err)
	}
	return h
}

// number waits for "NAME=number" in a log.
func number(t *testing.T, log *logBuffer, name string) (n int) {
	t.Helper()
	eventually(t, name+" is logged", func() bool {
		_, after, _ := strings.Cut(log.String(), name+"=")
		fmt.Sscan(after, &n)
		return n != 0
	})
	return n
}

func cgroupOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut("\n"+string(text), "\n0::")
	path, _, _ := strings.Cut(after, "\n")
	return path
}

// A process that made a session of its own and threw its environment away ends with its plugin, by the cgroup alone: nobody
// adopts it here.
func TestCgroupEndsWhatLeft(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*Process)
	}{
		{"close", func(*Process) {}},
		{"death", func(p *Process) { kill(p.PID()); <-p.Done() }},
		{"ended by the host", func(p *Process) { p.Kill(ErrStalled) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := cgroupBase(t)
			var log logBuffer
			h := containedHost(t, base, log.logger())
			p, other := launch(t, h, testSpec("leaver", log.logger())), launch(t, h, testSpec("model", nil))
			left := number(t, &log, "leaver")
			own := filepath.Base(h.spawn.groups.dir)
			if a, b := cgroupOf(t, p.PID()), cgroupOf(t, left); a != b || filepath.Base(filepath.Dir(a)) != own {
				t.Errorf("the plugin is in %s, what it started in %s", a, b)
			}
			if a := cgroupOf(t, other.PID()); a == cgroupOf(t, left) || filepath.Base(filepath.Dir(a)) != own {
				t.Errorf("another plugin is in %s", a)
			}
			test.end(p)
			_ = p.Close(t.Context()) // it says that the process was dead
			if alive(left) || p.Left() != 1 || !strings.Contains(log.String(), fmt.Sprintf("[%d]", left)) {
				t.Errorf("alive %v, left %d, log %s", alive(left), p.Left(), log.String())
			}
			if dirs, _ := filepath.Glob(filepath.Join(h.spawn.groups.dir, "*", "cgroup.procs")); len(dirs) != 1 {
				t.Errorf("the other plugin's cgroup should stay, alone: %v", dirs)
			}
			if _, err := other.Describe(t.Context()); err != nil {
				t.Errorf("the other plugin: %v", err)
			}
		})
	}
}

func TestCgroupOfAFailedStart(t *testing.T) {
	h := containedHost(t, cgroupBase(t), slog.New(slog.DiscardHandler))
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("\x7fELF nonsense"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{other}, testSpec("exit", nil).Command} {
		if _, err := h.Launch(t.Context(), Spec{Command: command}); err == nil {
			t.Error("launched")
		}
	}
	eventually(t, "both cgroups are removed", func() bool {
		dirs, _ := filepath.Glob(filepath.Join(h.spawn.groups.dir, "*", "cgroup.procs"))
		return len(dirs) == 0
	})
}

// The cgroup of a server that died goes when the next one begins, and that of one that lives stays.
func TestCgroupOfADeadServer(t *testing.T) {
	base := cgroupBase(t)
	var log logBuffer
	living := containedHost(t, base, log.logger())
	p := launch(t, living, testSpec("model", nil))

	dead := filepath.Join(base, cgroupPrefix+newID())
	if err := os.MkdirAll(filepath.Join(dead, "one", "more"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	one := cgroup{dir: filepath.Join(dead, "one", "more")}
	cmd.SysProcAttr = attributes()
	placed := one.place(cmd.SysProcAttr)
	err := cmd.Start()
	placed()
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(base, cgroupPrefix+"mine")
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(foreign)

	containedHost(t, base, log.logger())
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("what the dead server left: %v", err)
	}
	for _, test := range []struct {
		dir  string
		stay bool
	}{{dead, false}, {foreign, true}, {living.spawn.groups.dir, true}} {
		if _, err := os.Stat(test.dir); (err == nil) != test.stay {
			t.Errorf("%s: %v", test.dir, err)
		}
	}
	if _, err := p.Describe(t.Context()); err != nil {
		t.Errorf("the living server's plugin: %v", err)
	}
	if !strings.Contains(log.String(), dead) {
		t.Errorf("the log does not tell: %s", log.String())
	}
}

// A host that is closed first takes its plugins and what left them along.
func TestCgroupEndsWithItsHost(t *testing.T) {
	base := cgroupBase(t)
	var log logBuffer
	h := containedHost(t, base, log.logger())
	p := launch(t, h, testSpec("leaver", log.logger()))
	left := number(t, &log, "leaver")
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	<-p.Done()
	if alive(left) {
		t.Error("what had left the plugin lives")
	}
}

func TestContain(t *testing.T) {
	var log logBuffer
	h := testHost(t)
	for _, test := range []struct{ name, setting, text string }{
		{"no such folder", "/sys/fs/cgroup/none/such", "make it with mkdir"},
		{"no cgroup", t.TempDir(), "no folder of a cgroup v2 file system"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := h.Contain(test.setting, log.logger()); !errors.Is(err, ErrCgroup) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("Contain = %v", err)
			}
		})
	}
	if err := h.Contain(CgroupOff, log.logger()); err != nil || h.spawn.groups != nil {
		t.Error(err)
	}
	if want := `msg="plugins are contained" children="process group and subreaper" memory="watchdog and GOMEMLIMIT" no_cgroup="server.cgroup is off"`; !strings.Contains(log.String(), want) {
		t.Errorf("log %s, want %s", log.String(), want)
	}
}

func TestOwnCgroup(t *testing.T) {
	const unified = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n41 31 0:38 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n"
	for _, test := range []struct{ name, mounts, cgroup, want string }{
		{"one hierarchy", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n", "0::/system.slice/strobe.service\n", "/sys/fs/cgroup/system.slice/strobe.service"},
		{"hybrid", unified, "4:memory:/x\n0::/\n", "/sys/fs/cgroup/unified"},
		{"part mounted", "30 23 0:26 /docker/a /my\\040groups rw - cgroup2 cgroup2 rw\n", "0::/docker/a/b\n", "/my groups/b"},
		{"another part mounted", "30 23 0:26 /docker/a /groups rw - cgroup2 cgroup2 rw\n", "0::/docker/ab\n", ""},
		{"outside the namespace", unified, "0::/../other\n", ""},
		{"version 1 only", "31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "4:memory:/x\n", ""},
		{"cut short", "30 23 0:26 / /sys/fs/cgroup rw -", "0::/", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := ownCgroup(test.mounts, test.cgroup); got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// folder is made-up files of a cgroup.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDelegated(t *testing.T) {
	files := map[string]string{"cgroup.procs": "", "cgroup.type": "domain\n"}
	uid := os.Geteuid()
	for _, test := range []struct {
		name string
		dir  string
		uid  int
		mark string
		text string
	}{
		{"root of all", folder(t, nil), uid, "1", "root of all cgroups"},
		{"another user's", folder(t, files), uid + 1, "", "not delegated"},
		{"root's, without a mark", folder(t, files), 0, "", "not delegated"},
		{"marked", folder(t, files), 0, "1", ""},
		{"marked as not delegated", folder(t, files), 0, "0", "not delegated"},
		{"no processes to place", folder(t, map[string]string{"cgroup.type": ""}), 0, "1", "not writable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.mark != "" {
				if err := unix.Setxattr(test.dir, "user.delegate", []byte(test.mark), 0); err != nil {
					t.Skip("needs a file system with attributes: ", err)
				}
			}
			err := delegated(test.dir, test.uid)
			if test.text == "" && err != nil || test.text != "" && (err == nil || !strings.Contains(err.Error(), test.text)) {
				t.Errorf("got %v, want %q", err, test.text)
			}
		})
	}
	for dir, unit := range map[string]bool{"/a/strobe.service": true, "/a/session-2.scope": true, "/a/app.slice": true, "/a/strobe.service/server": false} {
		if isUnit(dir) != unit {
			t.Errorf("%s is a unit: %v", dir, !unit)
		}
	}
}

func TestCgroupMemory(t *testing.T) {
	read := func(dir, name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	t.Run("no controller", func(t *testing.T) {
		if err := enableMemory(folder(t, map[string]string{"cgroup.controllers": "cpu hugetlb\n"})); err == nil || !strings.Contains(err.Error(), "no memory controller") {
			t.Error(err)
		}
	})
	t.Run("enabled", func(t *testing.T) {
		dir := folder(t, map[string]string{"cgroup.controllers": "cpu memory\n", "cgroup.subtree_control": ""})
		if err := enableMemory(dir); err != nil || read(dir, "cgroup.subtree_control") != "+memory" {
			t.Error(err)
		}
	})
	t.Run("was enabled", func(t *testing.T) {
		dir := folder(t, map[string]string{"cgroup.controllers": "cpu memory\n", "cgroup.subtree_control": "memory"})
		if err := enableMemory(dir); err != nil || read(dir, "cgroup.subtree_control") != "memory" {
			t.Error(err)
		}
	})
	t.Run("bound", func(t *testing.T) {
		g := cgroup{dir: folder(t, map[string]string{"memory.max": "", "memory.oom.group": "", "memory.swap.max": ""})}
		if err := g.bound(1 << 30); err != nil || read(g.dir, "memory.max") != "1073741824" || read(g.dir, "memory.oom.group") != "1" || read(g.dir, "memory.swap.max") != "0" {
			t.Error(err)
		}
	})
	t.Run("bound without swap", func(t *testing.T) {
		if err := (&cgroup{dir: folder(t, map[string]string{"memory.max": "", "memory.oom.group": ""})}).bound(1); err != nil {
			t.Error(err)
		}
	})
	t.Run("no bound", func(t *testing.T) {
		if err := (&cgroup{dir: folder(t, nil)}).bound(1); err == nil {
			t.Error("bound without files")
		}
	})
	for text, want := range map[string]error{"low 0\noom 1\noom_kill 1\noom_group_kill 1\n": ErrMemory, "oom 3\noom_kill 0\noom_group_kill 0\n": nil, "": nil} {
		err := (&cgroup{dir: folder(t, map[string]string{"memory.events": text})}).overMemory(1 << 30)
		if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), "its max_memory is 1024 MiB") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A server moves itself only when nobody else is in its cgroup, and that was delegated to it.
func TestStepDown(t *testing.T) {
	for _, test := range []struct {
		name, procs, mark, text string
	}{
		{"not delegated", "7\n", "", "keeps the kernel from bounding memory"},
		{"not alone", "7\n8\n", "1", "processes [7 8] are in"},
		{"somebody else", "8\n", "1", "processes [8] are in"},
		{"alone", "7\n", "1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, map[string]string{"cgroup.procs": test.procs})
			if test.mark != "" {
				if err := unix.Setxattr(dir, "user.delegate", []byte(test.mark), 0); err != nil {
					t.Skip("needs a file system with attributes: ", err)
				}
			}
			below := filepath.Join(dir, serverCgroup)
			if test.text == "" { // as the kernel would
				if err := os.Mkdir(below, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(below, "cgroup.procs"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := stepDown(dir, 7)
			if test.text != "" {
				if err == nil || !strings.Contains(err.Error(), test.text) {
					t.Errorf("got %v, want %q", err, test.text)
				}
				return
			}
			if text, _ := os.ReadFile(filepath.Join(below, "cgroup.procs")); err != nil || string(text) != "7" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}
