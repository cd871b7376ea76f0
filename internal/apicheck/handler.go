package apicheck

import (
	"bytes"
	"fmt"
	"net/http"
)

// Handler stands before a server and judges its replies. A reply that the document does not describe goes to report, and
// the client gets status 599 with what is wrong in its place, as far as nothing of it had been sent yet.
func (d *Document) Handler(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, u := r.Method, *r.URL
		t := &tap{ResponseWriter: w, document: d, report: report, reply: Reply{Method: method, URL: &u}}
		next.ServeHTTP(t, r)
		if r.Context().Err() == nil || t.reply.Status != 0 { // else the client went away, and there is no reply
			t.end()
		}
	})
}

// StatusFinding is what a client gets in place of a reply that the document does not describe.
const StatusFinding = 599

// tap is a ResponseWriter that looks at what is written.
type tap struct {
	http.ResponseWriter
	document *Document
	report   func(error)
	reply    Reply
	kept     bytes.Buffer // JSON, until it has been judged; events, as they went out
	hold     bool         // the reply is held back until it has been judged
	keep     bool         // the reply goes out and is judged at its end
	found    bool         // it is not as documented
	sent     bool         // its header went out
}

// Unwrap serves http.ResponseController.
func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader judges what is known of the reply so far.
func (t *tap) WriteHeader(status int) {
	if status < 200 {
		t.ResponseWriter.WriteHeader(status)
		return
	}
	if t.reply.Status != 0 {
		return
	}
	t.reply.Status, t.reply.Header = status, t.Header().Clone()
	media := mediaType(t.reply.Header)
	o := t.document.find(t.reply)
	switch {
	case t.reply.Method == http.MethodHead:
	case o == nil, media == "application/json":
		t.hold = true
		return
	case media == "text/event-stream":
		t.keep = true
	}
	if err := t.judgeHead(o); err != nil {
		t.replace(err)
		return
	}
	t.sent = true
	t.ResponseWriter.WriteHeader(status)
}

// judgeHead judges a reply whose body is not held back.
func (t *tap) judgeHead(o *operation) error {
	if o == nil {
		return t.document.checkUnknown(t.reply)
	}
	_, err := o.head(t.reply)
	return err
}

func (t *tap) Write(p []byte) (int, error) {
	if t.reply.Status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	switch {
	case t.found:
		return len(p), nil
	case t.hold:
		return t.kept.Write(p)
	case t.keep:
		t.kept.Write(p)
	}
	return t.ResponseWriter.Write(p)
}

// end judges the whole reply, and sends it when it was held back.
func (t *tap) end() {
	if t.reply.Status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if t.found {
		return
	}
	t.reply.Body = t.kept.Bytes()
	if err := t.document.Check(t.reply); err != nil {
		t.replace(err)
		return
	}
	if t.hold {
		t.ResponseWriter.WriteHeader(t.reply.Status)
		_, _ = t.ResponseWriter.Write(t.kept.Bytes()) // a client that is gone does not read it
	}
}

// replace reports a finding and sends it in the reply's place, unless that is on its way.
func (t *tap) replace(err error) {
	t.report(err)
	t.found = true
	if t.sent {
		return
	}
	h := t.Header()
	h.Del("Content-Length")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	t.ResponseWriter.WriteHeader(StatusFinding)
	_, _ = fmt.Fprintln(t.ResponseWriter, err)
}
