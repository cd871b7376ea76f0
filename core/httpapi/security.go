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
	host := hostname(r.Host)
	if host == "" || s.anyHost || s.hosts[host] {
		return nil
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && (addr.Unmap().IsLoopback() || !s.loopback):
		return nil
	case err != nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")):
		return nil
	case err != nil && !s.loopback && !strings.Contains(host, "."):
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

// authorize checks the bearer token that a route of this access needs.
func (s *Server) authorize(r *http.Request, a access) error {
	switch a {
	case accessGenerate:
		if !s.apiKeys.configured() {
			return nil
		}
		return s.checkToken(r, &s.apiKeys, &s.profileTokens)
	case accessProfile:
		switch {
		case s.profiles == nil:
			return failf(codeProfilingOff, "", "%s", s.profilingOff)
		case s.profileTokens.configured():
			return s.checkToken(r, &s.profileTokens)
		case !s.loopback:
			return failf(codeTokenRequired, "", "the server listens beyond loopback and has no profile token: "+
				"set server.profile_token_file in plugins.hcl and send the token as \"Authorization: Bearer …\"")
		}
	}
	return nil
}

// checkToken passes a token of any of the sets.
func (s *Server) checkToken(r *http.Request, sets ...*tokens) error {
	secret := bearer(r)
	var broken error
	passed := false
	for _, set := range sets {
		ok, err := set.match(secret)
		passed = passed || ok
		if err != nil {
			broken = err
		}
	}
	switch {
	case passed:
		return nil
	case broken != nil:
		return &apiError{Code: codeTokenUnreadable, Cause: broken, Message: "the server cannot read its token file: its log says why"}
	case secret == "":
		return failf(codeBadToken, "", "this route needs a token: send \"Authorization: Bearer …\"")
	}
	return failf(codeBadToken, "", "the token is not one that opens this route")
}

// bearer is the token of the Authorization header.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
