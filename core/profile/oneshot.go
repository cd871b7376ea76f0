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

// EndRequest ends a profile of one request when that request has ended and its spans with it. It never waits: the profile
// stops recording and is exported in the background, and then is called when that is done. Until then the request's id must
// be no other's. When there is no such profile, then is called at once.
func (m *Manager) EndRequest(id string, then func()) {
	m.mu.Lock()
	p := m.entries[id]
	m.mu.Unlock()
	if p == nil || !p.req.oneShot() {
		then()
		return
	}
	p.requests.Store(1)
	m.end(p, EndedByRequest)
	done := m.ended(p)
	go func() {
		<-done
		then()
	}()
}
