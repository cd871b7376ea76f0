package httpapi

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

const zipPath = "/v1/profiles/" + idOne + "/artifacts.zip"

// zipHarness serves artifacts with these contents.
func zipHarness(t *testing.T, contents map[string]string) (*harness, map[string]string) {
	t.Helper()
	h := newHarness(t)
	v := fakeView(idOne)
	v.Artifacts = nil
	dir := t.TempDir()
	h.profiles.files = map[string]string{}
	for name, content := range contents {
		file := filepath.Join(dir, fmt.Sprint(len(h.profiles.files)))
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		h.profiles.files[name] = file
		sum := sha256.Sum256([]byte(content))
		v.Artifacts = append(v.Artifacts, profile.Artifact{Name: name, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])})
	}
	h.profiles.put(v)
	return h, h.profiles.files
}

// unzip reads a zip and tells how each file of it is compressed.
func unzip(t *testing.T, data []byte) (contents map[string]string, methods map[string]uint16) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	contents, methods = map[string]string{}, map[string]uint16{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(f.Name, idOne+"/")
		contents[name], methods[name] = string(text), f.Method
	}
	return contents, methods
}

func TestZip(t *testing.T) {
	files := map[string]string{"merged/a.trace.json.gz": "\x1f\x8bx", "b.json": strings.Repeat("{}", 5000), "empty": ""}
	h, _ := zipHarness(t, files)
	w := h.get(zipPath)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/zip" || w.Header().Get("Content-Disposition") != "attachment; filename="+idOne+".zip" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), clip(w.Body.String(), 200))
	}
	contents, methods := unzip(t, w.Body.Bytes())
	if diff := cmp.Diff(files, contents); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]uint16{"merged/a.trace.json.gz": zip.Store, "b.json": zip.Deflate, "empty": zip.Deflate}, methods); diff != "" {
		t.Error(diff)
	}
	if w := h.do(request(http.MethodHead, zipPath, "", nil)); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %d bytes", w.Code, w.Body.Len())
	}
	if len(h.server.zips) != 0 {
		t.Error("a place is not free")
	}
}

func TestZipErrors(t *testing.T) {
	h, files := zipHarness(t, map[string]string{"a": "a"})
	wantError(t, h.get(zipPath+"?name=a"), 400, codeUnknownParam, "name")
	wantError(t, h.get("/v1/profiles/none/artifacts.zip"), 404, codeNotFound, "id")
	for range maxZips {
		h.server.zips.enter()
	}
	w := h.get(zipPath)
	if wantError(t, w, 429, codeRateLimited, ""); w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for range maxZips {
		h.server.zips.leave()
	}
	os.Remove(files["a"])
	wantError(t, h.get(zipPath), 404, codeNotFound, "name")
	v := fakeView(idOne)
	v.Artifacts = []profile.Artifact{{Name: "../../etc/passwd"}}
	h.profiles.put(v)
	wantError(t, h.get(zipPath), 404, codeNotFound, "name")
	v.Artifacts = nil
	h.profiles.put(v)
	wantError(t, h.get(zipPath), 404, codeNotFound, "id")
	v.State = profile.StateRecording
	h.profiles.put(v)
	wantError(t, h.get(zipPath), 409, codeProfileActive, "")
}

// TestZipOfFilesThatChange: the connection breaks, and what came is no zip.
func TestZipOfFilesThatChange(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"longer":  func(file string) error { return os.WriteFile(file, []byte("aaaa"), 0o600) },
		"shorter": func(file string) error { return os.WriteFile(file, []byte("a"), 0o600) },
		"another": func(file string) error { return os.WriteFile(file, []byte("bbb"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			h, files := zipHarness(t, map[string]string{"a": "aaa"})
			if err := change(files["a"]); err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(h.server)
			defer srv.Close()
			resp, err := srv.Client().Get(srv.URL + zipPath)
			if err != nil {
				return // broken before anything came
			}
			defer resp.Body.Close()
			if data, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%d bytes came as if they were whole", len(data))
			}
		})
	}
}

// TestZipWhileItIsDeleted: what was opened is sent.
func TestZipWhileItIsDeleted(t *testing.T) {
	h, files := zipHarness(t, map[string]string{"a": strings.Repeat("a", 100), "b": "bbb"})
	v, err := h.profiles.Get(idOne)
	if err != nil {
		t.Fatal(err)
	}
	open, err := h.server.openArtifacts(v)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(open)
	for _, file := range files {
		os.Remove(file)
	}
	var buf bytes.Buffer
	if err := writeZip(&buf, v, open); err != nil {
		t.Fatal(err)
	}
	if contents, _ := unzip(t, buf.Bytes()); len(contents) != 2 {
		t.Errorf("%v", contents)
	}
}

func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"a.json.gz": "attachment; filename=a.json.gz",
		"é b.gz":    "attachment; filename=__b.gz; filename*=UTF-8''%C3%A9%20b.gz",
		`a"; x="b`:  "attachment; filename=a___x__b; filename*=UTF-8''a%22%3B%20x%3D%22b",
		".bashrc":   "attachment; filename=_.bashrc; filename*=UTF-8''.bashrc",
		"a\r\nX: 1": "attachment; filename=a__X__1",
		"\xff":      "attachment; filename=_",
	} {
		if got := attachment(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestSummaryText(t *testing.T) {
	h := newHarness(t)
	h.profiles.put(fakeView(idOne))
	path := "/v1/profiles/" + idOne + "/summary"
	for name, c := range map[string]struct {
		query, accept string
		text          bool
	}{
		"less":       {"", "text/plain;q=0.5, application/json", false},
		"more":       {"", "application/json;q=0.5, text/plain;q=0.9", true},
		"any text":   {"", "text/*", true},
		"not text":   {"", "text/plain;q=0", false},
		"nonsense":   {"", ";;;", false},
		"wide":       {"?format=text&width=120", "", true},
		"width only": {"?width=120", "", false},
	} {
		w := h.get(path+c.query, "Accept", c.accept)
		if text := strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain"); w.Code != 200 || text != c.text {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	for _, width := range []string{"0", "39", "401", "wide", "1e9"} {
		wantError(t, h.get(path+"?format=text&width="+width), 400, codeInvalidValue, "width")
	}
	wantError(t, h.get(path+"?wdith=80"), 400, codeUnknownParam, "wdith")
}
