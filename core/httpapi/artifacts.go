package httpapi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/strobe-dev/strobe/core/profile"
)

// listArtifacts is GET /v1/profiles/{id}/artifacts.
func (s *Server) listArtifacts(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	v, err := s.profiles.Get(id)
	if err != nil {
		return err
	}
	if v.Artifacts == nil {
		v.Artifacts = []profile.Artifact{}
	}
	writeJSON(w, http.StatusOK, struct {
		Artifacts []profile.Artifact `json:"artifacts"`
	}{v.Artifacts})
	return nil
}

// getArtifact is GET /v1/profiles/{id}/artifacts/{name...}: the file, with ranges. A .gz is application/gzip and never
// Content-Encoding: gzip, or clients would save it unpacked under that name. Instead of a token it may come with a ticket.
func (s *Server) getArtifact(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	if _, err := strictQuery(r, ticketKey); err != nil {
		return err
	}
	name := r.PathValue("name")
	var once *ticket
	if carriesTicket(r) {
		t, err := s.admit(r, id, name)
		if err != nil {
			return err
		}
		once = &t
	}
	file, artifact, err := s.artifact(id, name)
	if err != nil {
		return err
	}
	defer file.Close()
	h := w.Header()
	if once != nil {
		if once.sha256 != artifact.SHA256 {
			return noArtifact(id, name)
		}
		h.Set("Referrer-Policy", "no-referrer") // whoever is led on from here does not learn the link
	}
	return sendArtifact(w, r, file, artifact, once != nil)
}

// sendArtifact answers with a file that is open.
func sendArtifact(w http.ResponseWriter, r *http.Request, file *os.File, artifact profile.Artifact, whole bool) error {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("look at artifact %s: not a regular file: %w", artifact.Name, errors.Join(err, fs.ErrInvalid))
	}
	h := w.Header()
	h.Set("Content-Type", artifactType(artifact, artifact.Name))
	h.Set("Content-Disposition", attachment(path.Base(artifact.Name)))
	h.Set("Cache-Control", "no-cache")
	if artifact.SHA256 != "" {
		h.Set("ETag", `"`+artifact.SHA256+`"`)
	}
	if whole {
		h.Set("Cache-Control", "no-store")
	}
	body := &rangeWriter{ResponseWriter: w}
	http.ServeContent(body, r, "", info.ModTime(), file)
	if body.refused {
		return failf(codeRange, "Range", "the range %q lies outside the file of %d bytes: leave Range out to get it whole",
			clip(r.Header.Get("Range"), 60), info.Size())
	}
	return nil
}

func noArtifact(id, name string) *apiError {
	return failf(codeNotFound, "name", "profile %s has no artifact %q: GET /v1/profiles/%s/artifacts lists them", id, clip(name, 200), id)
}

// artifact opens a file that the profile lists. A name that leads elsewhere is none of its artifacts.
func (s *Server) artifact(id, name string) (*os.File, profile.Artifact, error) {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00") {
		return nil, profile.Artifact{}, noArtifact(id, name)
	}
	f, a, err := s.openArtifact(id, name)
	if errors.Is(err, fs.ErrNotExist) {
		gone := noArtifact(id, name)
		gone.Cause = err
		return nil, a, gone
	}
	return f, a, err
}

// rangeWriter holds back the plain text with which http.ServeContent refuses a range, so that it gets the one error form.
type rangeWriter struct {
	http.ResponseWriter
	refused bool
}

func (w *rangeWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.refused = true
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets a file go out without a copy through this process, where the connection can do that.
func (w *rangeWriter) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }

func (s *Server) openArtifact(id, name string) (*os.File, profile.Artifact, error) {
	file, artifact, err := s.profiles.Artifact(id, name)
	if err != nil {
		return nil, artifact, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, artifact, fmt.Errorf("open artifact %s of profile %s: %w", name, id, err)
	}
	return f, artifact, nil
}

// artifactType is the declared media type; one that is none, or would run in a browser, becomes bytes.
func artifactType(a profile.Artifact, name string) string {
	if strings.HasSuffix(name, ".gz") {
		return "application/gzip"
	}
	t, _, err := mime.ParseMediaType(a.MediaType)
	if err != nil || t == "text/html" || t == "image/svg+xml" || strings.HasSuffix(t, "xml") || strings.Contains(t, "javascript") {
		return "application/octet-stream"
	}
	return a.MediaType
}

// attachment is a Content-Disposition that saves under name, by RFC 6266: as every client understands it, and, when that is
// not the whole name, as it is.
func attachment(name string) string {
	safe := safeName(name)
	text := mime.FormatMediaType("attachment", map[string]string{"filename": safe})
	if safe != name && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl) {
		text += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return text
}

// safeName keeps letters, digits, dot, dash and underscore; a name that would be hidden, or be no file's, begins otherwise.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	if name == "" || name[0] == '.' {
		return "_" + name
	}
	return name
}
