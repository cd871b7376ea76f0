package config

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var serverKeys = []string{
	"listen", "model", "profilers", "runtime_dir", "queue", "request_timeout",
	"allowed_hosts", "control_token_file", "read_token_file", "api_key_file", "max_body", "access_log", "max_plugin_memory", "cgroup",
}

var serverBlocks = []string{"tls", "admin", "limits"}

// server reads the block; an empty body answers the defaults. said tells what the block itself said of the keys whose
// defaults depend on other blocks.
func (r *reader) server(at hcl.Range, body *hclsyntax.Body) (s Server, said serverSaid) {
	b := r.open("server", at, body, serverKeys, serverBlocks)
	s = Server{
		Listen:           b.str("listen", DefaultListen),
		Model:            b.str("model", ""),
		RuntimeDir:       b.file("runtime_dir"),
		QueueSize:        b.whole("queue", DefaultQueueSize, 0, MaxQueueSize),
		RequestTimeout:   b.duration("request_timeout", DefaultRequestTimeout, MinRequestTimeout, MaxRequestTimeout),
		ControlTokenFile: b.file("control_token_file"),
		ReadTokenFile:    b.file("read_token_file"),
		APIKeyFile:       b.file("api_key_file"),
		MaxBodyBytes:     b.size("max_body", DefaultMaxBodyBytes, MinBodyBytes, MaxBodyBytes, ""),
		AccessLog:        b.oneOf("access_log", DefaultAccessLog, accessLogs),
		MaxPluginMemory:  b.memory("max_plugin_memory"),
		Cgroup:           b.cgroup(),
		Origin:           b.Origin,
	}
	if why := badListen(s.Listen); why != "" {
		b.bad("listen", `such as "127.0.0.1:8091", or ":8091" for every interface`, "listen %q %s", s.Listen, why)
	}
	s.Profilers, _ = b.list("profilers", `["chrome"]`)
	s.AllowedHosts, _ = b.list("allowed_hosts", `["strobe.example"]`)
	for i, host := range s.AllowedHosts {
		if why := badHost(host); why != "" {
			b.errorf(b.itemRange("allowed_hosts", i), `a host name or address without scheme and port, or "*" for any`, "host %q %s", host, why)
		}
	}
	r.serverBlocks(b, &s)
	return s, serverSaid{modelWrong: b.wrong["model"], profilers: !b.absent("profilers")}
}

type serverSaid struct {
	modelWrong bool // server.model is already a finding
	profilers  bool // server.profilers is given, if only as []
}

// file is a path made absolute, or "" when the key is absent.
func (b *block) file(key string) string {
	path, ok := b.text(key, "…")
	if ok && path == "" {
		b.bad(key, "leave the key out for the default", "%s is empty", key)
	}
	return resolve(b.dir, path)
}

// cgroup is where plugins get cgroups.
func (b *block) cgroup() string {
	s := b.str("cgroup", DefaultCgroup)
	if s != DefaultCgroup && s != "off" && !filepath.IsAbs(s) {
		b.bad("cgroup", `"auto", "off" or an absolute path such as "/sys/fs/cgroup/strobe"`, "cgroup %q is none of these", s)
		return DefaultCgroup
	}
	return s
}

func resolve(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func badListen(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "is no host:port"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 || strings.HasPrefix(port, "+") {
		return "needs a port from 0 to 65535"
	}
	if strings.ContainsAny(host, " /\t") {
		return "has a bad host"
	}
	return ""
}

func badHost(host string) string {
	switch {
	case host == "":
		return "is empty"
	case strings.ContainsAny(host, "/ \t@"):
		return "is no bare host name"
	case net.ParseIP(strings.Trim(host, "[]")) == nil && strings.Contains(host, ":"):
		return "has a port"
	}
	return ""
}
