package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/core/token"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// CheckFiles looks at the files that a configuration names and that this machine must have: token files and the TLS
// pair. It finds what is unsafe, too: files that others can read, short tokens, plugins without a checksum, addresses that anybody
// can reach. env tells which tokens come by the environment. It is for whoever serves or validates; Parse looks at no file.
func (c *Config) CheckFiles(env EnvTokens) Diagnostics {
	var found Diagnostics
	found = append(found, c.checkTokens()...)
	found = append(found, c.checkTLS()...)
	found = append(found, c.checkExposure(env)...)
	for _, p := range c.Plugins {
		if p.SHA256 == "" && p.Name != "" {
			found = append(found, p.finding(diag.Warning, nil, fmt.Sprintf("plugin %q has no checksum", p.Name),
				"whoever can replace its program runs code here; write sha256 = what `sha256sum` prints for it"))
		}
	}
	found.Sort()
	return found
}

// EnvTokens says which tokens the environment gives.
type EnvTokens struct {
	Control, Read, APIKey bool
}

// tokenFile is a key of the block server that names a token file.
type tokenFile struct{ key, path string }

func (c *Config) tokenFiles() []tokenFile {
	return []tokenFile{
		{"control_token_file", c.Server.ControlTokenFile},
		{"read_token_file", c.Server.ReadTokenFile},
		{"api_key_file", c.Server.APIKeyFile},
	}
}

func (c *Config) checkTokens() Diagnostics {
	var found Diagnostics
	read := map[string]token.File{}
	for _, f := range c.tokenFiles() {
		if f.path == "" {
			continue
		}
		at := diag.Path{f.key}
		file, err := token.Read(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, c.Server.finding(diag.Error, at, f.key+": there is no such file",
				"make one that only you can read: (umask 077; openssl rand -hex 32 > FILE)"))
		case err != nil:
			found = append(found, c.Server.finding(diag.Error, at, fmt.Sprintf("%s: %v", f.key, err), ""))
		case file.Exposed():
			found = append(found, c.Server.finding(diag.Warning, at, f.key+": others can read the file", "chmod 600"))
		}
		if short := file.Short(); len(short) > 0 {
			found = append(found, c.Server.finding(diag.Warning, at, fmt.Sprintf("%s: tokens of fewer than %d characters: %s", f.key, token.GoodLength, strings.Join(short, ", ")),
				"they can be guessed; `openssl rand -hex 32` makes good ones"))
		}
		for _, other := range c.tokenFiles() {
			if other.key != f.key && shared(file, read[other.key]) {
				found = append(found, c.Server.finding(diag.Error, at, f.key+": it shares a token with "+other.key,
					"give each role a token of its own, or the weaker one opens what the stronger one does"))
			}
		}
		read[f.key] = file
	}
	return found
}

func shared(a, b token.File) bool {
	for _, x := range a.Entries {
		for _, y := range b.Entries {
			if x.Same(y) {
				return true
			}
		}
	}
	return false
}

// expiry is how long before its end a certificate is a warning.
const expiry = 14 * 24 * time.Hour

func (c *Config) checkTLS() Diagnostics {
	t := c.Server.TLS
	if t == nil || t.Cert == "" || t.Key == "" {
		return nil
	}
	var found Diagnostics
	for key, path := range map[string]string{"cert": t.Cert, "key": t.Key} {
		info, err := os.Stat(path)
		var p *fs.PathError
		switch {
		case errors.As(err, &p):
			found = append(found, t.finding(diag.Error, diag.Path{key}, fmt.Sprintf("%s: %v", key, p.Err), ""))
		case key == "key" && info.Mode().Perm()&0o077 != 0:
			found = append(found, t.finding(diag.Warning, diag.Path{key}, "key: others can read the file", "chmod 600"))
		}
	}
	if found.HasErrors() {
		return found
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "tls: ")
		return append(found, t.finding(diag.Error, diag.Path{"cert"}, "cert and key are no pair: "+text,
			"both are PEM files: the certificate first, then those that lead to its root; and its private key"))
	}
	return append(found, t.checkExpiry(pair.Leaf)...)
}

func (t *TLS) checkExpiry(leaf *x509.Certificate) Diagnostics {
	switch left := time.Until(leaf.NotAfter); {
	case left <= 0:
		return Diagnostics{t.finding(diag.Warning, diag.Path{"cert"}, "cert: it ended at "+leaf.NotAfter.UTC().Format(time.RFC3339),
			"clients refuse it; put a new pair in its place, which a running server takes up by itself")}
	case left < expiry:
		return Diagnostics{t.finding(diag.Warning, diag.Path{"cert"}, "cert: it ends at "+leaf.NotAfter.UTC().Format(time.RFC3339),
			"put a new pair in its place, which a running server takes up by itself")}
	}
	return nil
}

// checkExposure finds listeners that anybody can reach and that are closed for it, or say tokens in the clear.
func (c *Config) checkExposure(env EnvTokens) Diagnostics {
	var found Diagnostics
	tokens := c.Server.ControlTokenFile != "" || env.Control
	anyToken := tokens || c.Server.ReadTokenFile != "" || c.Server.APIKeyFile != "" || env.Read || env.APIKey
	check := func(o Origin, listen string, profiles bool) {
		if loopbackAddress(listen) {
			return
		}
		if profiles && !tokens && len(c.Server.Profilers) > 0 {
			found = append(found, o.finding(diag.Warning, diag.Path{"listen"}, fmt.Sprintf("listen %q is beyond loopback and there is no control token", listen),
				"routes that start and stop profiles answer 403 there: set server.control_token_file, or a server.admin on loopback"))
		}
		if anyToken && c.Server.TLS == nil {
			found = append(found, o.finding(diag.Warning, diag.Path{"listen"}, fmt.Sprintf("listen %q is beyond loopback and there is no TLS", listen),
				"tokens travel in the clear: set server.tls, or let a proxy on this machine end TLS"))
		}
	}
	check(c.Server.Origin, c.Server.Listen, c.Server.Admin == nil)
	if a := c.Server.Admin; a != nil && a.Socket() == "" && a.Listen != "" {
		check(a.Origin, a.Listen, true)
	}
	return found
}

// loopbackAddress tells whether a listening address can be reached from this machine only.
func loopbackAddress(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
