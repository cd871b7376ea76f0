package httpapi

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateCheck is how often the files of a certificate are looked at, at most.
const certificateCheck = time.Second

// Certificate is a certificate and its key out of files, read again when one of them has changed. A pair that cannot be
// used is logged, and the last good one stays: a server without a certificate answers nobody. It is safe for concurrent use.
type Certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	stamps  [2]fs.FileInfo
	checked time.Time
}

// LoadCertificate reads the pair.
func LoadCertificate(cert, key string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, log: log}
	stamps := c.stat()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read server.tls: %w", err)
	}
	c.pair, c.stamps, c.checked = &pair, stamps, time.Now()
	return c, nil
}

// Config is how listeners use the certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}
}

func (c *Certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.checked) < certificateCheck {
		return c.pair
	}
	c.checked = now
	stamps := c.stat()
	if sameFile(stamps[0], c.stamps[0]) && sameFile(stamps[1], c.stamps[1]) {
		return c.pair
	}
	c.stamps = stamps
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		c.log.Error("the new certificate cannot be used; the last one stays", logError, err)
		return c.pair
	}
	c.log.Info("a new certificate is used", "ends", pair.Leaf.NotAfter)
	c.pair = &pair
	return c.pair
}

func (c *Certificate) stat() (stamps [2]fs.FileInfo) {
	for i, path := range []string{c.cert, c.key} {
		stamps[i], _ = os.Stat(path) // nil when it is not there
	}
	return stamps
}

// sameFile tells whether a file is as it was when it was looked at before.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
