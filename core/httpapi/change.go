package httpapi

import (
	"net/http"

	"github.com/strobe-dev/strobe/core/profile"
)

// changeKeys is what the body of PATCH /v1/profiles/{id} takes.
var changeKeys = []string{"label", "pinned"}

// changeProfile is PATCH /v1/profiles/{id}: its label, and whether it is kept whatever the bounds say.
func (s *Server) changeProfile(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	p, err := s.strictBody(r, changeKeys)
	if err != nil {
		return err
	}
	var c profile.Change
	if p.given("label") {
		label := p.str("label")
		c.Label = &label
	}
	if p.given("pinned") {
		pinned := p.boolean("pinned")
		c.Pinned = &pinned
	}
	if p.err == nil && c == (profile.Change{}) {
		p.fail(codeMissing, "label", "nothing is changed: send label, pinned or both")
	}
	if p.err != nil {
		return p.err
	}
	v, err := s.profiles.Change(id, c)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}
