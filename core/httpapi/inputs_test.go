package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestInputsAreBounded: what requests in flight hold is bounded in sum, by bytes and by the pixels that they would become.
func TestInputsAreBounded(t *testing.T) {
	const maxBody = 4096
	small := `{"prompt":"` + strings.Repeat("x", 4000) + `"}`
	picture := string(testPNG(t, 120, 120)) // 43,200 bytes unpacked
	for name, c := range map[string]struct {
		make func() *http.Request
		many int // fit in inputBodies × maxBody
	}{
		"bodies": {func() *http.Request { return request("POST", generations, typeJSON, strings.NewReader(small)) }, inputBodies * maxBody / len(small)},
		"pictures": {func() *http.Request {
			contentType, body := multipartBody(t, formPart{name: "prompt", data: "x"}, formPart{"image", "a.png", "image/png", picture})
			return request("POST", edits, contentType, strings.NewReader(body))
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(o *Options) { o.MaxBodyBytes = maxBody })
			arrived, release := make(chan struct{}), make(chan struct{})
			h.engine.hook = func(context.Context, *trace.Track, *model.Request) error {
				arrived <- struct{}{}
				<-release
				return nil
			}
			var wg sync.WaitGroup
			for range c.many {
				wg.Go(func() {
					if w := h.do(c.make()); w.Code != 200 {
						t.Errorf("%d %s", w.Code, w.Body)
					}
				})
				<-arrived
			}
			w := h.do(c.make())
			wantError(t, w, 503, codeQueueFull, "")
			if w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			close(release)
			wg.Wait()
			if n := h.server.inputs.held.Load(); n != 0 {
				t.Errorf("%d bytes are held when nobody is there", n)
			}
			go func() { <-arrived }()
			if w := h.do(c.make()); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
