package httpapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/strobe-dev/strobe/core/token"
)

// access says what a route is, which decides whose token opens it and on which listeners it is.
type access uint8

const (
	accessOpen     access = iota // open to all, on every listener
	accessMetrics                // open to all, where the profile routes are
	accessGenerate               // an API key or a control token, when keys are configured
	accessRead                   // looks at profiles or plugins: a read token or a control token
	accessControl                // changes something of profiles or plugins: a control token
)

// private tells whether an admin listener takes the route off the others.
func (a access) private() bool {
	return a == accessMetrics || a == accessRead || a == accessControl
}

// role is what a caller's token is for.
type role string

const (
	roleNone    role = "none"    // no token, or one that nobody knows
	roleKey     role = "api_key" // makes images
	roleRead    role = "read"    // looks at profiles
	roleControl role = "control" // everything
	roleTicket  role = "ticket"  // downloads one artifact, once
)

// caller is who sent a request, as logs may show it.
type caller struct {
	role role
	name string // of the token, never the token itself; empty: none
}

// tokenSets are the tokens of all roles.
type tokenSets struct {
	control, read, keys *token.Set
}

func newTokenSets(o Options) tokenSets {
	set := func(r role, key, path, fixed string) *token.Set {
		return token.NewSet(token.Options{Role: string(r), Key: key, Path: path, Fixed: fixed, Log: o.Log})
	}
	return tokenSets{
		control: set(roleControl, "server.control_token_file", o.ControlTokenFile, o.ControlToken),
		read:    set(roleRead, "server.read_token_file", o.ReadTokenFile, o.ReadToken),
		keys:    set(roleKey, "server.api_key_file", o.APIKeyFile, o.APIKey),
	}
}

// CheckTokens reads the token files, so that a bad one is an error at start rather than at the first request.
func (s *Server) CheckTokens() error {
	for _, set := range []*token.Set{s.tokens.control, s.tokens.read, s.tokens.keys} {
		if _, err := set.Load(); err != nil {
			return err
		}
	}
	return nil
}

// identify tells whose token the request carries, the strongest first. An error means that a file cannot be read now.
func (t *tokenSets) identify(r *http.Request) (who caller, err error) {
	secret := bearer(r)
	who = caller{role: roleNone}
	if secret == "" {
		return who, nil
	}
	for _, set := range []struct {
		role role
		*token.Set
	}{{roleControl, t.control}, {roleRead, t.read}, {roleKey, t.keys}} {
		name, ok, broken := set.Match(secret)
		switch {
		case ok && who.role == roleNone:
			who = caller{role: set.role, name: name}
		case broken != nil && err == nil:
			err = broken
		}
	}
	return who, err
}

// authorize says why a caller may not use routes of this access; nil: it may.
func (s *Server) authorize(r *http.Request, st *state, a access) error {
	who, broken := s.tokens.identify(r)
	st.who = who
	switch a {
	case accessGenerate:
		if !s.tokens.keys.Configured() || who.role == roleKey || who.role == roleControl {
			return nil
		}
		return refuse(r, who, broken, "an API key or a token of the role control")
	case accessRead, accessControl:
		return s.authorizeProfiles(r, st, a, broken)
	}
	return nil
}

func (s *Server) authorizeProfiles(r *http.Request, st *state, a access, broken error) error {
	protected := s.tokens.control.Configured() || s.tokens.read.Configured()
	switch {
	case st.who.role == roleControl, a == accessRead && st.who.role == roleRead:
		return nil
	case !protected && st.via.Loopback:
		return nil
	case !protected:
		return failf(codeTokenRequired, "", "the server listens beyond loopback and has no token for this: set server.control_token_file "+
			"in plugins.hcl, or STROBE_CONTROL_TOKEN, and send the token as \"Authorization: Bearer …\"")
	case a == accessControl && !s.tokens.control.Configured():
		return failf(codeTokenRequired, "", "the server has a read token and no control token, so nobody may do this: "+
			"set server.control_token_file in plugins.hcl, or STROBE_CONTROL_TOKEN")
	case a == accessRead:
		return refuse(r, st.who, broken, "a token of the role read or control")
	}
	return refuse(r, st.who, broken, "a token of the role control")
}

// refuse is the error for a caller whose token does not open the route.
func refuse(r *http.Request, who caller, broken error, needs string) error {
	switch {
	case who.role != roleNone:
		return failf(codeReadOnly, "", "this route needs %s, and the one sent has the role %s", needs, who.role)
	case broken != nil:
		return &apiError{Code: codeTokenUnreadable, Cause: broken, Message: "the server cannot read a token file: its log says why"}
	case bearer(r) == "":
		return failf(codeBadToken, "", "this route needs a token: send \"Authorization: Bearer …\" with %s", needs)
	}
	return failf(codeBadToken, "", "the token is not one that opens this route: send %s", needs)
}

// mayControl says why the caller of a request for something else may not start a profile with it; nil: it may.
func (s *Server) mayControl(r *http.Request) error {
	st := stateOf(r)
	switch {
	case s.profiles == nil:
		return failf(codeProfilingOff, "", "%s", s.profilingOff)
	case st.via.Public:
		return failf(codeTokenRequired, "", "profiles are for the server's admin listener: send the request there")
	}
	return s.authorize(r, st, accessControl)
}

// bearer is the token of the Authorization header.
func bearer(r *http.Request) string {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// String is the caller as logs show it: "control:deploy".
func (c caller) String() string {
	if c.name == "" {
		return string(c.role)
	}
	return fmt.Sprintf("%s:%s", c.role, c.name)
}
