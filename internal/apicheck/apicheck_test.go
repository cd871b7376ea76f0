package apicheck

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const small = `{
  "openapi": "3.1.0",
  "paths": {
    "/things": {"get": {"responses": {
      "200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}},
      "400": {"$ref": "#/components/responses/Bad"}
    }}},
    "/things/{name}": {
      "get": {
        "parameters": [{"name": "name", "in": "path", "required": true, "x-slashes": true}],
        "responses": {
          "200": {"description": "", "content": {"image/*": {}, "text/plain": {}}, "headers": {"ETag": {"required": true, "schema": {"pattern": "^\"[a-z]+\"$"}}}},
          "429": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}, "headers": {"Retry-After": {"schema": {"type": "integer"}}}}
        }
      },
      "delete": {"responses": {"204": {"description": ""}}}
    },
    "/events": {"get": {"responses": {"200": {"description": "", "content": {"text/event-stream": {"x-data": {"$ref": "#/components/schemas/Thing"}}}}}}},
    "/merged": {"get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {
      "allOf": [{"$ref": "#/components/schemas/Thing"}], "properties": {"more": {"type": "boolean"}}}}}}}}}
  },
  "components": {
    "schemas": {
      "Thing": {"type": "object", "properties": {"name": {"type": "string"}, "at": {"type": "string", "format": "date-time"},
        "inner": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "open": {"type": "object", "additionalProperties": {"type": "integer"}}}, "required": ["name"]},
      "Error": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    },
    "responses": {"Bad": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}
  }
}`

