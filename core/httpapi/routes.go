package httpapi

import (
	"net/http"
	"strings"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// route is a row of the table of routes.
type route struct {
	method, path string
	access       access
	changes      bool   // it changes state or costs time: pages of other sites are refused
	generates    bool   // it makes images
	starts       bool   // it makes a profile: how often is limited
	tickets      bool   // a ticket opens it instead of a token; its handler holds it against what is asked for
	audit        string // the action that the audit has of it; empty: none
	handle       func(http.ResponseWriter, *http.Request) error
	name         trace.NameID // the path, interned
}

// pattern is the route as http.ServeMux writes it.
func (rt *route) pattern() string { return rt.method + " " + rt.path }

// profiles tells whether the route is one of profiles, which there are none of when profiling is off.
func (rt *route) profiles() bool {
	return rt.path == "/start_profile" || rt.path == "/stop_profile" || strings.HasPrefix(rt.path, "/v1/profiles")
}

// table is every route there is. A GET serves HEAD too.
func (s *Server) table() []*route {
	get := func(path string, a access, h func(http.ResponseWriter, *http.Request) error) *route {
		return &route{method: http.MethodGet, path: path, access: a, handle: h}
	}
	change := func(method, path, audit string, h func(http.ResponseWriter, *http.Request) error) *route {
		return &route{method: method, path: path, access: accessControl, changes: true, handle: h,
			audit: audit, starts: audit == auditStart || audit == auditSnapshot}
	}
	download := func(path string, h func(http.ResponseWriter, *http.Request) error) *route {
		return &route{method: http.MethodGet, path: path, access: accessRead, audit: auditDownload, handle: h}
	}
	generate := func(path string, h func(http.ResponseWriter, *http.Request) error) *route {
		return &route{method: http.MethodPost, path: path, access: accessGenerate, changes: true, generates: true, handle: h}
	}
	return []*route{
		generate("/v1/images/generations", s.imageGenerations),
		generate("/v1/images/edits", s.imageEdits),
		generate("/v1/chat/completions", s.chatCompletions),
		get("/v1/models", accessGenerate, s.listModels),
		get("/v1/models/{id}", accessGenerate, s.getModel),

		change(http.MethodPost, "/start_profile", auditStart, s.startCompat),
		change(http.MethodGet, "/start_profile", auditStart, s.startCompat),
		change(http.MethodPost, "/stop_profile", auditStop, s.stopCompat),
		change(http.MethodGet, "/stop_profile", auditStop, s.stopCompat),
		change(http.MethodPost, "/v1/profiles", auditStart, s.createProfile),
		change(http.MethodPost, "/v1/profiles/snapshot", auditSnapshot, s.snapshotProfile),
		get("/v1/profiles", accessRead, s.listProfiles),
		get("/v1/profiles/{id}", accessRead, s.getProfile),
		get("/v1/profiles/{id}/events", accessRead, s.profileEvents),
		change(http.MethodPatch, "/v1/profiles/{id}", auditLabel, s.changeProfile),
		change(http.MethodDelete, "/v1/profiles/{id}", auditDelete, s.deleteProfile),
		change(http.MethodPost, "/v1/profiles/{id}/stop", auditStop, s.stopProfile),
		change(http.MethodPost, "/v1/profiles/{id}/export", auditExport, s.exportProfile),
		get("/v1/profiles/{id}/summary", accessRead, s.profileSummary),
		get("/v1/profiles/{id}/artifacts", accessRead, s.listArtifacts),
		download("/v1/profiles/{id}/artifacts.zip", s.getArtifactsZip),
		withTickets(download("/v1/profiles/{id}/artifacts/{name...}", s.getArtifact)),
		{method: http.MethodPost, path: "/v1/profiles/{id}/tickets", access: accessRead, changes: true, audit: auditTicket, handle: s.createTicket},

		get("/v1/plugins", accessRead, s.listPlugins),
		change(http.MethodPost, "/v1/plugins/{name}/restart", auditRestart, s.restartPlugin),

		get("/server_info", accessGenerate, s.getServerInfo),
		get("/get_server_info", accessGenerate, s.getServerInfo),

		get("/health", accessOpen, s.health),
		get("/ready", accessOpen, s.ready),
		get("/version", accessOpen, s.version),
		get("/metrics", accessMetrics, s.serveMetrics),
		get("/openapi.json", accessOpen, s.serveOpenAPI),
	}
}

// newMux makes a router and its table by pattern, without the routes that an admin listener takes off when public.
func (s *Server) newMux(public bool) (*http.ServeMux, map[string]*route) {
	mux := http.NewServeMux()
	routes := make(map[string]*route)
	for _, rt := range s.table() {
		if public && rt.access.private() {
			continue
		}
		rt.name = trace.Name(rt.path)
		routes[rt.pattern()] = rt
		mux.HandleFunc(rt.pattern(), func(w http.ResponseWriter, r *http.Request) {
			if err := rt.handle(w, r); err != nil {
				s.writeError(w, r, err)
			}
		})
	}
	return mux, routes
}

// noRoute tells an unknown path from a wrong method.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) error {
	h, _ := s.routerOf(stateOf(r).via).mux.Handler(r)
	probe := &headerProbe{header: make(http.Header)}
	h.ServeHTTP(probe, r)
	switch {
	case probe.status == http.StatusMethodNotAllowed:
		allow := probe.header.Get("Allow")
		if get := s.routerOf(stateOf(r).via).routes[http.MethodGet+" "+r.URL.Path]; get != nil && get.changes {
			allow = changingGet // without HEAD, which the router adds
		}
		return s.wrongMethod(w, r, allow)
	case r.URL.Path == "/v1/videos" || strings.HasPrefix(r.URL.Path, "/v1/videos/"):
		return failf(codeNotSupported, "", "model %s makes images: use /v1/images/generations, /v1/images/edits or /v1/chat/completions", s.engine.Model().Name)
	}
	return failf(codeNotFound, "", "there is nothing at %s %s: GET /openapi.json lists the routes", clip(r.Method, 20), clip(r.URL.Path, 100))
}

// changingGet is the methods of a path whose GET changes something: HEAD must not.
const changingGet = "GET, POST"

// wrongMethod is the error for a method that a path does not have.
func (s *Server) wrongMethod(w http.ResponseWriter, r *http.Request, allow string) error {
	w.Header().Set("Allow", allow)
	return failf(codeMethod, "", "%s is not a method of %s: use %s", clip(r.Method, 20), clip(r.URL.Path, 100), allow)
}

// headerProbe keeps status and header of a reply and forgets its body.
type headerProbe struct {
	header http.Header
	status int
}

func (p *headerProbe) Header() http.Header         { return p.header }
func (p *headerProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *headerProbe) WriteHeader(status int)      { p.status = status }
