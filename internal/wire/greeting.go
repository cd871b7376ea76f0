package wire

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"
)

// maxGreeting bounds the handshake line: a certificate is about 700 bytes in base64.
const maxGreeting = 16 << 10

// readGreeting reads the first line of a plugin's standard output.
func readGreeting(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return string(line), nil
		case len(line) > maxGreeting:
			return "", fmt.Errorf("%w: %q…; only the handshake may be written there, log to standard error", ErrStdout, clip(string(line), 80))
		case err == bufio.ErrBufferFull:
		case len(line) == 0:
			return "", io.EOF
		default:
			return string(line), nil
		}
	}
}

// checkGreeting makes sure that the line is a handshake that we can take: CORE|VERSION|NETWORK|ADDRESS|PROTOCOL|CERTIFICATE.
func checkGreeting(line string) error {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 4 || parts[0] != strconv.Itoa(goplugin.CoreProtocolVersion) {
		return fmt.Errorf("%w: %q; only the handshake may be written there, log to standard error", ErrStdout, clip(line, 80))
	}
	switch {
	case parts[1] != strconv.Itoa(ProtocolVersion):
		return fmt.Errorf("%w: %s, and this server speaks %d; rebuild the plugin with this server's SDK", ErrProtocolVersion, clip(parts[1], 20), ProtocolVersion)
	case len(parts) < 5 || parts[4] != string(goplugin.ProtocolGRPC):
		return fmt.Errorf("%w: the plugin does not speak gRPC", ErrHandshake)
	case parts[2] != "unix" && parts[2] != "tcp":
		return fmt.Errorf("%w: network %q, must be unix", ErrHandshake, clip(parts[2], 20))
	case len(parts) < 6 || len(parts[5]) <= 50:
		return fmt.Errorf("%w: no certificate; the plugin must answer PLUGIN_CLIENT_CERT with mutual TLS", ErrHandshake)
	}
	return nil
}
