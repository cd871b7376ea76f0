package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// Config is the block of a profiler of this kind in plugins.hcl. What it does not say is taken from the environment
// (OTEL_EXPORTER_OTLP_…, as OpenTelemetry specifies it), and what that does not say from the defaults.
type Config struct {
	Endpoint    string            `strobe:"endpoint" doc:"host:port of an OTLP/gRPC receiver, or a URL such as https://otlp.example:4317; by default 127.0.0.1:4317 without TLS"`
	Insecure    *bool             `strobe:"insecure" doc:"true: no TLS, as with http:// in endpoint; a bare host:port has TLS otherwise"`
	Headers     map[string]string `strobe:"headers" doc:"sent with every request; secrets are better kept in OTEL_EXPORTER_OTLP_HEADERS"`
	CAFile      string            `strobe:"ca_file" doc:"certificates (PEM) that the receiver's must come from, in place of the system's"`
	CertFile    string            `strobe:"cert_file" doc:"client certificate (PEM)"`
	KeyFile     string            `strobe:"key_file" doc:"key of the client certificate (PEM)"`
	Compression string            `strobe:"compression" doc:"of what is sent" enum:"none,gzip"`
	Timeout     time.Duration     `strobe:"timeout" doc:"of one upload with its retries; 10s unless the environment says otherwise" min:"0.1" max:"300"`

	Detail      string        `strobe:"detail" doc:"how fine the spans are: request, step, operator or device" default:"step" enum:"request,step,operator,device"`
	ServiceName string        `strobe:"service_name" doc:"service.name of every process; strobe unless OTEL_SERVICE_NAME says otherwise"`
	InFlight    int           `strobe:"in_flight" doc:"uploads at once" default:"4" min:"1" max:"16"`
	MaxRequest  int           `strobe:"max_request_bytes" doc:"largest upload before compression; receivers take 4 MiB unless they are told otherwise" default:"1048576" min:"4096" max:"3145728"`
	Patience    time.Duration `strobe:"patience" doc:"after a stop: how long to go on while the backend takes nothing" default:"10s" min:"0" max:"600"`
}

// defaults are those of Config's tags.
func defaults() Config {
	return Config{Detail: "step", InFlight: 4, MaxRequest: 1 << 20, Patience: 10 * time.Second}
}

// defaultEndpoint is where a collector listens that runs beside the server.
const defaultEndpoint = "127.0.0.1:4317"

// Validate finds what would keep every profile from starting.
func (c *Config) Validate() diag.List {
	var found diag.List
	bad := func(key, summary, detail string) {
		found = append(found, diag.Diagnostic{Severity: diag.Error, Summary: summary, Detail: detail, Path: diag.Path{key}})
	}
	if c.Endpoint != "" {
		if err := checkEndpoint(c.Endpoint); err != nil {
			bad("endpoint", err.Error(), `write host:port, such as "127.0.0.1:4317", or a URL with http or https`)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		bad("cert_file", "cert_file and key_file go together", "give both, or neither")
		return found
	}
	if c.Insecure != nil && *c.Insecure && (c.CAFile != "" || c.CertFile != "") {
		bad("insecure", "insecure = true leaves no use for ca_file, cert_file and key_file", "leave out insecure, or the files")
	}
	if _, err := c.pool(); err != nil {
		bad("ca_file", err.Error(), "name a file of PEM certificates, by an absolute path or one from the folder that the server runs in")
	}
	if _, err := c.certificates(); err != nil {
		bad("cert_file", err.Error(), "name a PEM certificate and its key, by absolute paths or from the folder that the server runs in")
	}
	return found
}

func checkEndpoint(s string) error {
	if !strings.Contains(s, "://") {
		if strings.ContainsAny(s, "/ ") {
			return fmt.Errorf("endpoint %q is no host:port", s)
		}
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("endpoint %q is no URL", s)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("endpoint %q has the scheme %q", s, u.Scheme)
	case u.Host == "":
		return fmt.Errorf("endpoint %q names no host", s)
	}
	return nil
}

// secured tells whether the block asks for TLS of its own making.
func (c *Config) secured() bool { return c.CAFile != "" || c.CertFile != "" }

// tls is the block's TLS configuration.
func (c *Config) tls() (*tls.Config, error) {
	pool, err := c.pool()
	if err != nil {
		return nil, err
	}
	certificates, err := c.certificates()
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: pool, Certificates: certificates, MinVersion: tls.VersionTLS12}, nil
}

// pool is nil for the system's.
func (c *Config) pool() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file %s: %w", c.CAFile, errors.New("it holds no certificate"))
	}
	return pool, nil
}

func (c *Config) certificates() ([]tls.Certificate, error) {
	if c.CertFile == "" || c.KeyFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read cert_file and key_file: %w", err)
	}
	return []tls.Certificate{pair}, nil
}
