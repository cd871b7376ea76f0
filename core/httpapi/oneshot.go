package httpapi

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// Headers of a profile of one request: the caller's wish, and what became of it.
const (
	headerProfile       = "X-Strobe-Profile"
	headerProfileID     = "X-Strobe-Profile-Id"
	headerProfileStatus = "X-Strobe-Profile-Status"
)

// What became of a request's wish for a profile. The request is served in any case.
const (
	shotRecording = "recording" // the profile has an id, and is complete some time after the reply
	shotBusy      = "busy"      // another profile is active
	shotLimited   = "limited"   // profiles are started too often
	shotRefused   = "refused"   // the caller may not start profiles, or nobody can
	shotFailed    = "failed"    // a process or a profiler could not start
)

// shotStart bounds how long the start of its profile may hold a request up. It takes about 15 ms.
const shotStart = 2 * time.Second

// shotReply is the member `profile` of a reply to a request that asked for a profile of itself.
type shotReply struct {
	ID     string `json:"id,omitempty"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"` // of any status but shotRecording, for people
}

// sampler draws the requests that get a profile without having asked.
type sampler struct {
	every int // one of so many; 0: none
	limit limiter
	draw  func(n int) int // rand.IntN
}

func newSampler(every int, l Limits) sampler {
	return sampler{every: every, limit: newLimiter(l.StartsPerMinute), draw: rand.IntN}
}

// next tells whether the next request is one. It has an allowance of its own, so that callers' starts are not refused for it.
func (s *sampler) next() bool {
	return s.every > 0 && s.draw(s.every) == 0 && s.limit.take(time.Now()) == 0
}

// oneShot starts a profile of this request alone when its caller asks for one, or by chance. It ends with the request's
// timeline t. Only a wish that cannot be read is an error.
func (s *Server) oneShot(w http.ResponseWriter, r *http.Request, t *requestTrace, p *params) error {
	asked, err := wantsShot(r, p)
	switch {
	case err != nil:
		return err
	case !asked:
		if s.profiles != nil && s.samples.next() {
			s.sample(r, t)
		}
		return nil
	}
	id, err := s.askedShot(r, t.st)
	t.reply = &shotReply{ID: id, Status: shotRecording}
	if err != nil {
		e := s.toAPIError(r, err)
		t.reply = &shotReply{Status: shotStatus(e.Code), Reason: e.Message}
		w.Header().Set(headerProfileStatus, t.reply.Status+"; reason="+strconv.QuoteToASCII(e.Message))
		return nil
	}
	s.follow(t, id)
	w.Header().Set(headerProfileStatus, shotRecording)
	w.Header().Set(headerProfileID, id)
	return nil
}

// wantsShot reads the wish out of the header or the body; either is enough.
func wantsShot(r *http.Request, p *params) (bool, error) {
	asked := p.boolean("profile")
	if p.err != nil {
		return false, p.err
	}
	if word := r.Header.Get(headerProfile); word != "" {
		b, err := strconv.ParseBool(word)
		if err != nil {
			return false, failf(codeInvalidValue, headerProfile, "%s must be 1 or 0, not %q", headerProfile, clip(word, 40))
		}
		asked = asked || b
	}
	return asked, nil
}

// askedShot starts the profile that a caller asks for, if POST /v1/profiles would, and has the audit know.
func (s *Server) askedShot(r *http.Request, st *state) (id string, err error) {
	defer func() {
		attempt := *st
		attempt.status, attempt.code = http.StatusOK, ""
		if err != nil {
			e := s.toAPIError(r, err)
			attempt.status, attempt.code = e.status(), e.Code
		}
		s.auditAs(r, &attempt, auditStart)
	}()
	if err := s.mayControl(r); err != nil {
		return "", err
	}
	if err := s.rates.start(); err != nil {
		return "", err
	}
	return s.startShot(r, st, profile.TriggerRequest)
}

func (s *Server) startShot(r *http.Request, st *state, trigger string) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), shotStart)
	defer cancel()
	v, err := s.profiles.Start(ctx, profile.StartRequest{Trigger: trigger, OnlyRequests: []string{st.id}, Label: "request " + st.id})
	if err != nil {
		return "", err
	}
	noteProfile(r, v.ID)
	return v.ID, nil
}

// follow ties a profile to the request that it is about, whose id is no other's until the profile has stopped recording.
func (s *Server) follow(t *requestTrace, id string) {
	t.begin()
	t.st.keepsID = true
	t.endProfile = func() { s.profiles.EndRequest(id, func() { s.ids.drop(t.st.id) }) }
}

// sample is oneShot for a request that was drawn. Its caller hears nothing of it; the access log has the profile's id.
func (s *Server) sample(r *http.Request, t *requestTrace) {
	id, err := s.startShot(r, t.st, profile.TriggerSample)
	if err == nil {
		s.follow(t, id)
		return
	}
	if e, ok := profile.AsError(err); ok && e.Code == profile.CodeActive {
		return // that profile has the request, too
	}
	s.log.Warn("a request that was drawn gets no profile", logRequestID, t.st.id, logError, err)
}

// shotStatus is what an error of a start means to a request that is served all the same.
func shotStatus(code string) string {
	switch code {
	case codeProfileActive:
		return shotBusy
	case codeRateLimited:
		return shotLimited
	case codeProfilingOff, codeTokenRequired, codeBadToken, codeReadOnly:
		return shotRefused
	}
	return shotFailed
}
