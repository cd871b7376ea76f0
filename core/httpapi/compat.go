package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/strobe-dev/strobe/core/profile"
)

// compatReply is what the compatibility routes answer: the profile, and which keys of the body were passed over.
type compatReply struct {
	Status string `json:"status"` // "SUCCESS", as vLLM-Omni says
	profile.View
	Ignored []string `json:"ignored"`
}

// startCompat is POST and GET /start_profile, for clients of vLLM, vLLM-Omni, SGLang and TensorRT-LLM.
func (s *Server) startCompat(w http.ResponseWriter, r *http.Request) error {
	p, ignored, err := s.looseBody(r, startKeys)
	if err != nil {
		return err
	}
	req := startRequest(p)
	if p.err != nil {
		return p.err
	}
	v, err := s.profiles.Start(r.Context(), req)
	if err != nil {
		return err
	}
	noteProfile(r, v.ID)
	writeJSON(w, http.StatusOK, compatReply{"SUCCESS", v, ignored})
	return nil
}

// stopCompat is POST and GET /stop_profile. A profile that ended by itself is answered once; a failed one is an error
// with its result beside it.
func (s *Server) stopCompat(w http.ResponseWriter, r *http.Request) error {
	p, ignored, err := s.looseBody(r, stopKeys)
	if err != nil {
		return err
	}
	wait, err := waits(r, p)
	if err != nil { // some client's own meaning of the word
		wait = true
	}
	ctx, cancel := s.stopContext(r, wait)
	defer cancel()
	v, err := s.profiles.Stop(ctx, "")
	var e *profile.Error
	if errors.As(err, &e) && e.Code == profile.CodeNoActive {
		if ended, ok := s.profiles.Uncollected(); ok {
			v, err = ended, nil
		}
	}
	if err != nil {
		return err
	}
	noteProfile(r, v.ID)
	reply := compatReply{"SUCCESS", v, ignored}
	if e := failedProfile(v); e != nil {
		reply.Status = "FAILED"
		e.Body = reply
		return e
	}
	writeJSON(w, http.StatusOK, reply)
	return nil
}

// failedProfile is the error that a stopped profile amounts to, or nil.
func failedProfile(v profile.View) *apiError {
	var texts []string
	code := codeProfileFailed
	for _, p := range v.Processes {
		if p.Error != "" {
			texts = append(texts, p.Process+": "+p.Error)
		}
	}
	for _, x := range v.Exports {
		if x.State == profile.ExportFailed {
			code = codeProfilerFailed
			texts = append(texts, x.Profiler+": "+x.Error)
		}
	}
	if len(texts) == 0 && v.State != profile.StateFailed {
		return nil
	}
	message := v.Error
	if message == "" {
		message = strings.Join(texts, "; ")
	}
	return failf(code, "", "profile %s ended with errors: %s; GET /v1/profiles/%s shows what it has all the same", v.ID, message, v.ID)
}

// looseBody reads a body of any form, and the query, and gives the known keys and the names of the rest. Clients send
// their whole generation payload here, so what is not understood is passed over.
func (s *Server) looseBody(r *http.Request, known []string) (*params, []string, error) {
	p := formParams(r.URL.Query())
	var files []string
	switch mediaType(r) {
	case typeMultipart, typeForm:
		f, err := readForm(r, s.o.MaxBodyBytes)
		if err != nil {
			return nil, nil, err
		}
		for name, v := range formParams(f.values).values {
			p.values[name] = v
		}
		for name := range f.files {
			files = append(files, name)
		}
	default:
		if err := looseJSON(r, p); err != nil {
			return nil, nil, err
		}
	}
	ignored := []string{}
	for _, name := range append(p.names(), files...) {
		if !slices.Contains(known, name) && utf8.ValidString(name) {
			ignored = append(ignored, clip(name, 80))
		}
	}
	slices.Sort(ignored)
	return p, slices.Compact(ignored), nil
}

// looseJSON takes a JSON object's members; another JSON value and an empty body are passed over, and so is what
// is not declared as JSON and is not JSON.
func looseJSON(r *http.Request, p *params) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return bodyError(err)
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		return nil
	}
	object, err := jsonObject(body)
	switch {
	case err == nil:
		p.overlay("", object)
	case mediaType(r) == typeJSON && !json.Valid(body):
		return err
	}
	return nil
}
