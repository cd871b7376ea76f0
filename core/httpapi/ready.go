package httpapi

import (
	"fmt"
	"net/http"

	"github.com/strobe-dev/strobe/core/engine"
)

// Values of readyReply.Status.
const (
	statusReady    = "ready"
	statusNotReady = "not_ready"
)

type readyReply struct {
	Status string `json:"status"`
	// Missing says, a sentence each, why the server is not ready, and also which ranks are down of stages that others serve.
	Missing []string `json:"missing"`
}

// ready is GET /ready: 200 when a generation would be served, 503 while a stage has no rank up or the server drains. While
// the model is being loaded [Loading] answers.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) error {
	reply, status := readiness(s.engine.Stats()), http.StatusOK
	if reply.Status != statusReady {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, reply)
	return nil
}

// readiness is what an engine can do now.
func readiness(stats engine.Stats) readyReply {
	reply := readyReply{Status: statusReady, Missing: []string{}}
	if stats.Draining {
		reply.Status = statusNotReady
		reply.Missing = append(reply.Missing, "the server is shutting down and takes no new requests")
	}
	if len(stats.Stages) == 0 {
		reply.Status = statusNotReady
		reply.Missing = append(reply.Missing, "no model is loaded")
	}
	for _, st := range stats.Stages {
		switch down := st.Ranks - st.RanksUp; {
		case st.RanksUp == 0:
			reply.Status = statusNotReady
			reply.Missing = append(reply.Missing, fmt.Sprintf("stage %s (plugin %s): none of its %d ranks is up; they are being restarted", st.Name, st.Plugin, st.Ranks))
		case down > 0:
			reply.Missing = append(reply.Missing, fmt.Sprintf("stage %s (plugin %s): %d of its %d ranks is down and being restarted", st.Name, st.Plugin, down, st.Ranks))
		}
	}
	return reply
}
