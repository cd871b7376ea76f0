package httpapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"
)

// Media types of request bodies.
const (
	typeJSON      = "application/json"
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// mediaType is the body's type without its parameters; empty when there is none or it cannot be read.
func mediaType(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return t
}

// readJSON reads a body that must be declared as JSON and be an object.
func readJSON(r *http.Request) (*params, error) {
	if t := mediaType(r); t != typeJSON {
		return nil, failf(codeMediaType, "", "Content-Type is %q: send %s", clip(t, 60), typeJSON)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	return jsonParams(body)
}

// form is a read form: its texts and its files.
type form struct {
	values url.Values
	files  map[string][]*multipart.FileHeader
}

// readForm reads a multipart or urlencoded form. Everything stays in memory, which the body limit bounds: no temporary files.
func readForm(r *http.Request, limit int64) (*form, error) {
	switch t := mediaType(r); t {
	case typeMultipart:
		if err := r.ParseMultipartForm(limit); err != nil {
			return nil, bodyError(err)
		}
		return &form{values: r.MultipartForm.Value, files: r.MultipartForm.File}, nil
	case typeForm:
		if err := r.ParseForm(); err != nil {
			return nil, bodyError(err)
		}
		return &form{values: r.PostForm}, nil
	default:
		return nil, failf(codeMediaType, "", "Content-Type is %q: send %s", clip(t, 60), typeMultipart)
	}
}

// bodyError tells a body that is too large or cut short from one that is malformed.
func bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) || errors.Is(err, errSlowBody) || errors.Is(err, errInputs) {
		return err
	}
	e := failf(codeInvalidValue, "", "the body cannot be read: %s", err)
	e.Cause = err
	return e
}

// Reading on after "too large", so that a client that sends its whole body before it reads gets to see the reply.
const (
	drainBytes = 256 << 20
	drainTime  = 3 * time.Second
)

// drain reads and forgets the rest of a body, within bounds.
func drain(w http.ResponseWriter, body io.Reader) {
	if body == nil {
		return
	}
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Now().Add(drainTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, body, drainBytes) // whatever comes, the reply is next
	_ = c.SetReadDeadline(time.Time{})            // the server sets its own for the next request
}
