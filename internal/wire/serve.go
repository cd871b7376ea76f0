package wire

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// parentWatch is how often a plugin looks whether its parent still lives, for systems without a death signal and for
// plugins that a shell script stands before.
const parentWatch = time.Second

// lastWait bounds what is still to be ended when the server has stopped.
const lastWait = 500 * time.Millisecond

// Service is what a plugin process serves.
type Service interface {
	register(s *grpc.Server)
	// finish ends what runs as far as ctx lets it; it is called when Close was, and once more when the server ends.
	finish(ctx context.Context)
	title() string // for people: `profiler plugin "chrome"`
	block() string // the block for plugins.hcl that would use it
}

// Run serves a plugin until the host ends it, and returns the exit status. It is the plugin's main.
func Run(s Service, logs *slog.Logger, stderr io.Writer) int {
	if os.Getenv(cookieKey) != cookieValue {
		fmt.Fprintf(stderr, "This is the Strobe %s. Strobe starts it; by hand it does nothing.\n\n"+
			"To use it, put this into plugins.hcl:\n\n%s\nand run: strobe serve\n", s.title(), s.block())
		return 1
	}
	stop := make(chan struct{})
	defer close(stop)
	go watchParent(os.Getppid(), stop)
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         goplugin.PluginSet{dispensed: served{service: s}},
		Logger:          hclog.New(&hclog.LoggerOptions{Name: "go-plugin", JSONFormat: true, Level: hclog.Warn, Output: stderr}),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return newServer(logs, o...)
		},
	})
	// The host has had its chance to call Close with more patience.
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	s.finish(ctx)
	return 0
}

// newServer makes a gRPC server as plugins have it: our message limit, and a panic in a handler is an error.
func newServer(logs *slog.Logger, o ...grpc.ServerOption) *grpc.Server {
	g := recoverer{logs}
	return grpc.NewServer(append(append(o, serverOptions()...), grpc.UnaryInterceptor(g.unary), grpc.StreamInterceptor(g.stream))...)
}

func watchParent(parent int, stop <-chan struct{}) {
	t := time.NewTicker(parentWatch)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			if os.Getppid() != parent {
				os.Exit(3) // the host is gone, nobody is left to tell
			}
		}
	}
}

// served registers a service on go-plugin's server.
type served struct {
	goplugin.NetRPCUnsupportedPlugin
	service Service
}

// GRPCServer implements goplugin.GRPCPlugin.
func (p served) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	p.service.register(s)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin.
func (served) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("not on this side")
}

// recoverer turns a panic in a handler into an error with a logged stack: the plugin's other profiles and requests
// are not to die of it.
type recoverer struct{ log *slog.Logger }

func (g recoverer) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (reply any, err error) {
	defer g.recover(info.FullMethod, &err)
	return h(ctx, req)
}

func (g recoverer) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) (err error) {
	defer g.recover(info.FullMethod, &err)
	return h(srv, s)
}

func (g recoverer) recover(method string, err *error) {
	if r := recover(); r != nil {
		g.log.Error("panic in a plugin's handler", "method", method, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		*err = status.Errorf(codes.Internal, "panic: %v", r)
	}
}
