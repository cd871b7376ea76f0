package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

const unixScheme = "unix://"

// address reads the server's address: the base of every URL, and the path of the socket when it is one.
func address(server string) (base *url.URL, socket string, err error) {
	if path, ok := strings.CutPrefix(server, unixScheme); ok {
		if !strings.HasPrefix(path, "/") {
			return nil, "", fmt.Errorf("the server's address %q needs an absolute path, such as unix:///run/strobe/admin.sock", server)
		}
		return &url.URL{Scheme: "http", Host: "localhost"}, path, nil
	}
	base, err = url.Parse(strings.TrimRight(server, "/"))
	if err != nil {
		return nil, "", fmt.Errorf("read the server's address: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, "", fmt.Errorf("the server's address %q is no URL such as http://127.0.0.1:8091, https://strobe.example or unix:///run/strobe/admin.sock", server)
	}
	if base.RawQuery != "" || base.Fragment != "" {
		return nil, "", fmt.Errorf("the server's address %q must end after the host, or after a path", server)
	}
	return base, "", nil
}

// transport is how calls reach the server.
func (o Options) transport(socket string) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if o.IdleConns > 0 {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, o.IdleConns
	}
	if socket != "" {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}
	}
	if o.CA == "" {
		return t, nil
	}
	text, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the file %s holds no certificate in PEM form", o.CA)
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	return t, nil
}

// untrusted tells whether err is that the server's certificate is signed by nobody that this machine trusts.
func untrusted(err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}
