package httpapi

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// ConnLimits bound connections.
type ConnLimits struct {
	Total     int // open at once; more wait in the system's queue
	PerClient int // open at once from one address (of IPv6, from one /64); more are closed
	Log       *slog.Logger
}

// LimitConns wraps a listener.
func LimitConns(l net.Listener, o ConnLimits) net.Listener {
	return &limitedListener{Listener: l, o: o, slots: make(chan struct{}, o.Total), closed: make(chan struct{}), clients: map[netip.Addr]int{}}
}

type limitedListener struct {
	net.Listener
	o     ConnLimits
	slots chan struct{}

	once   sync.Once
	closed chan struct{}

	mu      sync.Mutex
	clients map[netip.Addr]int
	warned  time.Time
}

// warnEvery is how often it is said that a client has too many connections.
const warnEvery = time.Minute

// Accept waits for a slot, then for a connection.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		client := clientOf(c)
		if l.enter(client) {
			return &limitedConn{Conn: c, done: func() { l.leave(client) }}, nil
		}
		_ = c.Close()
	}
}

// enter counts a connection of a client, or says that it has too many. No address, as of a unix socket, has no bound.
func (l *limitedListener) enter(client netip.Addr) bool {
	if !client.IsValid() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients[client] < l.o.PerClient {
		l.clients[client]++
		return true
	}
	if now := time.Now(); now.Sub(l.warned) >= warnEvery {
		l.warned = now
		l.o.Log.Warn("a client has too many connections; more are closed", logRemote, client.String(), "limit", l.o.PerClient)
	}
	return false
}

func (l *limitedListener) leave(client netip.Addr) {
	<-l.slots
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients[client]--; l.clients[client] <= 0 {
		delete(l.clients, client)
	}
}

// Close ends waiting, too.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// clientOf is whom a connection counts for.
func clientOf(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// limitedConn gives its slot back once.
type limitedConn struct {
	net.Conn
	once sync.Once
	done func()
}

// Close implements [net.Conn].
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.done)
	return err
}

// ReadFrom lets a file go out without a copy through this process.
func (c *limitedConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite lets the server say that it is done before it closes.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
