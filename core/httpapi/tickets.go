package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// Bounds of tickets.
const (
	ticketLife = 60 * time.Second
	maxTickets = 256 // of all callers; the oldest makes way
)

// ticketKey is the key of a download's query that carries a ticket.
const ticketKey = "ticket"

// ticket opens one artifact once, without a token: a browser that is given a link has none, and the token must not be in a
// link. Looking (HEAD) does not spend it.
type ticket struct {
	sum      [sha256.Size]byte // of the secret: the secret itself is not kept
	id, name string
	sha256   string // of the artifact: another file under its name is not what was asked for
	expires  time.Time
}

// ticketBox holds the tickets that are not spent.
type ticketBox struct {
	mu   sync.Mutex
	list []ticket // the oldest first
}

// issue makes a ticket and gives its secret.
func (b *ticketBox) issue(id string, a profile.Artifact, now time.Time) (secret string, expires time.Time) {
	secret = rand.Text() + rand.Text() // 256 bits
	t := ticket{sum: sha256.Sum256([]byte(secret)), id: id, name: a.Name, sha256: a.SHA256, expires: now.Add(ticketLife)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(now)
	if len(b.list) == maxTickets {
		b.list = append(b.list[:0], b.list[1:]...)
	}
	b.list = append(b.list, t)
	return secret, t.expires
}

// drop forgets what has expired. Called with mu held.
func (b *ticketBox) drop(now time.Time) {
	n := 0
	for n < len(b.list) && !now.Before(b.list[n].expires) {
		n++
	}
	b.list = append(b.list[:0], b.list[n:]...)
}

// redeem tells whether a secret opens an artifact, and spends it if spend. Its time does not depend on where secrets differ.
func (b *ticketBox) redeem(secret, id, name string, spend bool, now time.Time) (ticket, bool) {
	sum := sha256.Sum256([]byte(secret))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(now)
	at := -1
	for i := range b.list {
		if subtle.ConstantTimeCompare(b.list[i].sum[:], sum[:]) == 1 {
			at = i
		}
	}
	if at < 0 || b.list[at].id != id || b.list[at].name != name {
		return ticket{}, false
	}
	t := b.list[at]
	if spend {
		b.list = append(b.list[:at], b.list[at+1:]...)
	}
	return t, true
}

// ticketKeys is what the body of POST /v1/profiles/{id}/tickets takes.
var ticketKeys = []string{"artifact"}

type ticketReply struct {
	URL       string    `json:"url"` // from the root of the server, with the ticket
	Artifact  string    `json:"artifact"`
	ExpiresAt time.Time `json:"expires_at"`
}

// createTicket is POST /v1/profiles/{id}/tickets: a link to one artifact that works once, for a minute, without a token.
func (s *Server) createTicket(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	p, err := s.strictBody(r, ticketKeys)
	if err != nil {
		return err
	}
	name := p.str("artifact")
	if p.err == nil && name == "" {
		p.fail(codeMissing, "artifact", "artifact is missing: name one of GET /v1/profiles/%s/artifacts", id)
	}
	if p.err != nil {
		return p.err
	}
	file, a, err := s.artifact(id, name)
	if err != nil {
		e := *s.toAPIError(r, err)
		if e.Param == "name" { // as the path of a download calls it
			e.Param = "artifact"
		}
		return &e
	}
	_ = file.Close() // it is there, which is all that this asks
	secret, expires := s.tickets.issue(id, a, time.Now())
	writeJSON(w, http.StatusOK, ticketReply{
		URL: a.URL + "?" + url.Values{ticketKey: {secret}}.Encode(), Artifact: a.Name, ExpiresAt: expires.UTC().Truncate(time.Second),
	})
	return nil
}

// withTickets lets tickets open a route.
func withTickets(rt *route) *route {
	rt.tickets = true
	return rt
}

// carriesTicket tells whether a download comes with a ticket, good or not.
func carriesTicket(r *http.Request) bool { return r.URL.Query().Has(ticketKey) }

// admit lets a download with a ticket pass. What is sent then is the whole file: a range, or "you have it already", would
// spend the ticket for a part.
func (s *Server) admit(r *http.Request, id, name string) (ticket, error) {
	t, ok := s.tickets.redeem(r.URL.Query().Get(ticketKey), id, name, r.Method != http.MethodHead, time.Now())
	if !ok {
		return t, failf(codeBadTicket, ticketKey, "the ticket was used before, is older than %s or is for another file: ask for a new one by POST /v1/profiles/{id}/tickets, or send a token", ticketLife)
	}
	for _, name := range []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		r.Header.Del(name)
	}
	return t, nil
}
