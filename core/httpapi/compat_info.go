package httpapi

import "net/http"

// serverInfo is what SGLang's profiling script keeps beside its traces, under SGLang's names where it has them.
type serverInfo struct {
	Version         string          `json:"version"`
	ModelPath       string          `json:"model_path"` // the model's name: where its weights lie is the server's business
	ServedModelName string          `json:"served_model_name"`
	StartedAt       int64           `json:"started_at"`      // Unix seconds
	InternalStates  []internalState `json:"internal_states"` // one a stage
}

// internalState is a stage as it is now.
type internalState struct {
	Stage   string `json:"stage"`
	Plugin  string `json:"plugin"`
	Ranks   int    `json:"ranks"`
	RanksUp int    `json:"ranks_up"`
}

// getServerInfo is GET /server_info, and /get_server_info as older scripts ask.
func (s *Server) getServerInfo(w http.ResponseWriter, _ *http.Request) error {
	name := s.engine.Model().Name
	info := serverInfo{Version: s.o.Version, ModelPath: name, ServedModelName: name, StartedAt: s.started.Unix(), InternalStates: []internalState{}}
	for _, st := range s.engine.Stats().Stages {
		info.InternalStates = append(info.InternalStates, internalState{Stage: st.Name, Plugin: st.Plugin, Ranks: st.Ranks, RanksUp: st.RanksUp})
	}
	writeJSON(w, http.StatusOK, info)
	return nil
}
