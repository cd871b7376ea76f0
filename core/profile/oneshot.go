package profile

// Triggers of a profile that is about one request. [StartRequest].Trigger says which one it is.
const (
	TriggerRequest = "request" // the request's caller asked for it
	TriggerSample  = "sample"  // the configuration asks for some of all requests
)

// oneShot tells whether the profile is about one request: it ends with that request, others are not counted in it, and no
// Stop has to collect it.
func (r *StartRequest) oneShot() bool { return r.Trigger != "" }

// checkOneShot holds what a profile of one request needs.
func (r *StartRequest) checkOneShot() error {
	switch {
	case r.Trigger == "":
		return nil
	case r.Trigger != TriggerRequest && r.Trigger != TriggerSample:
		return invalid("trigger", "%q starts no profile", r.Trigger)
	case len(r.OnlyRequests) != 1:
		return invalid("only_requests", "a profile of one request needs that request's id")
	}
	return nil
}

// EndRequest ends a profile of one request when that request has ended and its spans with it. The export goes on in the
// background. It never waits, and does nothing when the profile has ended already or is none of one request.
func (m *Manager) EndRequest(id string) {
	m.mu.Lock()
	p := m.entries[id]
	m.mu.Unlock()
	if p == nil || !p.req.oneShot() {
		return
	}
	p.requests.Store(1)
	m.end(p, EndedByRequest)
}
