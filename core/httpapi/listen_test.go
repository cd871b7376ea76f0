package httpapi

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shortDir is a folder whose sockets' paths are short enough for every system.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "st")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestListenUnix(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "admin.sock")
	first, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	if _, err := ListenUnix(path); err == nil || !strings.Contains(err.Error(), "another server listens there") {
		t.Errorf("a second server: %v", err)
	}
	c, err := net.Dial("unix", path) // the second try took nothing away
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}

	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}) // as one that was killed leaves it
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	second, err := ListenUnix(path)
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	third, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil { // must leave the other's socket
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a server removed the socket of the next: %v", err)
	}
	_ = third.Close()

	file := filepath.Join(dir, "file")
	writeTokens(t, file, "precious", 0)
	if _, err := ListenUnix(file); err == nil || !strings.Contains(err.Error(), "no socket is there") {
		t.Errorf("over a file: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "precious" {
		t.Error("the file is gone")
	}
	if _, err := ListenUnix(filepath.Join(dir, "none", "x.sock")); err == nil {
		t.Error("in a folder that is not there")
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".s*"))
	if len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// writePair writes a new certificate, with name in it, and its key.
func writePair(t *testing.T, cert, key, name string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTLS: TLS 1.2 at least; a new pair is taken up by itself, and one that cannot be used changes nothing.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if _, err := LoadCertificate(cert, key, logger); err == nil || !strings.Contains(err.Error(), "server.tls") {
		t.Fatalf("no files: %v", err)
	}
	writePair(t, cert, key, "one.example")
	pair, err := LoadCertificate(cert, key, logger)
	if err != nil {
		t.Fatal(err)
	}
	now := func() string {
		pair.mu.Lock()
		pair.checked = time.Time{} // a second has passed
		pair.mu.Unlock()
		return pair.current().Leaf.DNSNames[0]
	}
	if got := now(); got != "one.example" {
		t.Error(got)
	}
	writePair(t, cert, key, "two.example")
	if got := now(); got != "two.example" {
		t.Error(got)
	}
	writeTokens(t, cert, "no certificate", 0)
	if got := now(); got != "two.example" {
		t.Error(got)
	}
	_ = now()
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	if got := now(); got != "two.example" {
		t.Error(got)
	}
	writePair(t, cert, key, "three.example")
	if got := now(); got != "three.example" {
		t.Error(got)
	}
	if n := strings.Count(log.String(), "the last one stays"); n != 2 {
		t.Errorf("%d complaints:\n%s", n, log.String())
	}

	h := newHarness(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := h.server.HTTPServer(Exposure{Loopback: true}, pair.Config())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.ServeTLS(LimitConns(l, ConnLimits{Total: 10, PerClient: 10, Log: logger}), "", "")
	}()
	defer func() { _ = srv.Close(); <-done }()
	roots := x509.NewCertPool()
	roots.AddCert(pair.current().Leaf)
	get := func(most uint16) (string, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "three.example", MinVersion: tls.VersionTLS10, MaxVersion: most}}}
		defer client.CloseIdleConnections()
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+l.Addr().String()+"/health", nil)
		if err != nil {
			return "", err
		}
		res, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return string(text), err
	}
	for version, ok := range map[uint16]bool{tls.VersionTLS13: true, tls.VersionTLS12: true, tls.VersionTLS11: false, tls.VersionTLS10: false} {
		if text, err := get(version); (err == nil && strings.Contains(text, "healthy")) != ok {
			t.Errorf("%s: %q, %v", tls.VersionName(version), text, err)
		}
	}
}
