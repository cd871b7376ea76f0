package httpapi

import (
	"net/http"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// snapshotProfile is POST /v1/profiles/snapshot: what the flight recorder remembers becomes a profile. The reply comes when
// the past is safe, in files of the profile's own; with wait=true when it is exported, too.
func (s *Server) snapshotProfile(w http.ResponseWriter, r *http.Request) error {
	p, err := s.strictBody(r, pastKeys)
	if err != nil {
		return err
	}
	req := profile.SnapshotRequest{Label: p.str("label"), Profilers: p.words("profilers")}
	if last := p.float("last_s", minDurationS, maxDurationS); last != nil {
		req.Last = time.Duration(*last * float64(time.Second))
	}
	if p.err != nil {
		return p.err
	}
	wait := false
	if p.given("wait") || formParams(r.URL.Query()).given("wait") {
		if wait, err = waits(r, p); err != nil {
			return err
		}
	}
	ctx, cancel := s.stopContext(r, wait)
	defer cancel()
	v, err := s.profiles.Snapshot(ctx, req)
	if err != nil {
		return err
	}
	noteProfile(r, v.ID)
	w.Header().Set("Location", "/v1/profiles/"+v.ID)
	writeJSON(w, http.StatusOK, v)
	return nil
}
