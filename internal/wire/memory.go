package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// Memory is a plugin in this process, called over real gRPC without socket, handshake or encryption: for tests.
type Memory struct {
	Client
	service Service
	server  *grpc.Server
	served  chan struct{}
}

// Fault answers the calls of a plugin in memory in the place of its service, as a plugin that is not written with the SDK
// might: for tests of what checks plugins. call is the name of a call, "Finish"; next is the service's own answer.
type Fault struct {
	Unary  func(call string, req any, next func() (any, error)) (any, error)
	Stream func(call string, next func() error) error
}

func (f Fault) options() []grpc.ServerOption {
	var o []grpc.ServerOption
	if f.Unary != nil {
		o = append(o, grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			return f.Unary(path.Base(info.FullMethod), req, func() (any, error) { return handler(ctx, req) })
		}))
	}
	if f.Stream != nil {
		o = append(o, grpc.ChainStreamInterceptor(func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return f.Stream(path.Base(info.FullMethod), func() error { return handler(srv, s) })
		}))
	}
	return o
}

// InMemory serves s in this process. name is how errors call it.
func InMemory(s Service, kind, name string, log *slog.Logger, t Timeouts) (*Memory, error) {
	return Fault{}.InMemory(s, kind, name, log, t)
}

// InMemory is [InMemory] with the fault.
func (f Fault) InMemory(s Service, kind, name string, log *slog.Logger, t Timeouts) (*Memory, error) {
	pipe := bufconn.Listen(1 << 20)
	server := newServer(log, f.options()...)
	s.register(server)
	conn, err := grpc.NewClient("passthrough:memory", append(dialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))...)
	if err != nil {
		return nil, fmt.Errorf("connect in memory: %w", err)
	}
	m := &Memory{service: s, server: server, served: make(chan struct{}), Client: Client{
		Plugin: prefix(kind, name), conn: conn, timeouts: t.withDefaults(), died: func(time.Duration) error { return nil }}}
	go func() {
		defer close(m.served)
		_ = server.Serve(pipe) // ends with Stop
	}()
	return m, nil
}

// Close ends the plugin as a host would, then the server.
func (m *Memory) Close(ctx context.Context) error {
	err := m.Client.close(ctx)
	err = errors.Join(err, m.conn.Close())
	m.server.Stop()
	<-m.served
	bounded, cancel := context.WithTimeout(ctx, lastWait)
	defer cancel()
	m.service.finish(bounded)
	return err
}
