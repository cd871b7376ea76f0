package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// state is what is known of a request besides the request itself.
type state struct {
	id     string
	began  time.Time
	route  *route    // nil when no route was found
	body   io.Reader // the body without its limit
	status int       // 0: nothing was written yet
	bytes  int64     // of the reply's body
	code   string    // of the error; empty: none
	cause  error
	trace  traceContext // the caller's trace
	// keepsID tells that the id is given back when the request's own profile has ended, not when the request has.
	keepsID   bool
	via       Exposure    // the listener
	bodyState int         // bodyDone, bodyComing, bodySlow or bodyTooMuch
	held      int64       // bytes that inputs counts for it
	who       caller      // known once the route's access was checked
	log       []slog.Attr // the handler's own, for the access log
}

type stateKey struct{}

func stateOf(r *http.Request) *state {
	st, _ := r.Context().Value(stateKey{}).(*state)
	if st == nil {
		return &state{}
	}
	return st
}

// writer counts what is written.
type writer struct {
	http.ResponseWriter
	state     *state
	stallTime time.Duration // for each piece of the reply to be taken; 0: for ever
	bodyTime  time.Duration // for the request's body to come
}

func (w *writer) WriteHeader(status int) {
	if w.state.status == 0 && status >= 200 {
		w.state.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.state.status == 0 {
		w.state.status = http.StatusOK
	}
	total := 0
	for {
		piece := p[:min(len(p), stallUnit)]
		w.stall()
		n, err := w.ResponseWriter.Write(piece)
		total += n
		w.state.bytes += int64(n)
		if p = p[len(piece):]; err != nil || len(p) == 0 {
			return total, err
		}
	}
}

// ReadFrom lets a file go out without a copy through this process, where the connection can do that.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if w.state.status == 0 {
		w.state.status = http.StatusOK
	}
	total := int64(0)
	for {
		w.stall()
		n, err := io.Copy(w.ResponseWriter, io.LimitReader(r, stallUnit))
		total += n
		w.state.bytes += n
		if err != nil || n < stallUnit {
			return total, err
		}
	}
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// marshal is v as one line of JSON. What a reply is made of can always be marshalled; if not, that is a panic and a 500.
func marshal(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// writeJSON answers with v. A client that is gone does not read it; nothing to do about that.
func writeJSON(w http.ResponseWriter, status int, v any) {
	writeBytes(w, status, typeJSON, marshal(v))
}

func writeBytes(w http.ResponseWriter, status int, contentType string, body []byte) {
	if own, ok := w.(*writer); ok && own.state.cloaks() {
		body = cloakJSON(body)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// writeMerged answers with the members of all the objects together; the first that has a name wins.
func writeMerged(w http.ResponseWriter, status int, objects ...any) {
	writeJSON(w, status, merge(objects...))
}

// merge puts objects, each a struct or map that marshals to a JSON object, together.
func merge(objects ...any) map[string]json.RawMessage {
	all := make(map[string]json.RawMessage)
	for _, o := range objects {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(marshal(o), &members); err != nil {
			panic(err)
		}
		for k, v := range members {
			if _, ok := all[k]; !ok {
				all[k] = v
			}
		}
	}
	return all
}

// recover turns a handler's panic into a 500, or breaks the connection when the reply has begun.
func (s *Server) recover(w *writer, r *http.Request, st *state) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.log.Error("panic in an HTTP handler", logRequestID, st.id, logPanic, p, logStack, string(debug.Stack()))
	if st.status != 0 {
		st.code = codeInternal
		panic(http.ErrAbortHandler)
	}
	s.writeError(w, r, failf(codeInternal, "", "the server met an error of its own; its log has it under request id %s", st.id))
}
