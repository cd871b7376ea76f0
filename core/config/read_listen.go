package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TLS is the block `server { tls { … } }`: the certificate of every TCP listener.
type TLS struct {
	Cert string // absolute path of a PEM file: the server's certificate and what leads to its root
	Key  string // absolute path of a PEM file: its private key
	Origin
}

// Admin is the block `server { admin { … } }`: a listener for every route, which takes those of profiles, plugins and
// metrics off server.listen.
type Admin struct {
	// Listen is host:port, or "unix://" and an absolute path.
	Listen string
	Origin
}

// Socket is the path of a unix socket, or empty: Listen is host:port.
func (a *Admin) Socket() string {
	path, _ := strings.CutPrefix(a.Listen, unixScheme)
	if path == a.Listen {
		return ""
	}
	return path
}

const unixScheme = "unix://"

// maxSocketPath is the longest path that every system takes for a socket, with room for the name it is made under.
const maxSocketPath = 90

// Limits is the block `server { limits { … } }`: what callers may take of the server.
type Limits struct {
	StartsPerMinute      int           // starts and snapshots of profiles, all callers together; a quarter of it at once; 0: none is limited
	GenerationsPerMinute int           // requests for images, of each key; a quarter of it at once; 0: none is limited
	Connections          int           // open at once; more wait
	ConnectionsPerClient int           // open at once from one address; more are closed
	HeaderTimeout        time.Duration // for a request's header to come
	BodyTimeout          time.Duration // for a request's body to come
	IdleTimeout          time.Duration // from an answer to the next request on its connection
	StallTimeout         time.Duration // for each MiB of an answer to be taken
	MaxHeaderBytes       int64         // of a request's header, bytes
	Origin
}

var limitKeys = []string{
	"starts_per_minute", "generations_per_minute", "connections", "connections_per_client",
	"header_timeout", "body_timeout", "idle_timeout", "stall_timeout", "max_header",
}

// serverBlocks reads the blocks within server.
func (r *reader) serverBlocks(b *block, s *Server) {
	found := map[string]*hclsyntax.Block{}
	for _, inner := range b.inner {
		r.unlabelled(inner)
		if r.once(b.firsts, &hclsyntax.Block{Type: inner.Type, TypeRange: inner.TypeRange, OpenBraceRange: inner.OpenBraceRange}) {
			found[inner.Type] = inner
		}
	}
	if t := found["tls"]; t != nil {
		s.TLS = r.tls(t)
	}
	if a := found["admin"]; a != nil {
		s.Admin = r.admin(a)
	}
	s.Limits = r.limits(r.block(found["limits"]))
}

func (r *reader) tls(at *hclsyntax.Block) *TLS {
	b := r.open("tls", header(at), at.Body, []string{"cert", "key"}, nil)
	t := &TLS{Cert: b.file("cert"), Key: b.file("key"), Origin: b.Origin}
	for _, key := range []string{"cert", "key"} {
		if b.absent(key) {
			b.errorf(header(at), `write cert = "server.crt" and key = "server.key", both PEM files`, "tls has no %s", key)
		}
	}
	return t
}

func (r *reader) admin(at *hclsyntax.Block) *Admin {
	const example = `such as "127.0.0.1:8092", or "unix:///run/strobe/admin.sock"`
	b := r.open("admin", header(at), at.Body, []string{"listen"}, nil)
	a := &Admin{Listen: b.str("listen", ""), Origin: b.Origin}
	socket := a.Socket()
	switch {
	case b.absent("listen"):
		b.errorf(header(at), "write listen = …, "+example, "admin has no listen")
	case b.wrong["listen"]:
	case !strings.HasPrefix(a.Listen, unixScheme):
		if why := badListen(a.Listen); why != "" {
			b.bad("listen", example, "listen %q %s", a.Listen, why)
		}
	case !strings.HasPrefix(socket, "/") || strings.HasSuffix(socket, "/"):
		b.bad("listen", example, "listen %q is no absolute path of a socket", a.Listen)
	case len(socket) > maxSocketPath:
		b.bad("listen", "systems limit a socket's path: choose a shorter one, such as /run/strobe.sock",
			"listen is a path of %d bytes, more than %d", len(socket), maxSocketPath)
	}
	return a
}

func (r *reader) limits(at hcl.Range, body *hclsyntax.Body) Limits {
	b := r.open("limits", at, body, limitKeys, nil)
	timeout := func(key string, absent time.Duration) time.Duration {
		return b.duration(key, absent, MinClientTimeout, MaxClientTimeout)
	}
	l := Limits{
		StartsPerMinute:      b.whole("starts_per_minute", DefaultStartsPerMinute, 0, MaxPerMinute),
		GenerationsPerMinute: b.whole("generations_per_minute", DefaultGenerationsPerMinute, 0, MaxPerMinute),
		Connections:          b.whole("connections", DefaultConnections, 1, MaxConnections),
		HeaderTimeout:        timeout("header_timeout", DefaultHeaderTimeout),
		BodyTimeout:          timeout("body_timeout", DefaultBodyTimeout),
		IdleTimeout:          timeout("idle_timeout", DefaultIdleTimeout),
		StallTimeout:         timeout("stall_timeout", DefaultStallTimeout),
		MaxHeaderBytes:       b.size("max_header", DefaultMaxHeaderBytes, MinHeaderBytes, MaxHeaderBytes, ""),
		Origin:               b.Origin,
	}
	l.ConnectionsPerClient = b.whole("connections_per_client", min(DefaultConnectionsPerClient, l.Connections), 1, MaxConnections)
	return l
}
