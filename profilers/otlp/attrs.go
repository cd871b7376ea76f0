package otlp

import (
	"strings"

	"github.com/ianlancetaylor/demangle"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// role says what an argument's key means to a trace.
type role uint8

const (
	rolePlain  role = iota
	roleOmit        // said otherwise: the request, the client's trace
	roleStatus      // an HTTP status
	roleCount       // of images asked for
	roleFlops       // floating-point operations, which are added up
)

// Attributes that are not a recorded argument's own.
var (
	attrRequest   = newAttribute("strobe.request.id")
	attrSpan      = newAttribute("strobe.span") // the recorded name, where the span's is another
	attrOpen      = newAttribute("strobe.open")
	attrDevice    = newAttribute("strobe.device")
	attrStream    = newAttribute("strobe.stream")
	attrErrorType = newAttribute("error.type")
	attrOperation = newAttribute("gen_ai.operation.name")
	attrProvider  = newAttribute("gen_ai.provider.name")
	attrOutput    = newAttribute("gen_ai.output.type")
	attrModel     = newAttribute("gen_ai.request.model")
	attrFlops     = newAttribute("strobe." + nameFlops)
)

// Values of GenAI attributes.
const (
	operation = "generate_content" // the convention's only operation that makes images
	provider  = "strobe"
	output    = "image"
)

// known are the keys that mean something, and what they are called on the request's span.
var known = map[string]struct {
	key  string
	role role
}{
	"route":       {"http.route", rolePlain},
	"status":      {"http.response.status_code", roleStatus},
	"seed":        {"gen_ai.request.seed", rolePlain},
	"n":           {"gen_ai.request.choice.count", roleCount},
	"request_id":  {"", roleOmit},
	"traceparent": {"", roleOmit},
	"tracestate":  {"", roleOmit},
	nameFlops:     {"strobe." + nameFlops, roleFlops},
}

// Names that mean something to a trace.
const (
	nameRequest     = "http"        // core's span around a request
	nameTraceparent = "traceparent" // an instant of core, before anything else of the request
	nameTracestate  = "tracestate"
	nameFlops       = "flops"
)

// name is what is written for a recorded name, worked out once.
type name struct {
	recorded *recording.Name
	level    detail
	span     []byte  // Span.name, with its tag
	key      attrKey // as an argument
	request  attrKey // as an argument of the request's span
	role     role    // there
}

func newName(n *recording.Name) *name {
	w := &name{recorded: n, level: finest(n.Category), span: appendText(nil, fieldName, n.Text), key: newAttribute("strobe." + snake(n.Text))}
	if n.Category == trace.CategoryDevice { // kernels have the compiler's name
		w.span = appendText(nil, fieldName, demangle.Filter(n.Text))
	}
	w.request = w.key
	if k, ok := known[n.Text]; ok {
		w.request, w.role = newAttribute(k.key), k.role
	}
	return w
}

// snake is a key as OpenTelemetry writes them: "Input Dims" is input_dims.
func snake(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		case r > 0x7f:
			return r
		}
		return '_'
	}, s)
}

// nameCache keeps what was worked out for a name. Recorded names are shared, so their address is the key.
type nameCache map[*recording.Name]*name

func (c nameCache) get(n *recording.Name) *name {
	w, ok := c[n]
	if !ok {
		w = newName(n)
		c[n] = w
	}
	return w
}

// appendArg adds a recorded argument under a key.
func appendArg(b []byte, field protowire.Number, key attrKey, a *recording.Arg) []byte {
	switch a.Type {
	case trace.TypeInt:
		return key.integer(b, field, a.Int)
	case trace.TypeFloat:
		return key.float(b, field, a.Float)
	case trace.TypeBool:
		return key.truth(b, field, a.Int != 0)
	}
	return key.text(b, field, a.Text)
}

// spanArgs adds what the recording says of a span; flops is what it did with all below it, 0 when that is not known.
func (c nameCache) spanArgs(b []byte, args []recording.Arg, flops int64) []byte {
	for i := range args {
		a := &args[i]
		switch n := c.get(a.Key); {
		case n.role == roleOmit, n.role == roleFlops && a.Type == trace.TypeInt && flops > 0: // it is among flops
		case n.role == roleFlops:
			flops = 0
			fallthrough
		default:
			b = appendArg(b, fieldAttributes, n.key, a)
		}
	}
	if flops > 0 {
		b = attrFlops.integer(b, fieldAttributes, flops)
	}
	return b
}

// requestArgs adds what the recording says of the span around a request, by the conventions for HTTP and generative AI.
func (c nameCache) requestArgs(b []byte, model string, args []recording.Arg) []byte {
	b = attrOperation.text(b, fieldAttributes, operation)
	b = attrProvider.text(b, fieldAttributes, provider)
	b = attrOutput.text(b, fieldAttributes, output)
	b = attrModel.text(b, fieldAttributes, model)
	for i := range args {
		a := &args[i]
		switch n := c.get(a.Key); {
		case n.role == roleOmit, n.role == roleCount && a.Int == 1:
		default:
			b = appendArg(b, fieldAttributes, n.request, a)
		}
	}
	return b
}

// failure is the HTTP status of a request that the server failed; 0 when it did not.
func (c nameCache) failure(args []recording.Arg) int64 {
	for i := range args {
		if a := &args[i]; a.Type == trace.TypeInt && a.Int >= 500 && c.get(a.Key).role == roleStatus {
			return a.Int
		}
	}
	return 0
}
