package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// fakeEngine makes grey images at once and keeps the requests it got.
type fakeEngine struct {
	mu       sync.Mutex
	requests []*model.Request
	err      error
	warnings []string
	stats    engine.Stats
	hook     func(ctx context.Context, lane *trace.Track, req *model.Request) error
}

func (e *fakeEngine) Generate(ctx context.Context, lane *trace.Track, req *model.Request, _ func(string, model.Progress)) (*engine.Result, error) {
	e.mu.Lock()
	copied := *req
	e.requests = append(e.requests, &copied)
	hook, err := e.hook, e.err
	e.mu.Unlock()
	if hook != nil {
		err = hook(ctx, lane, req)
	}
	if err != nil {
		return nil, err
	}
	size := req.Size
	if size == (model.Size{}) {
		size = model.Size{Width: 32, Height: 32}
	}
	if size.Width > 1024 || size.Height > 1024 {
		return nil, model.BadRequest("size", "model emoji does not make %dx%d; it makes 32x32, any size up to 1024x1024", size.Width, size.Height)
	}
	res := &engine.Result{
		Warnings: e.warnings, StageDurations: map[string]float64{"diffusion": 0.5, "diffusion.diffuse": 0.41},
		PeakMemoryBytes: 3 << 20, Steps: 20,
	}
	for range req.Count {
		pixels := bytes.Repeat([]byte{200}, 3*size.Width*size.Height)
		res.Images = append(res.Images, model.Image{Width: size.Width, Height: size.Height, Pixels: pixels})
	}
	return res, nil
}

func (e *fakeEngine) Model() engine.ModelInfo {
	return engine.ModelInfo{
		Name: "emoji", Sizes: []model.Size{{Width: 32, Height: 32}}, AnySize: true, Max: model.Size{Width: 1024, Height: 1024},
		DefaultSteps: 20, DefaultGuidance: 1.5, MaxSteps: 200, Parameters: 3080000,
		Stages: []engine.StageInfo{
			{Index: 0, Name: "diffusion", Plugin: "dit", Replicas: 2, Details: map[string]string{"weights": "emoji"}},
			{Index: 1, Name: "resize", Plugin: "resize", Replicas: 1},
		},
	}
}

func (e *fakeEngine) Stats() engine.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stats.Stages == nil {
		e.stats.Stages = []engine.StageStats{
			{Name: "diffusion", Plugin: "dit", Ranks: 2, RanksUp: 2, Restarts: 3}, {Name: "resize", Plugin: "resize", Ranks: 1, RanksUp: 1},
		}
	}
	return e.stats
}

func (e *fakeEngine) last(t *testing.T) *model.Request {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.requests) == 0 {
		t.Fatal("no request reached the engine")
	}
	return e.requests[len(e.requests)-1]
}

// fakeProfiles is a profile manager in memory: one profile at a time, done at once.
type fakeProfiles struct {
	mu          sync.Mutex
	active      string
	views       map[string]profile.View
	starts      []profile.StartRequest
	startErr    error
	exports     []profile.ExportRequest
	snapshots   []profile.SnapshotRequest
	snapshotErr error
	exportErr   error
	stopped     func(ctx context.Context, v profile.View) profile.View
	uncollected string
	files       map[string]string // artifact name to path
	requests    int
	shotsEnded  []string // by EndRequest
	queries     []profile.Query
	next        string // of the list
	listErr     error
	changes     []profile.Change
	changeErr   error
	endsAtOnce  bool                     // a profile has ended as soon as somebody waits for that
	done        map[string]chan struct{} // of Ended, by id; one that is not there has not ended
}

const (
	idOne   = "20261123-100312-a1b2c3"
	shaText = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)

func (p *fakeProfiles) Start(_ context.Context, r profile.StartRequest) (profile.View, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.startErr != nil {
		return profile.View{}, p.startErr
	}
	if p.active != "" {
		return profile.View{}, &profile.Error{Code: profile.CodeActive, ID: p.active, Message: "profile " + p.active + " is active; stop it first"}
	}
	p.starts = append(p.starts, r)
	v := fakeView(idOne)
	v.State, v.EndedBy, v.StoppedAt, v.Artifacts, v.Label = profile.StateRecording, "", nil, []profile.Artifact{}, r.Label
	p.active = v.ID
	p.put(v)
	return v, nil
}

