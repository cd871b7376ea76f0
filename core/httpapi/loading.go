package httpapi

import (
	"net/http"
	"strconv"
	"time"
)

// retryLoading is what a client is told to wait while the model is being loaded.
const retryLoading = 2 * time.Second

// Loading answers while there is no [Server] yet, because its model is being loaded: GET /health as ever, and everything else
// with 503, GET /ready in its own form.
func Loading() http.Handler {
	const why = "the model is being loaded"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set(headerRequestID, requestID(r))
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case reads && r.URL.Path == "/health":
			writeJSON(w, http.StatusOK, healthReply{Status: "healthy"})
		case reads && r.URL.Path == "/ready":
			writeJSON(w, http.StatusServiceUnavailable, readyReply{Status: statusNotReady, Missing: []string{why}})
		default:
			w.Header().Set("Retry-After", strconv.Itoa(int(retryLoading.Seconds())))
			writeJSON(w, http.StatusServiceUnavailable, failf(codeRankUnavailable, "", why+": try again when GET /ready answers 200").reply())
		}
	})
}
