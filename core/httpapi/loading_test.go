package httpapi

import (
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLoading: while the model is being loaded every route says so, in the forms that the document has.
func TestLoading(t *testing.T) {
	for _, rt := range newHarness(t).server.routes {
		r, _ := goodRequest(t, rt)
		w := httptest.NewRecorder()
		checked(t, Loading()).ServeHTTP(w, r)
		switch rt.path {
		case "/health":
			if w.Code != 200 {
				t.Errorf("/health: %d", w.Code)
			}
		case "/ready":
			if diff := cmp.Diff(readyReply{statusNotReady, []string{"the model is being loaded"}}, decode[readyReply](t, w)); diff != "" || w.Code != 503 {
				t.Error(w.Code, diff)
			}
		default:
			wantError(t, w, 503, codeRankUnavailable, "")
			if w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", rt.path)
			}
		}
	}
}
