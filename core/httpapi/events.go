package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// Bounds of the streams of events.
const (
	eventsEvery = 500 * time.Millisecond // from one event of a stream to the next, at least
	eventsAlive = 15 * time.Second       // without an event, a comment keeps the connection
	eventsWrite = 10 * time.Second       // for a client to take an event; then the stream ends
	eventsRetry = 2 * time.Second        // what a client is told to wait before it comes back
	maxStreams  = 64                     // at once
)

// Names of events, and the id of the last one.
const (
	eventProgress = "progress"
	eventEnd      = "end"
)

// progress is the data of an event: the profile's figures as they are then.
type progress struct {
	ID        string          `json:"id"`
	State     profile.State   `json:"state"`
	DurationS float64         `json:"duration_s"`
	Requests  int64           `json:"requests"`
	Events    uint64          `json:"events"`
	Bytes     int64           `json:"bytes"`
	Losses    profile.Losses  `json:"losses"`
	EndedBy   profile.EndedBy `json:"ended_by"`
	Error     string          `json:"error"`
}

func progressOf(v profile.View) progress {
	return progress{ID: v.ID, State: v.State, DurationS: v.DurationS, Requests: v.Requests, Events: v.Events, Bytes: v.Bytes,
		Losses: v.Losses, EndedBy: v.EndedBy, Error: v.Error}
}

// profileEvents is GET /v1/profiles/{id}/events: server-sent events with the profile's figures, at once, then when they have
// changed, and last, named end, when the profile has ended. Every event has all figures, so a client that comes back has
// missed nothing: Last-Event-ID is not needed. One that comes back after the end is answered 204, by which it stops.
//
// Nothing waits for a client: each stream looks at the profile by itself, and one that does not take its events ends.
func (s *Server) profileEvents(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	if _, err := strictQuery(r); err != nil {
		return err
	}
	v, err := s.profiles.Get(id)
	if err != nil {
		return err
	}
	if v.State.Final() && r.Header.Get("Last-Event-ID") == eventEnd {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	if r.Method == http.MethodHead {
		return nil
	}
	if !s.streams.enter() {
		return busy(w, "%d clients watch profiles, which is all that may: try again, or GET /v1/profiles/%s", maxStreams, id)
	}
	defer s.streams.leave()
	e := &eventStream{w: w, c: http.NewResponseController(w), cloaks: stateOf(r).cloaks()}
	_ = e.c.SetReadDeadline(time.Time{}) // the server's limit for a request's arrival would end the stream
	s.stream(r, e, v)
	return nil
}

// stream sends events until the profile has ended, the client has gone or the server goes down.
func (s *Server) stream(r *http.Request, e *eventStream, v profile.View) {
	if !e.send(fmt.Sprintf("retry: %d\n\n", eventsRetry.Milliseconds())) {
		return
	}
	tick := time.NewTicker(eventsEvery)
	defer tick.Stop()
	for {
		if v.State.Final() {
			e.event(eventEnd, eventEnd, progressOf(v))
			return
		}
		if !e.progress(progressOf(v)) {
			return
		}
		ended, err := s.profiles.Ended(v.ID)
		if err != nil { // its start failed
			return
		}
		select {
		case <-tick.C:
		case <-ended:
		case <-r.Context().Done():
			return
		case <-s.closing:
			e.send(": the server is shutting down\n\n")
			return
		}
		if v, err = s.profiles.Get(v.ID); err != nil {
			return
		}
	}
}

// eventStream writes server-sent events.
type eventStream struct {
	w      http.ResponseWriter
	c      *http.ResponseController
	cloaks bool      // paths are not for this client
	n      int       // events so far
	last   []byte    // the data of the last one
	at     time.Time // when something was last sent
}

// progress sends figures that have changed, else a comment when nothing was sent for long. It tells whether to go on.
func (e *eventStream) progress(p progress) bool {
	switch data := marshal(p); {
	case !bytes.Equal(data, e.last):
		e.n++
		e.last = data
		return e.event(fmt.Sprint(e.n), eventProgress, p)
	case time.Since(e.at) >= eventsAlive:
		return e.send(": still there\n\n")
	}
	return true
}

func (e *eventStream) event(id, name string, p progress) bool {
	if e.cloaks {
		p.Error = cloak(p.Error)
	}
	return e.send(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, name, bytes.TrimSpace(marshal(p))))
}

func (e *eventStream) send(text string) bool {
	_ = e.c.SetWriteDeadline(time.Now().Add(eventsWrite)) // a writer without deadlines does not block
	if _, err := e.w.Write([]byte(text)); err != nil {
		return false
	}
	e.at = time.Now()
	err := e.c.Flush()
	_ = e.c.SetWriteDeadline(time.Time{}) // HTTP/2 would end the stream at the deadline, even if nothing waits
	return err == nil
}

// EndStreams ends the streams of events, which would last as long as a profile. It is for when the server goes down; safe
// twice.
func (s *Server) EndStreams() { s.endStreams() }

// slots bounds how many do something at once.
type slots chan struct{}

func (s slots) enter() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s slots) leave() { <-s }

// busy is the error for one too many, with a time to come back.
func busy(w http.ResponseWriter, format string, args ...any) error {
	for _, name := range []string{"Content-Type", "Content-Disposition", "X-Accel-Buffering"} {
		w.Header().Del(name)
	}
	e := failf(codeRateLimited, "", format, args...)
	e.RetryAfter = eventsRetry
	return e
}
