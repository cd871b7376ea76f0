package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

// Profiles is what the profile routes need of core/profile.
type Profiles interface {
	Start(ctx context.Context, r profile.StartRequest) (profile.View, error)
	// Stop ends a profile, "" the active one, and waits for its result; when ctx ends first the export goes on and the
	// view says exporting.
	Stop(ctx context.Context, id string) (profile.View, error)
	// Export exports a profile that has ended with a profiler and waits; when ctx ends first it goes on.
	Export(ctx context.Context, id string, r profile.ExportRequest) (profile.View, error)
	// Uncollected is the profile that ended by itself and whose result nobody has fetched yet; fetching is once.
	Uncollected() (profile.View, bool)
	// Snapshot makes a profile of what was remembered and waits for its export; when ctx ends first it goes on.
	Snapshot(ctx context.Context, r profile.SnapshotRequest) (profile.View, error)
	Get(id string) (profile.View, error)
	// ListPage is the profiles that match, the newest first, a page at a time.
	ListPage(q profile.Query) (profile.Page, error)
	// Change changes a label or a pin.
	Change(id string, c profile.Change) (profile.View, error)
	// Ended is closed when the profile has ended.
	Ended(id string) (<-chan struct{}, error)
	Delete(id string) error
	// Artifact is the path of a file on disk and what is known of it.
	Artifact(id, name string) (string, profile.Artifact, error)
	Summary(id string) (summary.Table, error)
	Stats() profile.Stats
	// CountRequest tells of a request that was served.
	CountRequest()
	// EndRequest ends a profile of one request, which has ended, without waiting; then is called when nothing is recorded for it
	// any more.
	EndRequest(id string, then func())
}

// Keys of bodies: a stop's, an export's and a snapshot's; startKeys are a start's.
var (
	stopKeys   = []string{"wait"}
	exportKeys = []string{"profiler", "wait"}
	pastKeys   = []string{"last_s", "label", "profilers", "wait"}
)

// words is a list of strings or numbers: a JSON array, or in a form or a single JSON value a text with commas.
func (p *params) words(name string) []string {
	if !p.given(name) {
		return nil
	}
	if text, ok := p.values[name].scalar(); ok && !strings.HasPrefix(text, "[") {
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	}
	var words []string
	for _, raw := range p.list(name) {
		word, ok := param{raw: raw}.scalar()
		if !ok || word == "" || word == "null" {
			p.fail(codeInvalidValue, name, "%s must be a list of names or numbers", name)
			return nil
		}
		words = append(words, word)
	}
	return words
}

// createProfile is POST /v1/profiles.
func (s *Server) createProfile(w http.ResponseWriter, r *http.Request) error {
	p, err := s.strictBody(r, strictKeys)
	if err != nil {
		return err
	}
	req := strictStart(p)
	if p.err != nil {
		return p.err
	}
	v, err := s.profiles.Start(r.Context(), req)
	if err != nil {
		return err
	}
	noteProfile(r, v.ID)
	w.Header().Set("Location", "/v1/profiles/"+v.ID)
	writeJSON(w, http.StatusOK, v)
	return nil
}

// strictBody reads a body: none, or a JSON object of known keys only.
func (s *Server) strictBody(r *http.Request, known []string) (*params, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	if len(body) == 0 {
		return &params{}, nil
	}
	if t := mediaType(r); t != typeJSON {
		return nil, failf(codeMediaType, "", "Content-Type is %q: send %s, or no body", clip(t, 60), typeJSON)
	}
	p, err := jsonParams(body)
	if err != nil {
		return nil, err
	}
	for _, key := range p.names() {
		switch {
		case slices.Contains(known, key):
		case key == "output_dir":
			return nil, failf(codeUnsupported, key, "the caller does not choose where profiles go: set profile.dir in plugins.hcl, and download the artifacts")
		default:
			return nil, failf(codeUnknownParam, clip(key, 80), "unknown key %q%s: the body takes %s",
				clip(key, 80), didYouMean(key, known), strings.Join(known, ", "))
		}
	}
	return p, nil
}

// names of all values that were sent, sorted.
func (p *params) names() []string {
	names := make([]string, 0, len(p.values))
	for k := range p.values {
		names = append(names, k)
	}
	sort.Strings(names)
	return names
}

// getProfile is GET /v1/profiles/{id}.
func (s *Server) getProfile(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	v, err := s.profiles.Get(id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}

// deleteProfile is DELETE /v1/profiles/{id}.
func (s *Server) deleteProfile(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	if err := s.profiles.Delete(id); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{id, "profile.deleted", true})
	return nil
}

// stopProfile is POST /v1/profiles/{id}/stop: 200 with the result, however the profile ended and ends. With wait=false
// the reply comes at once.
func (s *Server) stopProfile(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	p, err := s.strictBody(r, stopKeys)
	if err != nil {
		return err
	}
	wait, err := waits(r, p)
	if err != nil {
		return err
	}
	ctx, cancel := s.stopContext(r, wait)
	defer cancel()
	v, err := s.profiles.Stop(ctx, id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}

// stopContext bounds the wait for an export: none unless wait. A client that goes away does not take its stop back.
func (s *Server) stopContext(r *http.Request, wait bool) (context.Context, context.CancelFunc) {
	if wait {
		return context.WithTimeout(context.WithoutCancel(r.Context()), s.o.StopWait)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	cancel()
	return ctx, cancel
}

// waits reads wait, of the query or of the body; the body's goes first.
func waits(r *http.Request, p *params) (bool, error) {
	if !p.given("wait") {
		p = formParams(r.URL.Query())
	}
	if !p.given("wait") {
		return true, nil
	}
	wait := p.boolean("wait")
	if p.err != nil {
		return true, p.err
	}
	return wait, nil
}

// exportProfile is POST /v1/profiles/{id}/export: a recording that has ended, exported with another profiler or again.
func (s *Server) exportProfile(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	p, err := s.strictBody(r, exportKeys)
	if err != nil {
		return err
	}
	req := profile.ExportRequest{Profiler: p.str("profiler")}
	if p.err == nil && req.Profiler == "" {
		p.fail(codeMissing, "profiler", "profiler is missing: name the profiler to export with")
	}
	if p.err != nil {
		return p.err
	}
	wait, err := waits(r, p)
	if err != nil {
		return err
	}
	ctx, cancel := s.stopContext(r, wait)
	defer cancel()
	v, err := s.profiles.Export(ctx, id, req)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}

var profileIDPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// profileID is the path's id; one that no profile can have is not found, and never reaches a path on disk.
func profileID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !profileIDPattern.MatchString(id) {
		return "", failf(codeNotFound, "id", "there is no profile %q: GET /v1/profiles lists them", clip(id, 80))
	}
	noteProfile(r, id)
	return id, nil
}

// noteProfile puts the profile's id into the access log.
func noteProfile(r *http.Request, id string) {
	st := stateOf(r)
	st.log = append(st.log, slog.String(logProfile, id))
}
