package httpapi

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
)

// inputBodies is how many bodies of the largest size all requests together may hold in memory, with the pictures in them.
// Without this bound each of thousands of clients could have the server keep a whole one.
const inputBodies = 32

// retryInputs is what a client is told to wait when they hold as much.
const retryInputs = 2 * time.Second

// inputs counts what the requests in flight brought: bytes of bodies as they come, and pixels of pictures before they are
// unpacked, which can be a thousand times what was sent.
type inputs struct {
	limit    int64
	held     atomic.Int64
	decoding slots // pictures that are unpacked at once: each takes several times its pixels meanwhile
}

func newInputs(maxBody int64) *inputs {
	return &inputs{limit: inputBodies * maxBody, decoding: make(slots, runtime.GOMAXPROCS(0))}
}

var errInputs = func() *apiError {
	e := failf(codeQueueFull, "", "the requests in flight hold as many bodies and pictures as the server keeps: try again later, or send smaller ones")
	e.RetryAfter = retryInputs
	return e
}()

// take counts n bytes for a request until it ends, or says that there are too many.
func (i *inputs) take(st *state, n int64) error {
	if i.held.Add(n) > i.limit {
		i.held.Add(-n)
		return errInputs
	}
	st.held += n
	return nil
}

// give takes back what a request was counted for.
func (i *inputs) give(st *state) {
	i.held.Add(-st.held)
	st.held = 0
}

// picture unpacks a picture when there is room for it.
func (i *inputs) picture(st *state, data []byte, param string) (model.Image, error) {
	if err := i.take(st, unpacked(data)); err != nil {
		return model.Image{}, err
	}
	i.decoding <- struct{}{} // none takes long: their size is bounded
	defer i.decoding.leave()
	return decodePicture(data, param)
}

// unpacked is how many bytes a picture's pixels are; 0 for one that is refused anyway.
func unpacked(data []byte) int64 {
	for _, c := range codecs {
		if len(data) < c.offset || !bytes.HasPrefix(data[c.offset:], []byte(c.magic)) {
			continue
		}
		cfg, err := c.config(bytes.NewReader(data))
		if err != nil || cfg.Width < 1 || cfg.Height < 1 || cfg.Width > maxInputSide || cfg.Height > maxInputSide || cfg.Width*cfg.Height > maxInputPixels {
			return 0
		}
		return 3 * int64(cfg.Width) * int64(cfg.Height)
	}
	return 0
}

// countedBody is a body that is counted while it comes.
type countedBody struct {
	io.ReadCloser
	inputs *inputs
	st     *state
}

// countBody begins to count the request's body.
func (s *Server) countBody(r *http.Request, st *state) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &countedBody{r.Body, s.inputs, st}
	}
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if tooMuch := b.inputs.take(b.st, int64(n)); tooMuch != nil {
		b.st.bodyState = bodyTooMuch // whatever a form's reader makes of the error
		return 0, tooMuch
	}
	return n, err
}
