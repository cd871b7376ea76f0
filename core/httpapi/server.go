package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Engine is what the generation routes need of core/engine.
type Engine interface {
	// Generate takes req through all stages; its spans go to lane.
	Generate(ctx context.Context, lane *trace.Track, req *model.Request, progress func(stage string, p model.Progress)) (*engine.Result, error)
	// Model says what is served.
	Model() engine.ModelInfo
	// Stats is the engine as it is now.
	Stats() engine.Stats
}

// Defaults of [Options].
const (
	DefaultMaxBodyBytes   = 32 << 20
	DefaultMaxPromptBytes = 32 << 10
	DefaultStopWait       = 48 * time.Second // clients were promised an answer within 50 s
)

// Options of the API.
type Options struct {
	// Engine serves the generation routes; required.
	Engine Engine
	// Profiles serves the profile routes. Nil: they answer 404 with ProfilingOff, the reason as a sentence.
	Profiles     Profiles
	ProfilingOff string
	// Plugins serves the plugin routes and their metrics; nil: there are none.
	Plugins Plugins
	// Recorder gets one lane a request; nil: nothing is recorded.
	Recorder *trace.Recorder
	// Metrics are shown at /metrics; made when nil. Give the same value to the engine as its observer.
	Metrics *Metrics
	// Version is answered at /version.
	Version string
	Log     *slog.Logger // slog.Default() when nil

	// Loopback tells that the listener can be reached from this machine only.
	Loopback bool
	// AllowedHosts are Host headers answered besides addresses and, on loopback, localhost. Without port; "*" is any.
	AllowedHosts []string
	// ControlTokenFile and ControlToken (from the environment) open every route, ReadTokenFile and ReadToken those that
	// only look at profiles. Without any of them the profile routes are open on loopback and closed elsewhere.
	ControlTokenFile, ControlToken string
	ReadTokenFile, ReadToken       string
	// APIKeyFile and APIKey open the generation routes. Without either these are open.
	APIKeyFile, APIKey string

	// Limits of what callers may take; none when zero.
	Limits Limits
	// MaxBodyBytes bounds a request's body; DefaultMaxBodyBytes when 0.
	MaxBodyBytes int64
	// MaxPromptBytes bounds each prompt; DefaultMaxPromptBytes when 0.
	MaxPromptBytes int
	// SampleEvery: one of so many generations, drawn by chance, gets a profile of itself; 0: none does.
	SampleEvery int
	// AccessLog is the level of the line that each request of a user gets. What machines ask all the time gets slog.LevelDebug,
	// and errors of the server slog.LevelError. AccessLogOff: those errors only.
	AccessLog slog.Level
	// StopWait is how long a stop waits for the export before it answers with what is there; DefaultStopWait when 0.
	StopWait time.Duration
}

// Server is the API as an [http.Handler]. It is safe for concurrent use and holds no goroutine.
type Server struct {
	o            Options
	engine       Engine
	profiles     Profiles
	profilingOff string
	recorder     *trace.Recorder
	metrics      *Metrics
	log          *slog.Logger
	started      time.Time

	loopback bool
	anyHost  bool
	hosts    map[string]bool
	tokens   tokenSets
	rates    *rates
	samples  sampler
	ids      idSet
	inputs   *inputs

	mux           *http.ServeMux
	routes        map[string]*route // by pattern
	streams, zips slots             // how many there are at once
	tickets       ticketBox
	closing       <-chan struct{} // closed by EndStreams
	endStreams    func()

	public router // what is left where an admin listener has the rest
}