func (p *fakeProfiles) put(v profile.View) {
	if p.views == nil {
		p.views = map[string]profile.View{}
	}
	p.views[v.ID] = v
}

func (p *fakeProfiles) Stop(ctx context.Context, id string) (profile.View, error) {
	p.mu.Lock()
	if id == "" {
		id = p.active
	}
	v, ok := p.views[id]
	stopped := p.stopped
	p.mu.Unlock()
	switch {
	case id == "":
		return profile.View{}, &profile.Error{Code: profile.CodeNoActive, Message: "no profile is active; start one first"}
	case !ok:
		return profile.View{}, &profile.Error{Code: profile.CodeNotFound, Param: "id", Message: "there is no profile"}
	}
	if v.State == profile.StateRecording {
		v = fakeView(id)
	}
	if stopped != nil {
		v = stopped(ctx, v)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active = ""
	p.put(v)
	return v, nil
}

func (p *fakeProfiles) Snapshot(ctx context.Context, r profile.SnapshotRequest) (profile.View, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snapshots = append(p.snapshots, r)
	v := fakeView(idOne)
	v.State, v.EndedBy = profile.StateComplete, profile.EndedBySnapshot
	if ctx.Err() != nil {
		v.State = profile.StateExporting
	}
	return v, p.snapshotErr
}

func (p *fakeProfiles) Export(ctx context.Context, id string, r profile.ExportRequest) (profile.View, error) {
	v, err := p.Get(id)
	switch {
	case err != nil:
		return v, err
	case p.exportErr != nil:
		return v, p.exportErr
	}
	p.exports = append(p.exports, r)
	if ctx.Err() != nil {
		v.State = profile.StateExporting
	}
	return v, nil
}

func (p *fakeProfiles) Uncollected() (profile.View, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := p.uncollected
	p.uncollected = ""
	return p.views[id], id != ""
}

func (p *fakeProfiles) Get(id string) (profile.View, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.views[id]
	if !ok {
		return v, &profile.Error{Code: profile.CodeNotFound, Param: "id", Message: "there is no profile " + id}
	}
	return v, nil
}

func (p *fakeProfiles) ListPage(q profile.Query) (profile.Page, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queries = append(p.queries, q)
	page := profile.Page{Next: p.next}
	for _, v := range p.views {
		page.Profiles = append(page.Profiles, v)
	}
	return page, p.listErr
}

func (p *fakeProfiles) Change(id string, c profile.Change) (profile.View, error) {
	v, err := p.Get(id)
	if err != nil {
		return v, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes = append(p.changes, c)
	if c.Label != nil {
		v.Label = *c.Label
	}
	if c.Pinned != nil {
		v.Pinned = *c.Pinned
	}
	return v, p.changeErr
}

func (p *fakeProfiles) Ended(id string) (<-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.endsAtOnce {
		v := fakeView(id)
		v.EndedBy = profile.EndedByNumSteps
		p.active, p.uncollected = "", id
		p.put(v)
		ended := make(chan struct{})
		close(ended)
		return ended, nil
	}
	return p.done[id], nil
}

func (p *fakeProfiles) Delete(id string) error {
	if _, err := p.Get(id); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if id == p.active {
		return &profile.Error{Code: profile.CodeActive, ID: id, Message: "profile " + id + " is active; stop it first"}
	}
	delete(p.views, id)
	return nil
}

func (p *fakeProfiles) Artifact(id, name string) (string, profile.Artifact, error) {
	v, err := p.Get(id)
	if err != nil {
		return "", profile.Artifact{}, err
	}
	for _, a := range v.Artifacts {
		if path, ok := p.files[name]; ok && a.Name == name {
			return path, a, nil
		}
	}
	return "", profile.Artifact{}, &profile.Error{Code: profile.CodeNotFound, Param: "name", Message: "no such artifact"}
}

func (p *fakeProfiles) Summary(id string) (summary.Table, error) {
	v, err := p.Get(id)
	if err == nil && !v.State.Final() {
		err = &profile.Error{Code: profile.CodeActive, ID: id, Message: "profile " + id + " is active; stop it first"}
	}
	return summary.Table{}, err
}

func (p *fakeProfiles) CountRequest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
}

func (p *fakeProfiles) EndRequest(id string, then func()) {
	defer then()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shotsEnded = append(p.shotsEnded, id)
	p.active = ""
}

func (p *fakeProfiles) Stats() profile.Stats {
	return profile.Stats{
		ByState: map[profile.State]int{profile.StateComplete: 2},
		Totals: profile.Totals{Started: 3, Complete: 2, Events: 700, RecordedSeconds: 12.5, CostSeconds: 0.25, StartedBy: map[string]uint64{"start": 2, "slow": 1},
			Lost:    map[string]uint64{"full": 4},
			EndedBy: map[profile.EndedBy]uint64{profile.EndedByStop: 2},
			Exports: map[string]profile.ExportTotals{"chrome": {Complete: 2, Seconds: 0.5}}},
	}
}

// fakeView is a profile that ended well.
func fakeView(id string) profile.View {
	start := time.Date(2026, 11, 23, 10, 3, 12, 0, time.UTC)
	stop := start.Add(2 * time.Second)
	zero := 0
	losses := profile.Losses{ByReason: map[string]uint64{}}
	return profile.View{
		ID: id, State: profile.StateComplete, Model: "emoji", Profilers: []string{"chrome"}, StartedAt: start, StoppedAt: &stop,
		DurationS: 2, Requests: 1, Events: 1600, Bytes: 4096, EndedBy: profile.EndedByStop,
		Processes: []profile.Process{{Process: "stage_0_diffusion_rank0", Stage: &zero, StageName: "diffusion", Rank: &zero, PID: 7, Events: 1600, Losses: losses}},
		Exports:   []profile.Export{{Profiler: "chrome", State: profile.ExportComplete, Seconds: 0.1}},
		Artifacts: []profile.Artifact{{
			Name: "merged/" + id + ".trace.json.gz", Profiler: "chrome", Bytes: 10, SHA256: shaText, MediaType: "application/gzip",
			URL: "/v1/profiles/" + id + "/artifacts/merged/" + id + ".trace.json.gz", Path: "merged/" + id + ".trace.json.gz",
		}},
		Traces: []string{"merged/" + id + ".trace.json.gz"}, Losses: losses, Warnings: []string{},
	}
}

// harness is a server with fakes behind it.
type harness struct {
	t        *testing.T
	server   *Server
	engine   *fakeEngine
	profiles *fakeProfiles
	log      *bytes.Buffer
}

// newHarness makes a server on loopback with profiling on; change edits its options.
func newHarness(t *testing.T, change ...func(*Options)) *harness {
	t.Helper()
	h := &harness{t: t, engine: &fakeEngine{}, profiles: &fakeProfiles{}, log: &bytes.Buffer{}}
	o := Options{
		Engine: h.engine, Profiles: h.profiles, Plugins: &fakePlugins{}, Version: "0.1.0", Loopback: true,
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&o)
	}
	h.server = New(o)
	return h
}

