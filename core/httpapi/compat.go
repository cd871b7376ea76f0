package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

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
	b, err := s.compatBody(r, append([]string{"wait"}, startKeys...))
	if err != nil {
		return err
	}
	req := startRequest(b.params)
	if b.err != nil {
		return b.err
	}
	v, err := s.profiles.Start(r.Context(), req)
	if err != nil {
		return err
	}
	noteProfile(r, v.ID)
	if b.awaitsArtifacts() {
		if v, err = s.awaitEnd(w, r, v); err != nil {
			return err
		}
	}
	return answerCompat(w, v, b.ignored)
}

// stopCompat is POST and GET /stop_profile. A profile that ended by itself is answered once; a failed one is an error
// with its result beside it.
func (s *Server) stopCompat(w http.ResponseWriter, r *http.Request) error {
	b, err := s.compatBody(r, stopKeys)
	if err != nil {
		return err
	}
	wait, err := waits(r, b.params)
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
	return answerCompat(w, v, b.ignored)
}

// answerCompat answers with a profile, as an error when it failed.
func answerCompat(w http.ResponseWriter, v profile.View, ignored []string) error {
	reply := compatReply{"SUCCESS", v, ignored}
	if e := failedProfile(v); e != nil {
		reply.Status = "FAILED"
		e.Body = reply
		return e
	}
	writeJSON(w, http.StatusOK, reply)
	return nil
}

// awaitEnd waits for a profile's end, which its own bounds bring: steps, requests, a duration or profile.max_duration. The
// profile goes on when the client goes away.
func (s *Server) awaitEnd(w http.ResponseWriter, r *http.Request, v profile.View) (profile.View, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the limit of a request's arrival would end the wait
	ended, err := s.profiles.Ended(v.ID)
	if err != nil {
		return v, err
	}
	select {
	case <-ended:
		return s.profiles.Get(v.ID)
	case <-s.closing:
		e := failf(codeShuttingDown, "", "the server is shutting down and finishes profile %s; GET /v1/profiles/%s of the next one shows it", v.ID, v.ID)
		e.RetryAfter = retryDraining
		return v, e
	case <-r.Context().Done():
		return v, r.Context().Err()
	}
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
