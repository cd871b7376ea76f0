package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
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

// InMemory serves s in this process. name is how errors call it.
func InMemory(s Service, kind, name string, log *slog.Logger, t Timeouts) (*Memory, error) {
	pipe := bufconn.Listen(1 << 20)
	server := newServer(log)
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
