package httpapi

import "net/http"

type healthReply struct {
	Status string `json:"status"`
}

// health is GET /health: the server lives. It does not tell whether it can serve right now, lest whoever restarts what is
// unhealthy cut short a rank's restart; that is what /ready is for.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, healthReply{Status: "healthy"})
	return nil
}

// version is GET /version.
func (s *Server) version(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, struct {
		Version string `json:"version"`
	}{s.o.Version})
	return nil
}
