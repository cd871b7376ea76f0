package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/strobe-dev/strobe/internal/apicheck"
)

// checkedReplies in the environment makes a server hold its replies against its own OpenAPI document: whoever asked for one
// that is not documented, a test or an outside client, gets status 599 instead.
const checkedReplies = "STROBE_TEST_CHECKED_REPLIES"

func checkReplies(h http.Handler) http.Handler {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/openapi.json", nil))
	d, err := apicheck.Parse(w.Body.Bytes(), "#/components/schemas/Error")
	if err != nil {
		panic(err)
	}
	return d.Handler(h, func(err error) { fmt.Fprintln(os.Stderr, "OPENAPI:", err) })
}
