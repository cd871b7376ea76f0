package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/config"
)

const oneStage = "model \"emoji\" {\n  stage \"dit\" {\n  }\n}\nprofiler \"chrome\" {\n}\n"

func put(t *testing.T, path string, mode os.FileMode, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// pair is a certificate and its key as PEM texts.
func pair(t *testing.T, ends time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.Add(-time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", keyDER)
}

// TestCheckFiles has each kind of finding about files, with its place.
func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "good"), 0o600, "secret-a-of-20-chars\n")
	put(t, filepath.Join(dir, "same"), 0o600, "# shared\nteam secret-a-of-20-chars\n")
	put(t, filepath.Join(dir, "open"), 0o644, "secret-b-of-20-chars\n")
	put(t, filepath.Join(dir, "short"), 0o600, "team hunter2\nsecret-c-of-20-chars\nhunter3\n")
	put(t, filepath.Join(dir, "empty"), 0o600, "# nothing yet\n\n")
	later := time.Now().Add(1000 * time.Hour)
	cert, key := pair(t, later)
	_, foreign := pair(t, later)
	old, oldKey := pair(t, time.Now().Add(-time.Hour))
	soon, soonKey := pair(t, time.Now().Add(time.Hour))
	for name, text := range map[string]string{"cert": cert, "key": key, "foreign": foreign, "old": old, "oldkey": oldKey, "soon": soon, "soonkey": soonKey, "nopem": "hello"} {
		put(t, filepath.Join(dir, name), 0o600, text)
	}
	put(t, filepath.Join(dir, "openkey"), 0o640, key)
	for name, c := range map[string]struct {
		server string
		env    config.EnvTokens
		want   []string // position, severity and the beginning of the text
	}{
		"nothing named": {"", config.EnvTokens{}, nil},
		"good": {`
  control_token_file = "good"
  tls {
    cert = "cert"
    key  = "key"
  }`, config.EnvTokens{}, nil},
		"missing": {`
  control_token_file = "gone"
  read_token_file = "empty"
  api_key_file = "."`, config.EnvTokens{}, []string{
			"2:3: error: control_token_file: there is no such file",
			"3:3: error: read_token_file: it holds no token",
			"4:3: error: api_key_file: not a regular file",
		}},
		"open to others": {`
  api_key_file = "open"`, config.EnvTokens{}, []string{"2:3: warning: api_key_file: others can read the file"}},
		"short": {`
  api_key_file = "short"`, config.EnvTokens{}, []string{"2:3: warning: api_key_file: tokens of fewer than 16 characters: team, line-3"}},
		"one token, two roles": {`
  control_token_file = "good"
  api_key_file = "same"`, config.EnvTokens{}, []string{"3:3: error: api_key_file: it shares a token with control_token_file"}},
		"no certificate": {`
  tls {
    cert = "gone"
    key  = "key"
  }`, config.EnvTokens{}, []string{"3:5: error: cert: no such file"}},
		"no pair": {`
  tls {
    cert = "cert"
    key  = "foreign"
  }`, config.EnvTokens{}, []string{"3:5: error: cert and key are no pair: private key does not match"}},
		"no PEM": {`
  tls {
    cert = "nopem"
    key  = "key"
  }`, config.EnvTokens{}, []string{"3:5: error: cert and key are no pair: failed to find any PEM data"}},
		"ended": {`
  tls {
    cert = "old"
    key  = "oldkey"
  }`, config.EnvTokens{}, []string{"3:5: warning: cert: it ended at"}},
		"ends soon": {`
  tls {
    cert = "soon"
    key  = "soonkey"
  }`, config.EnvTokens{}, []string{"3:5: warning: cert: it ends at"}},
		"a key that others read": {`
  tls {
    cert = "cert"
    key  = "openkey"
  }`, config.EnvTokens{}, []string{"4:5: warning: key: others can read the file"}},
		"beyond loopback": {`
  listen = ":8091"`, config.EnvTokens{}, []string{"2:3: warning: listen \":8091\" is beyond loopback and there is no control token"}},
		"beyond loopback, a token by the environment": {`
  listen = "0.0.0.0:8091"`, config.EnvTokens{Control: true}, []string{"2:3: warning: listen \"0.0.0.0:8091\" is beyond loopback and there is no TLS"}},
		"beyond loopback, admin on a socket": {`
  listen = ":8091"
  admin {
    listen = "unix:///run/a.sock"
  }`, config.EnvTokens{}, nil},
		"admin beyond loopback": {`
  admin {
    listen = "10.0.0.1:8092"
  }`, config.EnvTokens{}, []string{"3:5: warning: listen \"10.0.0.1:8092\" is beyond loopback and there is no control token"}},
		"plugin without checksum": {"\n}\nplugin \"p\" {\n  kind = \"profiler\"\n  command = [\"./p\"]\n}\nprofiler \"p\" {", config.EnvTokens{},
			[]string{"3:1: warning: plugin \"p\" has no checksum"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "plugins.hcl")
			cfg, err := config.Parse([]byte("server {"+c.server+"\n}\n"+oneStage), path, known)
			if err != nil {
				t.Fatal(err)
			}
			found := cfg.CheckFiles(c.env)
			var got []string
			for i, d := range found {
				line := strings.TrimPrefix(d.String(), path+":")
				if i < len(c.want) && strings.HasPrefix(line, c.want[i]) {
					line = c.want[i]
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(found.Error(), "secret-") {
				t.Error("a token is in a finding")
			}
		})
	}
}
