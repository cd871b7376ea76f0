package plugintest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// hostEnv in the environment holds the command of the plugin that [RunHost] starts, as JSON.
const hostEnv = "STROBE_PLUGINTEST_HOST"

// hostSays begins the line in which a host names its plugin's process, which is its process group, too.
const hostSays = "strobe-plugintest-host-of "

// Limits of the check with a host that dies.
const (
	hostStart = 30 * time.Second // until the host has started the plugin
	hostDeath = 5 * time.Second  // until the plugin is gone
)

// RunHost makes this program a host for a while, one that a check kills: it starts the plugin that the check wants, and
// waits. It returns when standard input ends. Programs that run [Check]s, and are given as Host, call it.
func RunHost(ctx context.Context) error {
	var command []string
	if err := json.Unmarshal([]byte(os.Getenv(hostEnv)), &command); err != nil || len(command) == 0 {
		return fmt.Errorf("%s is not set: this is for the checks of a plugin alone", hostEnv)
	}
	host, err := wire.NewHost("")
	if err != nil {
		return err
	}
	p, err := host.Launch(ctx, wire.Spec{Name: "under test", Command: command, Log: slog.New(slog.DiscardHandler), Timeouts: timeouts})
	if err != nil {
		return errors.Join(err, host.Close())
	}
	fmt.Printf("\n%s%d\n", hostSays, p.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return errors.Join(p.Close(ctx), host.Close())
}

// isHost runs the host when this run of the test binary is to be one.
func isHost(t *testing.T) bool {
	t.Helper()
	if os.Getenv(hostEnv) == "" {
		return false
	}
	if err := RunHost(t.Context()); err != nil {
		t.Error(err)
	}
	return true
}

// testHost is this very test, run again as a host.
func testHost(t *testing.T) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(t.Name(), "/")
	return []string{self, "-test.run=^" + regexp.QuoteMeta(name) + "$", "-test.v=false"}
}

// outlivesNoHost kills a host with SIGKILL. Of its plugin no process may be left.
func outlivesNoHost(ctx context.Context, p *Plugin, host []string) error {
	switch {
	case p.command == nil:
		return fmt.Errorf("%w: it is no process", ErrSkipped)
	case len(host) == 0:
		return fmt.Errorf("%w: no Host is given", ErrSkipped)
	}
	dir, err := os.MkdirTemp("", "host") // for the sockets, which a killed host leaves behind
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	command, err := json.Marshal(p.command)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, host[0], host[1:]...)
	cmd.Env = append(os.Environ(), hostEnv+"="+string(command), "TMPDIR="+dir)
	stdin, err1 := cmd.StdinPipe() // open as long as the host is to live
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a host: %w", err)
	}
	late := time.AfterFunc(hostStart, func() { _ = cmd.Process.Kill() })
	group, said := readGroup(stdout)
	late.Stop()
	killed := cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	switch {
	case group == 0:
		return fmt.Errorf("the host %q started no plugin: %s", host, said)
	case killed != nil:
		return fmt.Errorf("the host ended by itself: %w", killed)
	}
	defer syscall.Kill(-group, syscall.SIGKILL)
	return awaitEnd(group)
}

// readGroup reads until the host names the plugin's group; 0 when it never does, with what it said instead.
func readGroup(r io.Reader) (group int, said string) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), hostSays); ok {
			group, _ = strconv.Atoi(n)
			return group, ""
		}
		said += lines.Text() + "\n"
	}
	return 0, said
}

func awaitEnd(group int) error {
	deadline := time.Now().Add(hostDeath)
	for {
		left := members(group)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("its host was killed, and %s later there still is %s: a plugin ends when its parent is gone, and what it started with it", hostDeath, strings.Join(left, ", "))
		}
		time.Sleep(20 * time.Millisecond)
	}
}
