package httpapi

import (
	"net/http"
)

// Exposure says where a listener can be reached from, and which routes it has.
type Exposure struct {
	// Loopback tells that only this machine reaches the listener: a loopback address or a socket.
	Loopback bool
	// Socket tells that the listener is a unix socket, which no browser reaches and whose mode says who may.
	Socket bool
	// Public tells that another listener has the routes of profiles, plugins and metrics: here they are not found.
	Public bool
}

// On is the API as one listener shows it. [Server.ServeHTTP] is the API on a listener with all routes.
func (s *Server) On(e Exposure) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serveOn(e, w, r) })
}

// router finds routes.
type router struct {
	mux    *http.ServeMux
	routes map[string]*route // by pattern
}

// routerOf is the router of a listener.
func (s *Server) routerOf(e Exposure) router {
	if e.Public {
		return s.public
	}
	return router{s.mux, s.routes}
}
