package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
)

// headerRequestID is the header of a request's id, the caller's and ours.
const headerRequestID = "X-Request-Id"

// maxRequestID bounds an id that the caller gave.
const maxRequestID = 128

// requestID is the caller's X-Request-Id, or a new id when there is none or it has other characters than letters, digits, . _ and -.
func requestID(r *http.Request) string {
	id := r.Header.Get(headerRequestID)
	if id == "" || len(id) > maxRequestID {
		return newID("req-")
	}
	for _, c := range []byte(id) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '.', c == '_', c == '-':
		default:
			return newID("req-")
		}
	}
	return id
}

// idSet is the ids of the generations in flight.
type idSet struct{ taken sync.Map }

// take is id, or id with something behind it while another generation in flight is called that: a profile of one request
// has that request's spans only.
func (s *idSet) take(id string) string {
	unique := id
	for {
		if _, other := s.taken.LoadOrStore(unique, nil); !other {
			return unique
		}
		unique = newID(id + ".")
	}
}

// dropID gives the id of a request that has ended back, unless its profile keeps it.
func (s *Server) dropID(st *state) {
	if !st.keepsID {
		s.ids.drop(st.id)
	}
}

// drop gives an id back that was taken.
func (s *idSet) drop(id string) { s.taken.Delete(id) }

// newID is prefix and 64 random bits.
func newID(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return prefix + hex.EncodeToString(b[:])
}
