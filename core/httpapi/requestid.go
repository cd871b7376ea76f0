package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// maxRequestID bounds an id that the caller gave.
const maxRequestID = 128

// requestID is the caller's X-Request-Id, or a new id when there is none or it has other characters than letters, digits, . _ and -.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
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

// newID is prefix and 64 random bits.
func newID(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return prefix + hex.EncodeToString(b[:])
}
