// Package viewer hands one trace to a viewer in the browser: a server on loopback that passes it on to this page, once, to
// whoever has the secret of the link: other users of this machine reach loopback, too.
//
// ui.perfetto.dev's content security policy lets its page fetch from http://127.0.0.1:9001 and from no other local port,
// and the page must be allowed by CORS. Nothing else is: another origin, another host name (a rebound DNS name) or
// another path is refused. What is passed on is not kept here.
package viewer

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// Origin is the page that may read the file.
const Origin = "https://ui.perfetto.dev"

// Addr is the one address that the page may fetch from.
const Addr = "127.0.0.1:9001"

// ErrNotFetched says that nobody came for the file in time.
var ErrNotFetched = errors.New("nobody fetched the trace in time")

// Source opens the trace, and gives its size; -1 when it is not known. It is called once.
type Source func(ctx context.Context) (io.ReadCloser, int64, error)

// Server passes one trace on.
type Server struct {
	path     string // of the URL: the secret, then the name that the viewer shows
	open     Source
	listener net.Listener
	taken    atomic.Bool // somebody came with the secret
	fetched  chan error  // how that went
}

// Listen opens the port. name is what the trace is called in its URL and secret what its URL has before that, a path element
// each.
func Listen(addr, name, secret string, open Source) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s, the only place that %s may fetch from (is another `strobe profile open` waiting?): %w",
			addr, Origin, err)
	}
	return &Server{path: "/" + url.PathEscape(secret) + "/" + url.PathEscape(name), open: open, listener: l, fetched: make(chan error, 1)}, nil
}

// FileURL is where the trace is.
func (s *Server) FileURL() string { return "http://" + s.listener.Addr().String() + s.path }

// PageURL opens the viewer with the file.
func (s *Server) PageURL() string { return Origin + "/#!/?url=" + s.FileURL() }

// Close gives the port back. Serve closes it too.
func (s *Server) Close() error { return s.listener.Close() }

// Serve serves until somebody has fetched the trace, ctx ends or the timeout is over, which is [ErrNotFetched]. A transfer
// that broke is an error.
func (s *Server) Serve(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrNotFetched)
	defer cancel()
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.listener) }()
	var err error
	select {
	case err = <-s.fetched:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-served:
		return fmt.Errorf("serve the trace: %w", err)
	}
	// The last bytes of the reply may still be on their way to the socket: let the handlers end.
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if shut := srv.Shutdown(end); shut != nil {
		_ = srv.Close() // the connection that would not end is cut
	}
	<-served
	return err
}

// ServeHTTP answers the page and nobody else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", Origin)
	h.Set("Vary", "Origin")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch origin := r.Header.Get("Origin"); {
	case r.Host != s.listener.Addr().String():
		http.Error(w, "this host name is not served here", http.StatusForbidden)
	case origin != "" && origin != Origin:
		http.Error(w, "only "+Origin+" may read this file", http.StatusForbidden)
	case subtle.ConstantTimeCompare([]byte(r.URL.EscapedPath()), []byte(s.path)) != 1:
		http.NotFound(w, r)
	case r.Method == http.MethodOptions: // Chrome asks before a public page may reach a loopback address
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Private-Network", "true")
		h.Set("Access-Control-Allow-Local-Network", "true")
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
	default:
		s.send(w, r)
	}
}

// send passes the trace on as it is: the viewer unpacks it. Ranges are not offered, so that "fetched" means whole.
func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	if !s.taken.CompareAndSwap(false, true) {
		http.Error(w, "the trace was fetched: run strobe profile open again", http.StatusGone)
		return
	}
	s.fetched <- s.pass(w, r)
}

func (s *Server) pass(w http.ResponseWriter, r *http.Request) error {
	from, size, err := s.open(r.Context())
	if err != nil {
		http.Error(w, "the trace cannot be read", http.StatusBadGateway)
		return fmt.Errorf("open the trace for the page: %w", err)
	}
	defer from.Close()
	if size >= 0 {
		w.Header().Set("Content-Length", fmt.Sprint(size))
	}
	n, err := io.Copy(w, from)
	if err == nil && size >= 0 && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("hand the trace to the page: it has %d bytes of it: %w", n, err)
	}
	return nil
}