// request is a request as a client on this machine sends it; headers are name, value, name, value…
func request(method, path, contentType string, body io.Reader, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:8091"+path, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (h *harness) do(r *http.Request) *httptest.ResponseRecorder {
	h.t.Helper()
	w := httptest.NewRecorder()
	checked(h.t, h.server).ServeHTTP(w, r)
	return w
}

func (h *harness) get(path string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.do(request(http.MethodGet, path, "", nil, headers...))
}

func (h *harness) postJSON(path, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.do(request(http.MethodPost, path, typeJSON, strings.NewReader(body), headers...))
}

// decode reads a JSON reply.
func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if ct := w.Header().Get("Content-Type"); ct != typeJSON {
		t.Fatalf("content type %q, status %d: %s", ct, w.Code, clip(w.Body.String(), 300))
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("reply is not JSON: %v: %s", err, clip(w.Body.String(), 300))
	}
	return v
}

// wantError checks status, code and param of an error reply and that it says something.
func wantError(t *testing.T, w *httptest.ResponseRecorder, status int, code, param string) errorBody {
	t.Helper()
	e := decode[errorReply](t, w).Error
	got := ""
	if e.Param != nil {
		got = *e.Param
	}
	if w.Code != status || e.Code != code || got != param {
		t.Fatalf("got %d %q param %q, want %d %q param %q: %s", w.Code, e.Code, got, status, code, param, e.Message)
	}
	if e.Message == "" || e.Type == "" {
		t.Fatalf("message or type is empty: %+v", e)
	}
	return e
}

// testPNG is a picture of one colour.
func testPNG(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, color.NRGBA{R: 10, G: 20, B: 30, A: 255})
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
