package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// listKeys is what the query of GET /v1/profiles takes.
var listKeys = []string{"limit", "after", "state", "label", "model", "trigger", "profiler", "since", "until", "pinned"}

// Pages of the list.
const (
	defaultPage = 100
	maxPage     = 1000
)

type profileList struct {
	Profiles []profile.View `json:"profiles"`
	Next     *string        `json:"next"` // for the query's after; null on the last page
}

// listProfiles is GET /v1/profiles, the newest first, in pages.
func (s *Server) listProfiles(w http.ResponseWriter, r *http.Request) error {
	p, err := strictQuery(r, listKeys...)
	if err != nil {
		return err
	}
	q := listQuery(p)
	if p.err != nil {
		return p.err
	}
	page, err := s.profiles.ListPage(q)
	if err != nil {
		return err
	}
	reply := profileList{Profiles: page.Profiles}
	if reply.Profiles == nil {
		reply.Profiles = []profile.View{}
	}
	if page.Next != "" {
		reply.Next = &page.Next
	}
	writeJSON(w, http.StatusOK, reply)
	return nil
}

func listQuery(p *params) profile.Query {
	q := profile.Query{
		Label: p.str("label"), Model: p.str("model"), Profiler: p.str("profiler"), After: p.str("after"),
		Limit: p.integer("limit", 1, maxPage, defaultPage),
		Since: p.moment("since"), Until: p.moment("until"),
	}
	for _, word := range p.words("state") {
		state, ok := profile.ParseState(word)
		if !ok {
			p.fail(codeInvalidValue, "state", "%q is no state of a profile: use starting, recording, stopping, exporting, complete, failed or recovered", clip(word, 40))
		}
		q.States = append(q.States, state)
	}
	if v, ok := p.values["trigger"]; ok { // empty: no trigger
		q.Trigger = &v.text
	}
	if p.given("pinned") {
		pinned := p.boolean("pinned")
		q.Pinned = &pinned
	}
	return q
}

// moment is a point in time: RFC 3339, or seconds since 1970.
func (p *params) moment(name string) time.Time {
	if !p.given(name) {
		return time.Time{}
	}
	text, _ := p.values[name].scalar()
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil && s >= 0 && s < 1<<33 {
		whole, part := math.Modf(s)
		return time.Unix(int64(whole), int64(part*1e9))
	}
	p.fail(codeInvalidValue, name, "%s must be a time such as 2026-11-23T10:00:00Z, or seconds since 1970 (a + in it is written %%2B)", name)
	return time.Time{}
}
