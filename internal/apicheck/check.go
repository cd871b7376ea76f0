package apicheck

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Reply is what a server answered. Body is nil when it was not kept, which only replies without a schema may be.
type Reply struct {
	Method string
	URL    *url.URL
	Status int
	Header http.Header
	Body   []byte
}

// Check tells what in a reply the document does not have; nil when it has all.
func (d *Document) Check(r Reply) error {
	o := d.find(r)
	if o == nil {
		return d.checkUnknown(r)
	}
	body, err := o.head(r)
	if err != nil {
		return err
	}
	d.saw(o, strconv.Itoa(r.Status))
	if body == nil || r.Method == http.MethodHead {
		return nil
	}
	if err := body.check(r.Body, mediaType(r.Header)); err != nil {
		return fmt.Errorf("%s answered %d with a body that the document does not describe: %w", o.name, r.Status, err)
	}
	return nil
}

// checkUnknown judges a reply to a request that the document has no operation for: it must be an error that says so.
func (d *Document) checkUnknown(r Reply) error {
	what := fmt.Sprintf("%s %s, which the document does not have, answered %d", r.Method, r.URL.Path, r.Status)
	switch r.Status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed: // 403: the Host is looked at first
	default:
		return errors.New(what)
	}
	if t := mediaType(r.Header); t != "application/json" {
		return fmt.Errorf("%s with Content-Type %q", what, t)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	if err := validate(d.unknown, r.Body); err != nil {
		return fmt.Errorf("%s with a body that is no error: %w", what, err)
	}
	return nil
}

// head judges status and headers, and gives what the document says of the body; nil when there is none.
func (o *operation) head(r Reply) (*content, error) {
	res := o.responses[strconv.Itoa(r.Status)]
	if res == nil {
		return nil, fmt.Errorf("%s answered %d, which the document does not have", o.name, r.Status)
	}
	for _, h := range res.headers {
		value := r.Header.Get(h.name)
		if value == "" && !h.required {
			continue
		}
		if err := h.check(value); err != nil {
			return nil, fmt.Errorf("%s answered %d with header %s: %q: %w", o.name, r.Status, h.name, value, err)
		}
	}
	t := mediaType(r.Header)
	if len(res.content) == 0 {
		if t != "" {
			return nil, fmt.Errorf("%s answered %d with a body of type %s, the document has none", o.name, r.Status, t)
		}
		return nil, nil
	}
	body := res.contentOf(t)
	if body == nil {
		return nil, fmt.Errorf("%s answered %d with Content-Type %q, which the document does not have", o.name, r.Status, t)
	}
	return body, nil
}

// contentOf is what the document says of a body of a media type: under its own name, or under a range such as image/* that
// it is in; nil when there is nothing.
func (r *response) contentOf(mediaType string) *content {
	kind, _, _ := strings.Cut(mediaType, "/")
	for _, name := range []string{mediaType, kind + "/*", "*/*"} {
		if c := r.content[name]; c != nil && mediaType != "" {
			return c
		}
	}
	return nil
}

// check judges a header's value: as a number when it is one and the schema does not want a text.
func (h header) check(value string) error {
	if n, err := jsonschema.UnmarshalJSON(strings.NewReader(value)); err == nil && h.schema.Validate(n) == nil {
		return nil
	}
	return h.schema.Validate(value)
}

func (c *content) check(body []byte, mediaType string) error {
	switch {
	case mediaType == "text/event-stream" && c.events != nil:
		return c.checkEvents(body)
	case mediaType == "application/json" && c.schema != nil:
		return validate(c.schema, body)
	}
	return nil
}

// checkEvents judges the data of each server-sent event.
func (c *content) checkEvents(body []byte) error {
	for event := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n\n") {
		var data []string
		for line := range strings.Lines(event) {
			if text, ok := strings.CutPrefix(line, "data:"); ok {
				data = append(data, strings.TrimSpace(text))
			}
		}
		if len(data) == 0 {
			continue
		}
		if err := validate(c.events, []byte(strings.Join(data, "\n"))); err != nil {
			return fmt.Errorf("event %q: %w", event, err)
		}
	}
	return nil
}

func validate(s *jsonschema.Schema, body []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return s.Validate(v)
}

// mediaType is the Content-Type without its parameters.
func mediaType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return h.Get("Content-Type")
	}
	return t
}
