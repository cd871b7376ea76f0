package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// TestHTTPFuzz sends requests that are made out of the server's own OpenAPI document, valid, at the edge and hostile ones, to
// every route. The server holds each reply against the document; none may be an error of its own, and nothing may panic.
func TestHTTPFuzz(t *testing.T) {
	requests, seed := 600, uint64(7)
	if os.Getenv("STROBE_TEST") == "full" {
		requests, seed = 10500, uint64(time.Now().UnixNano())
	}
	p := startInstant(t, instant{server: "max_body = \"1MiB\"\naccess_log = \"off\"\nlimits {\n starts_per_minute = 0\n}",
		profile: "keep = 5\nmax_duration = \"1s\"", more: "flight_recorder {\n window = \"5s\"\n max_bytes = \"32MiB\"\n}"})
	f := newFuzzer(t, p.get("/openapi.json").body, seed)
	c := &rawClient{t: t, address: strings.TrimPrefix(p.url, "http://")}
	defer c.close()
	got := map[int]int{}
	for n := range requests {
		if n%100 == 0 {
			f.ids, f.names = p.somethingThere()
		}
		op := f.operations[n%len(f.operations)]
		if op.path == "/v1/profiles/{id}/events" && op.method == "GET" {
			f.ids = f.ids[:min(1, len(f.ids))] // of one that has ended: others go on for a second each
		}
		request, show := f.request(op)
		head := op.method == "HEAD" || strings.HasPrefix(request, "HEAD ")
		status, body := c.send(request, head)
		got[status]++
		if status == http.StatusNotImplemented && (head || strings.HasPrefix(string(body), "Unsupported transfer encoding")) {
			continue // of the HTTP library: no route has seen it, and the answer to HEAD has no text
		}
		if status == 599 || status >= 500 && status != 503 && status != 507 || status == 0 && !strings.Contains(show, "hostile") {
			t.Errorf("request %d of seed %d: %.1500q\nanswered %d %.600s", n, seed, show, status, body)
		}
	}
	t.Logf("%d requests: %v", requests, got)
	if r := p.get("/health"); r.status != 200 {
		t.Errorf("health: %d %s", r.status, r.body)
	}
	if log := p.stderr.String(); strings.Contains(log, "panic") {
		t.Error("the server panicked")
	}
}

// somethingThere gives the id of a profile that has ended, and its artifacts.
func (p *process) somethingThere() (ids, names []string) {
	p.do("POST", "/stop_profile", "", nil)
	for _, v := range p.profiles() {
		if v.State == profile.StateComplete {
			ids = append(ids, v.ID)
			for _, a := range v.Artifacts {
				names = append(names, a.Name)
			}
		}
	}
	if len(ids) == 0 {
		p.post("/start_profile", "")
		p.post("/v1/images/generations", `{"prompt":"x"}`)
		v := p.stopProfile()
		return []string{v.ID}, []string{v.Artifacts[0].Name}
	}
	return ids, names
}

// oddHeaders are lines that a request may have.
var oddHeaders = []string{"X-Request-Id: \x01\x02", "X-Request-Id: " + strings.Repeat("a", 9000), "Authorization: Bearer", "Authorization: Basic eA==", "Origin: null",
	"Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Host: evil.example", "Expect: 100-continue", "Range: bytes=0-0,1-1,2-2", "Range: bytes=-9999999999999999999",
	"Range: bytes=../..", "If-Range: \"x\"", "If-None-Match: *", "traceparent: 00-0-0-00", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Accept: */*;q=NaN",
	"Accept: text/plain", "X-Strobe-Profile: 1", "X-Strobe-Profile: \xff", "Last-Event-ID: end", "Transfer-Encoding: chunked", "Content-Length: -1", "Content-Length: 5",
	"Connection: upgrade", "Upgrade: h2c", "Accept-Encoding: gzip, br", "X-Forwarded-For: 1.2.3.4", "Cookie: a=b", " folded", ": empty", "A\x00: b", strings.Repeat("H", 70000) + ": x"}

// request is a request as it goes over the wire. show tells of it, and whether it may be no HTTP at all.
func (f *fuzzer) request(op apiOperation) (raw, show string) {
	method, hostile := op.method, false
	if f.chance(15) {
		method = pick(f, []string{"HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "GET", "POST", "TRACE", "CONNECT", "get", "FOO", "G\x00T", strings.Repeat("M", 3000)})
	}
	target := f.target(op)
	contentType, body := f.body(op)
	if len(body) > 1<<20 {
		body = body[:1<<20]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, target)
	for f.chance(4) {
		line := pick(f, oddHeaders)
		hostile = true // some lines make it no HTTP, others have the server wait for what does not come
		b.WriteString(line + "\r\n")
	}
	if contentType != "" {
		b.WriteString("Content-Type: " + contentType + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	show = b.String()
	if hostile || method != op.method || strings.Contains(contentType, "\xff") {
		show = "hostile " + show
	}
	return b.String(), show
}

// rawClient sends bytes and reads replies. It keeps a connection as long as the server does.
type rawClient struct {
	t       *testing.T
	address string
	conn    net.Conn
	in      *bufio.Reader
}

func (c *rawClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// send gives the status of the reply; 0 when there is none within a moment.
func (c *rawClient) send(request string, head bool) (int, []byte) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			c.t.Fatal(err)
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	limit := 20 * time.Second
	if strings.Contains(request, "Transfer-Encoding") || strings.Count(request, "Content-Length: ") > 1 || strings.Contains(request, "CONNECT") {
		limit = 200 * time.Millisecond // the server waits for a body that does not come
	}
	_ = c.conn.SetDeadline(time.Now().Add(limit))
	go func(conn net.Conn) { _, _ = io.WriteString(conn, request) }(c.conn) // the server may answer before it has read all
	method := "GET"
	if head {
		method = "HEAD"
	}
	for {
		res, err := http.ReadResponse(c.in, &http.Request{Method: method})
		if err != nil {
			c.close()
			return 0, []byte(err.Error())
		}
		if res.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.Close || c.in.Buffered() > 0 {
			c.close()
		}
		return res.StatusCode, body
	}
}
