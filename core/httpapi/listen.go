package httpapi

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// HTTPServer is a server for one listener of the API, with the limits of [Options]. certificates may be nil: plain HTTP.
func (s *Server) HTTPServer(e Exposure, certificates *tls.Config) *http.Server {
	srv := NewHTTPServer(s.On(e), s.o.Limits, certificates, s.log)
	srv.RegisterOnShutdown(s.EndStreams)
	return srv
}

// NewHTTPServer is a server for one listener, with limits. certificates may be nil: plain HTTP.
func NewHTTPServer(h http.Handler, l Limits, certificates *tls.Config, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		TLSConfig:         certificates,
		ReadHeaderTimeout: l.HeaderTimeout,
		// No ReadTimeout: it would end generations that take longer. limitBody bounds the time of a body.
		IdleTimeout:    l.IdleTimeout,
		MaxHeaderBytes: l.MaxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// ListenUnix makes a socket that its owner alone may use. A socket that a server left behind is replaced; one that
// answers, and a file of any other kind, is an error.
func ListenUnix(path string) (net.Listener, error) {
	if err := freeSocket(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	// It is made under another name, in a folder of its own, so that nobody can reach it before it has its mode.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".s") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", path, err), l.Close())
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", path, err), l.Close())
	}
	return &socket{Listener: l, path: path, info: info}, nil
}

// freeSocket looks whether something is at path, and removes a socket that nobody listens on.
func freeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("a file that is no socket is there: remove it, or choose another path")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
		return errors.New("another server listens there: stop it, or choose another path")
	}
	return os.Remove(path)
}

// socket removes its file when it is closed, if it is still its own.
type socket struct {
	net.Listener
	path string
	info fs.FileInfo
	once sync.Once
}

// Close implements [net.Listener].
func (s *socket) Close() error {
	err := s.Listener.Close()
	s.once.Do(func() {
		if now, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(now, s.info) {
			_ = os.Remove(s.path)
		}
	})
	return err
}
