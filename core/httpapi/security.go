package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// checkHost refuses a Host that a foreign page could have pointed at us (DNS rebinding). An address cannot be rebound;
// a name can, unless it is ours.
func (s *Server) checkHost(r *http.Request) error {
	via := stateOf(r).via
	host := hostname(r.Host)
	if via.Socket || host == "" || s.anyHost || s.hosts[host] {
		return nil
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && (addr.Unmap().IsLoopback() || !via.Loopback):
		return nil
	case err != nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")):
		return nil
	case err != nil && !via.Loopback && !strings.Contains(host, "."):
		return nil // a name without a dot is the local network's own
	}
	return failf(codeHost, "", "the Host header names %q, which this server does not answer to: add it to server.allowed_hosts", clip(host, 80))
}

// hostname is a Host without its port, brackets, final dot and capitals.
func hostname(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// checkSite refuses what a page of another site sent to a route that is not open to all. A link to what only looks at
// profiles may be followed, as a user does who clicks on one.
func checkSite(r *http.Request, rt *route) error {
	follows := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	switch {
	case rt.access == accessOpen, rt.access == accessMetrics, !rt.changes && follows:
		return nil
	}
	return checkOrigin(r)
}

// checkOrigin refuses what another site's page sent: a browser says so in these headers, other clients do not send them.
// It holds for GET too, because GET /start_profile changes state.
func checkOrigin(r *http.Request) error {
	refused := failf(codeCrossSite, "", "a page of another site sent this request: call the server from its own address or from a program")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return refused
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return refused
		}
	}
	return nil
}
