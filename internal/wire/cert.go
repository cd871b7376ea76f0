package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// certificate is one side of mutual TLS for one plugin process: it signs itself and each side trusts exactly the other's.
type certificate struct {
	pem string
	tls tls.Certificate
}

// newCertificate makes a P-256 key and its certificate. go-plugin's own are P-521, which the BoringSSL inside PyPI's
// grpcio does not accept.
func newCertificate() (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "localhost", Organization: []string{"strobe"}},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Hour), // clocks that are set back while a server starts
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	return certificate{
		pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		tls: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

// config is the host's side. go-plugin adds the plugin's certificate, read from the greeting, as the only root.
func (c certificate) config() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{c.tls},
		ServerName:   "localhost",
		MinVersion:   tls.VersionTLS12,
		RootCAs:      x509.NewCertPool(), // trusts nobody until the greeting is read
	}
}
