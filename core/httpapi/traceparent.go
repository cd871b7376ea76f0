package httpapi

import (
	"net/http"
	"strings"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Bounds of W3C Trace Context.
const (
	traceparentBytes  = 55  // of version 00: 00-<32 hex>-<16 hex>-<2 hex>
	maxTraceState     = 512 // bytes of tracestate that are kept
	maxTraceStateList = 32  // members that a tracestate may have
)

var (
	argTraceparent = trace.Name("traceparent")
	argTracestate  = trace.Name("tracestate")
)

// traceContext is where a request comes from, as W3C Trace Context says it. The zero value is a request that did not say.
type traceContext struct {
	// parent is a traceparent of version 00 in lower case that has been checked, "00-<trace id>-<parent's span id>-<flags>",
	// whatever later version the caller sent; empty: none, or one that is malformed.
	parent string
	state  string // tracestate, whole members of at most 512 bytes in all; empty: none, or malformed
}

// traceID is the 32 hexadecimal digits of the trace; empty: none.
func (t traceContext) traceID() string {
	if t.parent == "" {
		return ""
	}
	return t.parent[3:35]
}

// args are the arguments of the span `http` by which an exporter ties it to the caller's trace.
func (t traceContext) args(args []trace.Arg) []trace.Arg {
	if t.parent != "" {
		args = append(args, trace.String(argTraceparent, t.parent))
	}
	if t.state != "" {
		args = append(args, trace.String(argTracestate, t.state))
	}
	return args
}

// readTraceContext takes traceparent and tracestate of a request. What is malformed is passed over, as the standard asks:
// a request is never refused for its trace.
func readTraceContext(h http.Header) traceContext {
	sent := h.Values("traceparent")
	if len(sent) != 1 { // two contradict each other
		return traceContext{}
	}
	parent := parseTraceparent(strings.Trim(sent[0], " \t"))
	if parent == "" {
		return traceContext{}
	}
	return traceContext{parent: parent, state: parseTracestate(h.Values("tracestate"))}
}

// parseTraceparent gives the version 00 form of s, or "" when s is malformed. Later versions may say more behind a dash.
func parseTraceparent(s string) string {
	if len(s) < traceparentBytes || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return ""
	}
	version, id, span, flags := s[:2], s[3:35], s[36:52], s[53:55]
	for _, part := range []string{version, id, span, flags} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return ""
		}
	}
	switch {
	case version == "ff", strings.Trim(id, "0") == "", strings.Trim(span, "0") == "":
		return ""
	case len(s) == traceparentBytes:
	case version == "00", s[traceparentBytes] != '-':
		return ""
	}
	return "00" + s[2:traceparentBytes]
}

// parseTracestate puts the members of all headers together, or gives "" when one of them is malformed. Members beyond the
// bound in bytes go whole, the last ones first.
func parseTracestate(headers []string) string {
	var b strings.Builder
	seen := map[string]bool{}
	full := false
	for member := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		key, value, ok := strings.Cut(member, "=")
		if !ok || !tracestateKey(key) || !tracestateValue(value) || seen[key] || len(seen) == maxTraceStateList {
			return ""
		}
		seen[key] = true
		if full = full || b.Len()+1+len(member) > maxTraceState; full {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(member)
	}
	return b.String()
}

// tracestateKey tells whether s is a key: lower case, perhaps tenant@system.
func tracestateKey(s string) bool {
	const begin, rest = "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
	part := func(s string, most int) bool {
		return s != "" && len(s) <= most && strings.IndexByte(begin, s[0]) >= 0 && strings.Trim(s, rest) == ""
	}
	tenant, system, ok := strings.Cut(s, "@")
	if !ok {
		return part(s, 256)
	}
	return part(tenant, 241) && part(system, 14)
}

// tracestateValue tells whether s is a value: printable, without comma and equals sign, not ending in a space.
func tracestateValue(s string) bool {
	if s == "" || len(s) > 256 || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}
