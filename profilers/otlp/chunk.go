package otlp

import (
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// scopeName is the instrumentation scope of all spans.
const scopeName = "github.com/strobe-dev/strobe/profilers/otlp"

// chunk is spans of one process that are sent together: their bytes, and where each ends.
type chunk struct {
	from  *origin
	raw   []byte // ScopeSpans.spans, with tags
	spans []spanAt
	since time.Time // when the first span was put in
}

// spanAt is one span of a chunk.
type spanAt struct {
	end   int // in raw
	track *track
	n     uint64 // its number among those of the track that are to be sent
}

// origin is what all spans of a process share in an upload.
type origin struct {
	resource *resourcepb.Resource
	scope    *commonpb.InstrumentationScope
	bytes    int // of an upload, without spans, at most
}

func newOrigin(resource *resourcepb.Resource) *origin {
	o := &origin{resource: resource, scope: &commonpb.InstrumentationScope{Name: scopeName, Version: version()}}
	const lengths = 2 * (1 + 5) // of ResourceSpans and ScopeSpans, whose sizes are not known yet
	o.bytes = proto.Size(resource) + proto.Size(o.scope) + 2*(1+5) + lengths
	return o
}

// spans is the upload of some encoded spans. Their bytes are handed on as they are: a field that a message's struct does not
// hold is written to the wire unchanged, and to the receiver it is the field spans.
func (o *origin) spans(raw []byte) []*tracepb.ResourceSpans {
	scope := &tracepb.ScopeSpans{Scope: o.scope}
	scope.ProtoReflect().SetUnknown(raw)
	return []*tracepb.ResourceSpans{{Resource: o.resource, ScopeSpans: []*tracepb.ScopeSpans{scope}}}
}

// put adds a span, given as the bytes of a Span.
func (c *chunk) put(body []byte, t *track, n uint64) {
	c.raw = appendTag(c.raw, fieldSpans, protowire.BytesType)
	c.raw = protowire.AppendBytes(c.raw, body)
	c.spans = append(c.spans, spanAt{len(c.raw), t, n})
}

// size is what an upload of all of it takes, and body bytes more.
func (c *chunk) size(body int) int { return c.from.bytes + len(c.raw) + 1 + protowire.SizeBytes(body) }

// begin is where the i-th span begins in raw.
func (c *chunk) begin(i int) int {
	if i == 0 {
		return 0
	}
	return c.spans[i-1].end
}

// fit is how far the spans from one on make an upload of at most so many bytes; one span is always taken.
func (c *chunk) fit(from, bytes int) (to int) {
	begin := c.begin(from)
	to = from + 1
	for to < len(c.spans) && c.from.bytes+c.spans[to].end-begin <= bytes {
		to++
	}
	return to
}

func (c *chunk) reset() { c.raw, c.spans, c.from = c.raw[:0], c.spans[:0], nil }
