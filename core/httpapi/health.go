package httpapi

import (
	"fmt"
	"net/http"
)

type healthReply struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// health is GET /health: 503 when the server cannot come back to serving by itself, because a stage has no rank left.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	if reason := s.deadStage(); reason != "" {
		writeJSON(w, http.StatusServiceUnavailable, healthReply{Status: "unhealthy", Reason: reason})
		return nil
	}
	writeJSON(w, http.StatusOK, healthReply{Status: "healthy"})
	return nil
}

// ready is GET /ready: 503 also while the server drains.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) error {
	reason := s.deadStage()
	if s.engine.Stats().Draining {
		reason = "the server is shutting down"
	}
	if reason != "" {
		writeJSON(w, http.StatusServiceUnavailable, healthReply{Status: "not_ready", Reason: reason})
		return nil
	}
	writeJSON(w, http.StatusOK, healthReply{Status: "ready"})
	return nil
}

// deadStage says which stage has no rank up; empty: none.
func (s *Server) deadStage() string {
	for _, st := range s.engine.Stats().Stages {
		if st.RanksUp == 0 {
			return fmt.Sprintf("stage %s (plugin %s): none of its %d ranks is up", st.Name, st.Plugin, st.Ranks)
		}
	}
	return ""
}

// version is GET /version.
func (s *Server) version(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, struct {
		Version string `json:"version"`
	}{s.o.Version})
	return nil
}
