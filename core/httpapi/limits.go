package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits are what callers may take of the server. Zero is no limit.
type Limits struct {
	StartsPerMinute      int           // starts and snapshots of profiles, all callers together
	GenerationsPerMinute int           // requests for images, of each key
	BodyTimeout          time.Duration // for a request's body to come
	StallTimeout         time.Duration // for each MiB of a reply to be taken
	HeaderTimeout        time.Duration // for a request's header to come
	IdleTimeout          time.Duration // from a reply to the next request on its connection
	MaxHeaderBytes       int           // of a request's header
}

// limiter bounds a rate. A quarter of a minute's worth may come at once.
type limiter struct{ l *rate.Limiter }

func newLimiter(perMinute int) limiter {
	if perMinute <= 0 {
		return limiter{}
	}
	return limiter{rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/4))}
}

// take tells how long to wait before the next try; zero: go on.
func (l limiter) take(now time.Time) time.Duration {
	if l.l == nil {
		return 0
	}
	r := l.l.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// rates are the limiters of one server.
type rates struct {
	starts      limiter
	generations int

	mu   sync.Mutex
	keys map[string]limiter // of generations, by the key's name: as many as keys were ever configured
}

func newRates(l Limits) *rates {
	return &rates{starts: newLimiter(l.StartsPerMinute), generations: l.GenerationsPerMinute, keys: map[string]limiter{}}
}

// check counts a request against the limits of its route. Callers without a key share one allowance.
func (l *rates) check(rt *route, who caller) error {
	switch {
	case rt.starts:
		return l.start()
	case rt.generates && l.generations > 0:
		l.mu.Lock()
		defer l.mu.Unlock()
		name := who.String()
		if _, ok := l.keys[name]; !ok {
			l.keys[name] = newLimiter(l.generations)
		}
		if wait := l.keys[name].take(time.Now()); wait > 0 {
			e := failf(codeRateLimited, "", "a key may ask for images %d times a minute (server.limits.generations_per_minute): try again in %s", l.generations, waitText(wait))
			e.RetryAfter = wait
			return e
		}
	}
	return nil
}

// waitText is a wait as people read it, in whole seconds as in Retry-After.
func waitText(d time.Duration) string {
	return ((d + time.Second - 1) / time.Second * time.Second).String()
}

// start counts the start of a profile.
func (l *rates) start() error {
	if wait := l.starts.take(time.Now()); wait > 0 {
		e := failf(codeRateLimited, "", "profiles are started and snapshots taken too often (server.limits.starts_per_minute): try again in %s", waitText(wait))
		e.RetryAfter = wait
		return e
	}
	return nil
}

// timedBody gives a body a time to come. The deadline is the connection's, so it holds for what no handler reads, too.
type timedBody struct {
	io.ReadCloser
	c  *http.ResponseController
	st *state
}

// Where a request's body is.
const (
	bodyDone = iota // or there is none
	bodyComing
	bodySlow    // its time is over
	bodyTooMuch // there is no room for it
)

// limitBody begins the time of the request's body.
func (s *Server) limitBody(w http.ResponseWriter, r *http.Request, st *state) {
	if r.Body == nil || r.Body == http.NoBody || s.o.Limits.BodyTimeout <= 0 {
		return
	}
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Now().Add(s.o.Limits.BodyTimeout)) == nil {
		r.Body, st.bodyState = &timedBody{r.Body, c, st}, bodyComing
	}
}

// Read ends the time when the body is complete: what follows is the time that the handler takes.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.st.bodyState = bodyDone
		_ = b.c.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.st.bodyState = bodySlow // whatever a form's reader makes of the error
		err = errSlowBody
	}
	return n, err
}

var errSlowBody = failf(codeSlowBody, "", "the body did not come in time (server.limits.body_timeout): send it faster")

// stallUnit is how much of a reply has Limits.StallTimeout.
const stallUnit = 1 << 20

// stall gives the next piece of a reply its time.
func (w *writer) stall() {
	if w.stallTime <= 0 {
		return
	}
	d := w.stallTime
	if w.state.bodyState != bodyDone { // the server waits for a body that no handler read before it sends the reply
		d += w.bodyTime
	}
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(d))
}
