package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeServer answers the client commands with replies that a real server gave once (testdata/cli/replies). What a script
// asks for, by a name, changes them.
type fakeServer struct {
	*httptest.Server
	dir string

	mu     sync.Mutex
	mode   string
	active bool
	calls  []string // method, path and, of small JSON bodies, the body
}

func newFakeServer(dir string) *fakeServer {
	f := &fakeServer{dir: dir}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	return f
}

// set changes what the server does: profiling_off, export_fails, ended, no_images, exporting, bad_checksum, synthetic, vllm,
// or empty for all is well.
func (f *fakeServer) set(mode string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode, f.active, f.calls = mode, false, nil
}

func (f *fakeServer) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, "\n") + "\n"
}

// fakeEvents is what the fake tells of a profile that is watched.
const fakeEvents = "retry: 2000\n\n" +
	"id: 1\nevent: progress\ndata: {\"id\":\"" + fakeID + "\",\"state\":\"recording\",\"duration_s\":0.5,\"requests\":1,\"events\":40,\"bytes\":2048,\"losses\":{\"total\":3}}\n\n: still there\n\n" +
	"id: end\nevent: end\ndata: {\"id\":\"" + fakeID + "\",\"state\":\"complete\",\"duration_s\":1,\"requests\":2,\"events\":516,\"bytes\":4096,\"losses\":{\"total\":0},\"ended_by\":\"max_duration\"}\n\n"

const fakeID = "20261123-105943-f8a944"

func (f *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	call := r.Method + " " + r.URL.RequestURI()
	if auth := r.Header.Get("Authorization"); auth != "" {
		call += " " + auth
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		call += " " + string(body)
	}
	f.calls = append(f.calls, call)
	switch path := r.URL.Path; {
	case path == "/v1/models":
		f.reply(w, 200, "models.json", func(v map[string]any) {
			v["data"].([]any)[0].(map[string]any)["strobe"].(map[string]any)["synthetic"] = f.mode == "synthetic"
		})
	case strings.HasPrefix(path, "/v1/images/"), path == "/v1/chat/completions":
		f.images(w, path, body)
	default:
		f.profiles(w, r)
	}
}

func (f *fakeServer) images(w http.ResponseWriter, path string, body []byte) {
	if f.mode == "no_images" {
		f.reply(w, 400, "invalid.json", nil)
		return
	}
	if path == "/v1/chat/completions" {
		f.reply(w, 200, "chat.json", nil)
		return
	}
	var in struct {
		N       int
		Profile bool
	}
	_ = json.Unmarshal(body, &in)
	f.reply(w, 200, "images.json", func(v map[string]any) {
		for range in.N - 1 {
			v["data"] = append(v["data"].([]any), v["data"].([]any)[0])
		}
		switch {
		case in.Profile && f.mode == "busy":
			v["profile"] = map[string]any{"status": "busy", "reason": "profile x is recording"}
		case in.Profile:
			v["profile"] = map[string]any{"id": fakeID, "status": "recording"}
		}
	})
}

func (f *fakeServer) profiles(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	artifact, isArtifact := strings.CutPrefix(path, "/v1/profiles/"+fakeID+"/artifacts/")
	switch {
	case f.mode == "profiling_off":
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"error":{"message":"profiling is off: no profiler is configured","type":"invalid_request_error","param":null,"code":"profiling_off"}}`)
	case f.mode == "vllm": // its routes answer nothing
	case strings.HasSuffix(path, "/tickets"):
		_, _ = io.WriteString(w, `{"url":"/v1/profiles/`+fakeID+`/artifacts/merged/`+fakeID+`.trace.json.gz?ticket=TICKET","artifact":"x","expires_at":"2026-11-23T11:00:00Z"}`)
	case strings.HasSuffix(path, "/events"):
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, fakeEvents)
	case r.Method == http.MethodPatch && path == "/v1/profiles/"+fakeID:
		f.reply(w, 200, "stop.json", nil)
	case isArtifact:
		_, _ = io.WriteString(w, artifactContent(artifact))
	case path == "/v1/profiles" && r.Method == http.MethodGet:
		f.list(w)
	case path == "/v1/profiles" || path == "/start_profile":
		if f.active {
			f.reply(w, 409, "active.json", nil)
			return
		}
		f.active = true
		f.reply(w, 200, map[bool]string{true: "start.json", false: "start_compat.json"}[path == "/v1/profiles"], nil)
	case path == "/v1/profiles/snapshot":
		f.reply(w, 200, "stop.json", func(v map[string]any) { v["ended_by"] = "snapshot" })
	case path == "/stop_profile" && f.mode != "ended":
		f.reply(w, 409, "idle.json", nil)
	case strings.HasSuffix(path, "/summary"):
		text, _ := os.ReadFile(filepath.Join(f.dir, "summary.txt"))
		_, _ = w.Write(text)
	case !strings.HasPrefix(path, "/v1/profiles/"+fakeID) && path != "/stop_profile":
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"error":{"message":"there is no such profile","type":"invalid_request_error","param":null,"code":"not_found"}}`)
	case r.Method == http.MethodDelete:
		fmt.Fprintf(w, `{"id":%q,"object":"profile.deleted","deleted":true}`, fakeID)
	default:
		f.active = false
		f.reply(w, 200, "stop.json", f.stopped)
		if f.mode == "exporting" {
			f.mode = "" // the next one to ask finds it done
		}
	}
}

func (f *fakeServer) list(w http.ResponseWriter) {
	name := "stop.json"
	if f.active {
		name = "start.json"
	}
	var one map[string]any
	f.read(name, &one)
	_ = json.NewEncoder(w).Encode(map[string]any{"profiles": []any{one}})
}

// stopped makes the recorded result fit the artifacts that the fake serves, and its mode.
func (f *fakeServer) stopped(v map[string]any) {
	for _, a := range v["artifacts"].([]any) {
		artifact := a.(map[string]any)
		content := artifactContent(artifact["name"].(string))
		sum := sha256.Sum256([]byte(content))
		artifact["bytes"], artifact["sha256"] = len(content), hex.EncodeToString(sum[:])
		if f.mode == "bad_checksum" {
			artifact["sha256"] = strings.Repeat("0", 64)
		}
	}
	switch f.mode {
	case "ended":
		v["ended_by"] = "max_duration"
	case "exporting":
		v["state"] = "exporting"
	case "export_fails":
		v["state"], v["error"] = "failed", "chrome: profiler(chrome): write artifact: no space left on device"
		export := v["exports"].([]any)[0].(map[string]any)
		export["state"], export["error"] = "failed", "profiler(chrome): write artifact: no space left on device"
		v["artifacts"] = []any{}
	}
}

func artifactContent(name string) string { return "content of " + name }

// read decodes a recorded reply.
func (f *fakeServer) read(name string, v any) {
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		panic(err) // a test's own file
	}
}

// reply answers with a recorded reply, changed or as it is.
func (f *fakeServer) reply(w http.ResponseWriter, status int, name string, change func(map[string]any)) {
	var v map[string]any
	f.read(name, &v)
	if change != nil {
		change(v)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// startFake runs a fake server for one test.
func startFake(t *testing.T) *fakeServer {
	t.Helper()
	f := newFakeServer(filepath.Join("testdata", "cli", "replies"))
	t.Cleanup(f.Close)
	return f
}