// New makes the API. It does no I/O; see [Server.CheckTokens].
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if o.MaxPromptBytes <= 0 {
		o.MaxPromptBytes = DefaultMaxPromptBytes
	}
	if o.StopWait <= 0 {
		o.StopWait = DefaultStopWait
	}
	if o.ProfilingOff == "" {
		o.ProfilingOff = "no profiler is configured: set server.profilers in plugins.hcl or serve with --profiler NAME"
	}
	s := &Server{
		o: o, engine: o.Engine, profiles: o.Profiles, profilingOff: o.ProfilingOff, recorder: o.Recorder,
		metrics: o.Metrics, log: o.Log, started: time.Now(),
		loopback: o.Loopback, hosts: make(map[string]bool, len(o.AllowedHosts)),
		tokens: newTokenSets(o), rates: newRates(o.Limits), samples: newSampler(o.SampleEvery, o.Limits),
		inputs: newInputs(o.MaxBodyBytes), streams: make(slots, maxStreams), zips: make(slots, maxZips),
	}
	closing := make(chan struct{})
	s.closing, s.endStreams = closing, sync.OnceFunc(func() { close(closing) })
	for _, h := range o.AllowedHosts {
		s.anyHost = s.anyHost || h == "*"
		s.hosts[hostname(h)] = true
	}
	s.metrics.watch(s.engine, s.profiles, o.Version)
	if o.Plugins != nil {
		s.metrics.registry.MustRegister(pluginsScraped{o.Plugins})
	}
	s.mux, s.routes = s.newMux(false)
	s.public.mux, s.public.routes = s.newMux(true)
	return s
}

// ServeHTTP answers one request on a listener that has all routes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serveOn(Exposure{Loopback: s.loopback}, w, r)
}

func (s *Server) serveOn(via Exposure, w http.ResponseWriter, r *http.Request) {
	st := &state{id: requestID(r), trace: readTraceContext(r.Header), began: time.Now(), body: r.Body, via: via}
	rw := &writer{ResponseWriter: w, state: st, stallTime: s.o.Limits.StallTimeout, bodyTime: s.o.Limits.BodyTimeout}
	s.limitBody(w, r, st)
	outer := r
	r = r.WithContext(context.WithValue(r.Context(), stateKey{}, st))
	defer func() { outer.Pattern = r.Pattern }() // for whoever wraps the server
	rw.Header().Set(headerRequestID, st.id)
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	defer s.finish(r, st)
	defer s.recover(rw, r, st)
	if err := s.serve(rw, r, st); err != nil {
		s.writeError(rw, r, err)
	}
}

// serve finds the route, checks what its row asks for, and calls its handler.
func (s *Server) serve(w *writer, r *http.Request, st *state) error {
	router := s.routerOf(st.via)
	_, pattern := router.mux.Handler(r)
	rt := router.routes[pattern]
	st.route = rt // known to the log and the audit, whatever becomes of the request
	if err := s.checkHost(r); err != nil {
		return err
	}
	if rt == nil || path.Clean(r.URL.EscapedPath()) != r.URL.EscapedPath() { // the router would redirect to a path without // and ..
		st.route = nil
		return s.noRoute(w, r)
	}
	if rt.generates {
		st.id = s.ids.take(st.id)
		defer s.dropID(st)
		w.Header().Set(headerRequestID, st.id)
	}
	if err := checkSite(r, rt); err != nil {
		return err
	}
	if rt.profiles() && s.profiles == nil {
		return failf(codeProfilingOff, "", "%s", s.profilingOff)
	}
	if rt.tickets && carriesTicket(r) {
		st.who = caller{role: roleTicket}
	} else if err := s.authorize(r, st, rt.access); err != nil {
		return err
	}
	if rt.changes && r.Method == http.MethodHead { // the router takes it for a GET
		return s.wrongMethod(w, r, changingGet)
	}
	if r.ContentLength > s.o.MaxBodyBytes {
		if r.Header.Get("Expect") != "" {
			st.body = nil // the client waits for our word before it sends: there is nothing to drain
		}
		return &http.MaxBytesError{Limit: s.o.MaxBodyBytes}
	}
	if err := s.rates.check(rt, st.who); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, s.o.MaxBodyBytes)
	s.countBody(r, st)
	defer s.inputs.give(st)
	router.mux.ServeHTTP(w, r) // again, because only this fills in the path's values
	return nil
}