func parseSmall(t *testing.T) *Document {
	t.Helper()
	d, err := Parse([]byte(small), "#/components/schemas/Error")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCheck(t *testing.T) {
	const isJSON, png = "application/json", "image/png"
	for name, c := range map[string]struct {
		call        string // method and path
		status      int
		contentType string
		header      string // one more: "Name: value"
		body        string
		good        bool
	}{
		"as documented":               {"GET /things", 200, isJSON, "", `[{"name":"a","at":"2026-11-23T10:00:00Z","inner":{"x":1},"open":{"any":1}}]`, true},
		"type with a parameter":       {"GET /things", 200, isJSON + "; charset=utf-8", "", `[]`, true},
		"a member nobody knows":       {"GET /things", 200, isJSON, "", `[{"name":"a","color":"red"}]`, false},
		"one further in":              {"GET /things", 200, isJSON, "", `[{"name":"a","inner":{"y":1}}]`, false},
		"a member is missing":         {"GET /things", 200, isJSON, "", `[{}]`, false},
		"a wrong type":                {"GET /things", 200, isJSON, "", `[{"name":1}]`, false},
		"a wrong format":              {"GET /things", 200, isJSON, "", `[{"name":"a","at":"noon"}]`, false},
		"a wrong value in an open":    {"GET /things", 200, isJSON, "", `[{"name":"a","open":{"any":"x"}}]`, false},
		"not JSON":                    {"GET /things", 200, isJSON, "", `[`, false},
		"two values":                  {"GET /things", 200, isJSON, "", `[] []`, false},
		"an unknown status":           {"GET /things", 404, isJSON, "", `{"error":"x"}`, false},
		"an unknown type":             {"GET /things", 200, "text/plain", "", `[]`, false},
		"an error":                    {"GET /things", 400, isJSON, "", `{"error":"x"}`, true},
		"a wrong error":               {"GET /things", 400, isJSON, "", `{"detail":"x"}`, false},
		"HEAD":                        {"HEAD /things", 200, isJSON, "", ``, true},
		"HEAD with an unknown status": {"HEAD /things", 418, isJSON, "", ``, false},
		"HEAD that is refused":        {"HEAD /things", 405, isJSON, "", ``, true},
		"a name with slashes":         {"GET /things/a/b.png", 200, png, `ETag: "abc"`, "PNG", true},
		"a type outside the range":    {"GET /things/a", 200, "video/mp4", `ETag: "abc"`, "MP4", false},
		"no type":                     {"GET /things/a", 200, "", `ETag: "abc"`, "PNG", false},
		"a header is missing":         {"GET /things/a", 200, png, "", "PNG", false},
		"a header is wrong":           {"GET /things/a", 200, png, "ETag: abc", "PNG", false},
		"a number in a header":        {"GET /things/a", 429, isJSON, "Retry-After: 2", `{"error":"x"}`, true},
		"no number in a header":       {"GET /things/a", 429, isJSON, "Retry-After: soon", `{"error":"x"}`, false},
		"no body":                     {"DELETE /things/a", 204, "", "", "", true},
		"a body where none is":        {"DELETE /things/a", 204, isJSON, "", "{}", false},
		"an unknown path":             {"GET /nothing", 404, isJSON, "", `{"error":"x"}`, true},
		"an unknown path that works":  {"GET /nothing", 200, isJSON, "", `{}`, false},
		"an unknown path, no error":   {"GET /nothing", 404, isJSON, "", `{}`, false},
		"an unknown path, plain":      {"GET /nothing", 404, "text/plain", "", `no`, false},
		"a path that leads back":      {"GET /things/..", 404, isJSON, "", `{"error":"x"}`, true},
		"an unknown path, HEAD":       {"HEAD /nothing", 404, isJSON, "", ``, true},
		"an unknown method":           {"PUT /things", 405, isJSON, "", `{"error":"x"}`, true},
		"a redirect":                  {"GET //things", 301, "text/html", "", ``, false},
		"events":                      {"GET /events", 200, "text/event-stream", "", "event: a\ndata: {\"name\":\"x\"}\n\n: still here\n\ndata: {\"name\":\ndata: \"y\"}\n\n", true},
		"a wrong event":               {"GET /events", 200, "text/event-stream", "", "data: {\"name\":\"x\"}\n\ndata: {}\n\n", false},
		"a whole of two parts":        {"GET /merged", 200, isJSON, "", `{"name":"a","more":true}`, true},
		"more than the two parts":     {"GET /merged", 200, isJSON, "", `{"name":"a","more":true,"most":1}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(c.call, " ")
			h := http.Header{}
			if c.contentType != "" {
				h.Set("Content-Type", c.contentType)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok {
				h.Set(name, value)
			}
			r := Reply{Method: method, URL: &url.URL{Path: path}, Status: c.status, Header: h, Body: []byte(c.body)}
			if err := parseSmall(t).Check(r); (err == nil) != c.good {
				t.Errorf("%v", err)
			}
			checkHandler(t, r, c.good)
		})
	}
}

// checkHandler has the same reply judged on its way out of a server.
func checkHandler(t *testing.T, r Reply, good bool) {
	t.Helper()
	var found []error
	h := parseSmall(t).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range r.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(r.Status)
		for _, b := range r.Body {
			_, _ = w.Write([]byte{b})
		}
	}), func(err error) { found = append(found, err) })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, &http.Request{Method: r.Method, URL: r.URL, Body: http.NoBody})
	if (len(found) == 0) != good || len(found) > 1 {
		t.Errorf("the handler found %v", found)
	}
	streamed := strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream")
	if good && (w.Code != r.Status || w.Body.String() != string(r.Body)) || !good && !streamed && w.Code != StatusFinding {
		t.Errorf("the client got %d %s", w.Code, w.Body)
	}
}

func TestMissed(t *testing.T) {
	d := parseSmall(t)
	seen := Reply{Method: "GET", URL: &url.URL{Path: "/things"}, Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte("[]")}
	if err := d.Check(seen); err != nil {
		t.Fatal(err)
	}
	want := []string{"DELETE /things/{name} 204", "GET /events 200", "GET /merged 200", "GET /things 400", "GET /things/{name} 200", "GET /things/{name} 429"}
	if diff := cmp.Diff(want, d.Missed()); diff != "" {
		t.Error(diff)
	}
}

func TestParseErrors(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON": `{`, "a list": `[]`, "no schema of errors": `{"paths": {}}`,
		"a response that leads nowhere": strings.Replace(small, "responses/Bad", "responses/Worse", 1),
		"a schema that leads nowhere":   strings.Replace(small, `"items": {"$ref": "#/components/schemas/Thing"}`, `"items": {"$ref": "#/components/schemas/No"}`, 1),
		"a schema that is none":         strings.Replace(small, `"type": "array"`, `"type": "list"`, 1),
	} {
		if _, err := Parse([]byte(text), "#/components/schemas/Error"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestHandlerOverTheWire: what a server streams is not held back, and its controller works.
func TestHandlerOverTheWire(t *testing.T) {
	step := make(chan struct{})
	s := httptest.NewServer(parseSmall(t).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"name\":\"x\"}\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-step
	}), func(err error) { t.Error(err) }))
	defer s.Close()
	res, err := http.Get(s.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data:" {
		t.Errorf("%q, %v", first, err)
	}
	close(step)
	if _, err := io.ReadAll(res.Body); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
