package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
)

// envLogLevel tells a plugin what the host would throw away anyway.
const envLogLevel = "STROBE_LOG_LEVEL"

// envBackground tells a plugin that nobody waits for it: it makes way while others use the processors.
const envBackground = "STROBE_BACKGROUND"

// Spec is a plugin to launch.
type Spec struct {
	Kind, Name string   // for errors and logs: "model", "dit"
	Command    []string // the program and its arguments
	SHA256     string   // of the program, hexadecimal; empty: not checked
	Nice       int      // scheduling priority of the whole process group, 0..19
	Background bool     // nobody waits for what it does: see Yield
	Env        []string // more variables, "KEY=value"
	Log        *slog.Logger
	Timeouts   Timeouts
	// MaxMemory bounds what the process and its children have in memory of their own, in bytes: beyond it they are ended with
	// [ErrMemory]; 0: no bound.
	MaxMemory int64
}

// Timeouts bound a plugin's calls when the caller's context does not. Zero means the default. Record and Open are less than what
// profiles wait for an answer: a process that does not answer is to be known by that, see [Hung], before its caller goes away.
type Timeouts struct {
	Start     time.Duration // from launch to handshake; 10 s
	Describe  time.Duration // 5 s
	Configure time.Duration // and Probe; 10 s
	Load      time.Duration // 5 min
	Generate  time.Duration // 1 h
	Progress  time.Duration // from one message of a Generate to its next; 0: no bound of its own
	Record    time.Duration // what a model, or a profiler that measures, is asked for a profile; 8 s
	Open      time.Duration // and Abort; 8 s
	Finish    time.Duration // 10 min
	Close     time.Duration // the plugin's own flush; 5 s
}

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		to   *time.Duration
		zero time.Duration
	}{
		{&t.Start, 10 * time.Second}, {&t.Describe, 5 * time.Second}, {&t.Configure, 10 * time.Second},
		{&t.Load, 5 * time.Minute}, {&t.Generate, time.Hour}, {&t.Record, 8 * time.Second},
		{&t.Open, 8 * time.Second}, {&t.Finish, 10 * time.Minute}, {&t.Close, 5 * time.Second},
	} {
		if *d.to == 0 {
			*d.to = d.zero
		}
	}
	return t
}

// Host launches plugins. It is safe for concurrent use. Close it after its plugins.
type Host struct {
	dir   string
	own   bool
	spawn *spawner
	once  sync.Once
	err   error
}

// NewHost makes a host whose sockets lie in runtimeDir; empty: in a folder of its own that goes with the host.
func NewHost(dir string) (*Host, error) {
	if err := insidePlugin(); err != nil {
		return nil, err
	}
	dir, own, err := runtimeDir(dir)
	if err != nil {
		return nil, err
	}
	return &Host{dir: dir, own: own, spawn: newSpawner()}, nil
}

// Adopt makes this program the parent of whatever its plugins leave behind, so that processes that left their plugin's group
// can be found and ended. It holds for the whole program and is for those that are made for it, such as a server.
func (h *Host) Adopt() error { return h.spawn.adopt() }

// Close ends the spawner; on Linux any plugin that was not closed dies with it.
func (h *Host) Close() error {
	h.once.Do(func() {
		h.spawn.close()
		h.err = h.spawn.groups.close()
		if h.own {
			h.err = errors.Join(h.err, os.RemoveAll(h.dir))
		}
	})
	return h.err
}

// Launch starts a plugin and shakes hands. ctx bounds the launch, not the plugin's life.
func (h *Host) Launch(ctx context.Context, s Spec) (*Process, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.Timeouts = s.Timeouts.withDefaults()
	name := prefix(s.Kind, s.Name)
	s.Log = s.Log.With("plugin", name)
	p, err := h.launch(ctx, s)
	if err != nil {
		return nil, &Error{Plugin: name, Op: "start", Err: err}
	}
	return p, nil
}

func (h *Host) launch(ctx context.Context, s Spec) (*Process, error) {
	if err := insidePlugin(); err != nil {
		return nil, err
	}
	if h.spawn.closed() {
		return nil, ErrClosed
	}
	path, err := program(s.Command)
	if err != nil {
		return nil, err
	}
	file, err := verify(path, s.SHA256)
	if err != nil {
		return nil, err
	}
	defer file.close()
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeouts.Start, fmt.Errorf("%w: no handshake within %s", ErrStartTimeout, s.Timeouts.Start))
	defer cancel()
	p := newProcess(s)
	p.client = goplugin.NewClient(h.config(p, file, cert))
	connected := make(chan error, 1)
	go func() { connected <- p.connect() }()
	select {
	case err = <-connected:
	case <-ctx.Done():
		err = context.Cause(ctx)
		p.abandon()
		<-connected
	}
	if err == nil {
		p.Log.Debug("plugin started", "pid", p.PID())
		return p, nil
	}
	err = p.explain(err)
	p.abandon()
	return nil, err
}

func (h *Host) config(p *Process, file *checked, cert certificate) *goplugin.ClientConfig {
	return &goplugin.ClientConfig{
		HandshakeConfig:  handshake,
		Plugins:          goplugin.PluginSet{dispensed: connPlugin{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		TLSConfig:        cert.config(),
		// Ours ends first and says why; go-plugin's timer is a second line.
		StartTimeout:     p.Timeouts.Start + time.Second,
		Logger:           libraryLogger(p.Log),
		Stderr:           io.Discard,
		SyncStdout:       p.logs[2],
		SyncStderr:       p.logs[3],
		GRPCDialOptions:  dialOptions(),
		SkipHostEnv:      true,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: h.dir},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, dir string) (runner.Runner, error) {
			id := newID()
			cmd := file.command(p.Command[1:]...)
			cmd.Env = append(pluginEnv(os.Environ()), spec.Env...)
			cmd.Env = append(cmd.Env, envInstance+"="+id)
			cmd.Env = append(cmd.Env, memoryEnv(p.MaxMemory, os.Getenv)...)
			cmd.Env = append(cmd.Env, "PLUGIN_CLIENT_CERT="+cert.pem, envLogLevel+"="+lowestLevel(p.Log).String())
			if p.Background {
				cmd.Env = append(cmd.Env, envBackground+"=1")
			}
			cmd.Env = append(cmd.Env, p.Env...)
			c := newChild(h.spawn, cmd, p.Nice, p.logs[0], p.logs[1])
			c.dir, c.id, c.log, c.maxMemory = dir, id, p.Log, p.MaxMemory
			return c, p.adopt(c)
		},
	}
}

// lowestLevel is the lowest level that log takes.
func lowestLevel(log *slog.Logger) slog.Level {
	for _, l := range []slog.Level{LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
		if log.Enabled(context.Background(), l) {
			return l
		}
	}
	return slog.LevelError
}

// connPlugin gives out the bare connection: our clients are made on it.
type connPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

// GRPCServer implements goplugin.GRPCPlugin.
func (connPlugin) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("not on this side")
}

// GRPCClient implements goplugin.GRPCPlugin.
func (connPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return c, nil
}
