package otlp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// authority issues certificates for 127.0.0.1.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // of the certificate
}

func newAuthority(t testing.TB, name string) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.file, _ = a.issue(name, true)
	return a
}

// issue writes a certificate and its key. The authority's own is the first.
func (a *authority) issue(name string, ca bool) (certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	m := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	m.Subject.CommonName = name
	if a.cert == nil {
		a.cert, a.key = m, key
	}
	der, err := x509.CreateCertificate(rand.Reader, m, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(a.dir, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			a.t.Fatal(err)
		}
		return path
	}
	return write(name+".pem", "CERTIFICATE", der), write(name+".key", "PRIVATE KEY", keyDER)
}

// server is the option of a receiver that has a certificate of a's, and asks for one of the clients.
func (a *authority) server() grpc.ServerOption {
	certFile, keyFile := a.issue("server", false)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	text, _ := os.ReadFile(a.file)
	pool.AppendCertsFromPEM(text)
	return grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}))
}

func TestTLS(t *testing.T) {
	f := record(t)
	requests(f, 1, 3)
	f.stop(t)
	mine, other := newAuthority(t, "mine"), newAuthority(t, "other")
	cert, key := mine.issue("client", false)
	secured := mine.server()
	for name, c := range map[string]struct {
		ca, cert, key string
		insecure      bool
		fails         string // in the error
	}{
		"client certificate": {mine.file, cert, key, false, ""},
		"wrong CA":           {other.file, cert, key, false, "certificate"},
		"no certificate":     {mine.file, "", "", false, ""}, // TLS 1.3 tells of it late, as a broken connection perhaps
		"no TLS":             {"", "", "", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // three of them wait in vain
			r := newReceiver(t, secured)
			config := to(r.address)
			config.CAFile, config.CertFile, config.KeyFile, config.Insecure = c.ca, c.cert, c.key, nil
			if c.insecure {
				config.Insecure = &c.insecure
			}
			config.Timeout, config.Patience = time.Second, 1500*time.Millisecond
			o := f.export(t, config, f.profile(t, "p"))
			if name == "client certificate" {
				if o.err != nil {
					t.Fatal(o.err)
				}
				once(t, r.all(), 1, 3)
				return
			}
			if o.err == nil || !strings.Contains(o.err.Error(), c.fails) || len(r.all()) > 0 {
				t.Errorf("error %v, %d spans arrived", o.err, len(r.all()))
			}
		})
	}
}

// TestEnvironment checks that OTEL_EXPORTER_OTLP_… counts where the block says nothing, and only there.
func TestEnvironment(t *testing.T) {
	f := record(t)
	requests(f, 1, 3)
	f.stop(t)
	for name, c := range map[string]struct {
		env    map[string]string // %s is the receiver
		config func(c *Config, address string)
		header string
		name   string
	}{
		"endpoint and headers": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://%s", "OTEL_EXPORTER_OTLP_HEADERS": "key=env"}, nil, "env", "strobe"},
		"of traces wins":       {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://%s"}, nil, "", "strobe"},
		"the block wins": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS": "key=env", "OTEL_SERVICE_NAME": "env"},
			func(c *Config, address string) {
				insecure := true
				c.Endpoint, c.Insecure, c.Headers, c.ServiceName = address, &insecure, map[string]string{"key": "block"}, "block"
			}, "block", "block"},
		"a URL":   {nil, func(c *Config, address string) { c.Endpoint = "http://" + address }, "", "strobe"},
		"service": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://%s", "OTEL_SERVICE_NAME": "mine"}, nil, "", "mine"},
		"gzip":    {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://%s"}, func(c *Config, _ string) { c.Compression = "gzip" }, "", "strobe"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			for k, v := range c.env {
				t.Setenv(k, strings.ReplaceAll(v, "%s", r.address))
			}
			config := defaults()
			config.Detail, config.Patience = "device", 2*time.Second
			if c.config != nil {
				c.config(&config, r.address)
			}
			if o := f.export(t, config, f.profile(t, "p")); o.err != nil || o.report.Endpoint != r.address {
				t.Fatalf("%v, endpoint %q", o.err, o.report.Endpoint)
			}
			once(t, r.all(), 1, 3)
			if got := strings.Join(r.headers.Get("key"), ","); got != c.header {
				t.Errorf("header %q, want %q", got, c.header)
			}
			if got := value(r.all()[0].resource.Attributes, "service.name"); got != c.name {
				t.Errorf("service.name %v, want %s", got, c.name)
			}
		})
	}
}
