package apicheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is an OpenAPI document that replies are held against. It is safe for concurrent use.
type Document struct {
	mux        *http.ServeMux
	operations map[string]*operation // by the mux's pattern
	unknown    *jsonschema.Schema    // what a reply about a route that is not there looks like

	mu  sync.Mutex
	hit map[string]bool // "GET /health 200"
}

// operation is one method of one path.
type operation struct {
	name      string // "GET /v1/profiles/{id}"
	responses map[string]*response
}

// response is what the document says of one status.
type response struct {
	content map[string]*content // by media type
	headers []header
}

// content is what the document says of a body of one media type.
type content struct {
	schema *jsonschema.Schema // of the body; nil: any
	events *jsonschema.Schema // of each server-sent event's data; nil: any
}

// header is a header that replies have.
type header struct {
	name     string
	required bool
	schema   *jsonschema.Schema
}

// Parse reads a document in JSON. errorSchema is where the schema of an error reply is, such as "#/components/schemas/Error".
func Parse(text []byte, errorSchema string) (*Document, error) {
	var raw rawDocument
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	c, err := newCompiler(tree)
	if err != nil {
		return nil, err
	}
	d := &Document{mux: http.NewServeMux(), operations: map[string]*operation{}, hit: map[string]bool{}}
	if d.unknown, err = c.compile(errorSchema); err != nil {
		return nil, err
	}
	for path, methods := range raw.Paths {
		for method, op := range methods {
			o := &operation{name: strings.ToUpper(method) + " " + path, responses: map[string]*response{}}
			at := "#/paths/" + escape(path) + "/" + method
			for status, r := range op.Responses {
				if o.responses[status], err = c.response(raw, r, at+"/responses/"+status); err != nil {
					return nil, fmt.Errorf("%s %s: %w", o.name, status, err)
				}
			}
			pattern := strings.ToUpper(method) + " " + pathPattern(path, op)
			d.operations[pattern] = o
			d.mux.Handle(pattern, http.NotFoundHandler())
		}
	}
	return d, nil
}

// rawDocument is as much of a document as is looked at beside its schemas.
type rawDocument struct {
	Paths      map[string]map[string]rawOperation
	Components struct {
		Responses map[string]rawResponse
		Headers   map[string]rawHeader
	}
}

type rawOperation struct {
	Parameters []struct {
		Name    string
		Slashes bool `json:"x-slashes"`
	}
	Responses map[string]rawResponse
}

type rawResponse struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema json.RawMessage
		Data   json.RawMessage `json:"x-data"`
	}
	Headers map[string]rawHeader
}

type rawHeader struct {
	Ref      string `json:"$ref"`
	Required bool
	Schema   json.RawMessage
}

// pathPattern is a path as http.ServeMux writes it.
func pathPattern(path string, op rawOperation) string {
	for _, p := range op.Parameters {
		if p.Slashes {
			path = strings.Replace(path, "{"+p.Name+"}", "{"+p.Name+"...}", 1)
		}
	}
	return path
}

// response reads what the document says of one status; at is where in the document that is.
func (c *compiler) response(raw rawDocument, r rawResponse, at string) (*response, error) {
	if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
		at = r.Ref
		if r, ok = raw.Components.Responses[name]; !ok {
			return nil, fmt.Errorf("%s leads nowhere", at)
		}
	}
	out := &response{content: map[string]*content{}}
	for mediaType, m := range r.Content {
		here := at + "/content/" + escape(mediaType)
		body := &content{}
		var err error
		if m.Schema != nil {
			if body.schema, err = c.compile(here + "/schema"); err != nil {
				return nil, err
			}
		}
		if m.Data != nil {
			if body.events, err = c.compile(here + "/x-data"); err != nil {
				return nil, err
			}
		}
		out.content[mediaType] = body
	}
	for name, h := range r.Headers {
		here := at + "/headers/" + escape(name)
		if shared, ok := strings.CutPrefix(h.Ref, "#/components/headers/"); ok {
			here, h = h.Ref, raw.Components.Headers[shared]
		}
		schema, err := c.compile(here + "/schema")
		if err != nil {
			return nil, err
		}
		out.headers = append(out.headers, header{http.CanonicalHeaderKey(name), h.Required, schema})
	}
	return out, nil
}

// escape makes a member's name part of a JSON pointer in a URL.
func escape(name string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
}

// find is the operation of a request, or nil, as of a path with . or .. in it. A HEAD is answered as a GET, or refused as a method that the path does not have.
func (d *Document) find(r Reply) *operation {
	if r.Method == http.MethodHead && r.Status == http.StatusMethodNotAllowed {
		return nil
	}
	if at := r.URL.EscapedPath(); path.Clean(at) != at { // the router would clean it first
		return nil
	}
	_, pattern := d.mux.Handler(&http.Request{Method: r.Method, URL: &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}, Host: "any"})
	return d.operations[pattern]
}

// saw notes that an operation answered with a status.
func (d *Document) saw(o *operation, status string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hit[o.name+" "+status] = true
}

// Missed are the operations with their statuses that the document has and no reply had, sorted: "GET /health 503".
func (d *Document) Missed() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]bool{}
	for _, o := range d.operations {
		for status := range o.responses {
			if name := o.name + " " + status; !d.hit[name] {
				all[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}
