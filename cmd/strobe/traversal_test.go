package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// secretText is in files beside the profiles, which no request may read.
const secretText = "nobody-may-read-this"

// ways out of a folder, as a client may write them into a path; SECRET is a file beside the folder of profiles.
func waysOut(id string) []string {
	long := strings.Repeat("a/", 3000)
	return []string{"..", ".", "../SECRET", "../../SECRET", "..%2fSECRET", "..%2f..%2fSECRET", "%2e%2e%2fSECRET", "%2e%2e/%2e%2e/SECRET", "..%252fSECRET", "..%5cSECRET", "..\\SECRET",
		"....//SECRET", "..;/SECRET", "%2fetc%2fpasswd", "/etc/passwd", "//etc/passwd", "SECRET%00", "SECRET%00.json", "..%00/SECRET", "%c0%ae%c0%ae%c0%afSECRET", "%uff0e%uff0e/SECRET",
		"%ef%bc%8e%ef%bc%8e%ef%bc%8fSECRET", "%e2%80%ae", "~", "~root", "%20", "*", "%3f", "C:%5cwindows", "recording/profile.json", "recording/core.seg", "recording%2fprofile.json",
		".deleted-" + id, ".export-1", "profile.json", id + "%2f..%2f..%2fSECRET", id + "/../../SECRET", "link", "link%2fSECRET", long, strings.Repeat("%2e%2e%2f", 1000) + "SECRET", strings.Repeat("b", 9000)}
}

// TestPathTraversal tries ways out of the folder of profiles in every place of every route that takes a name, and in bodies,
// labels and Range. Nothing outside is read, made, changed or removed, and no answer is an error of the server's.
func TestPathTraversal(t *testing.T) {
	p := startInstant(t, instant{server: `access_log = "off"` + "\nlimits {\n starts_per_minute = 0\n}"})
	ids, artifacts := p.somethingThere()
	id := ids[0]
	write(t, p.dir, "SECRET", secretText)
	write(t, filepath.Join(p.dir, "profiles"), "SECRET", secretText)
	if err := os.Symlink(p.dir, filepath.Join(p.dir, "profiles", id, "link")); err != nil {
		t.Fatal(err)
	}
	c := &rawClient{t: t, address: strings.TrimPrefix(p.url, "http://")}
	defer c.close()
	before := treeOf(t, p.dir)
	f := newFuzzer(t, p.get("/openapi.json").body, 1)
	tried := 0
	try := func(method, target, headers, body string) int {
		t.Helper()
		tried++
		status, reply := c.send(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s", method, target, headers, len(body), body), false)
		if status == 0 || status >= 500 || strings.Contains(string(reply), secretText) || strings.Contains(string(reply), "root:") {
			t.Errorf("%s %.200q %.100q: %d %.300s", method, target, body, status, reply)
		}
		return status
	}
	for _, op := range f.operations {
		if !strings.Contains(op.path, "{") {
			continue
		}
		for _, out := range waysOut(id) {
			for _, place := range []string{"id", "name"} {
				if !strings.Contains(op.path, "{"+place+"}") {
					continue
				}
				path := strings.NewReplacer("{"+place+"}", out, "{id}", id, "{name}", artifacts[0]).Replace(op.path)
				status := try(op.method, path, "Content-Type: application/json\r\n", `{}`)
				if status < 300 && place == "name" {
					t.Errorf("%s %.200s: %d", op.method, path, status)
				}
			}
		}
	}
	for _, out := range waysOut(id) {
		plain, err := url.PathUnescape(out)
		if err != nil {
			plain = out
		}
		quoted, _ := json.Marshal(plain)
		try("POST", "/v1/profiles", "Content-Type: application/json\r\n", fmt.Sprintf(`{"profilers":[%s]}`, quoted))
		if try("POST", "/v1/profiles", "Content-Type: application/json\r\n", fmt.Sprintf(`{"label":%s}`, quoted)) == 200 {
			try("POST", "/stop_profile", "", "")
		}
		for _, body := range []string{`{"artifact":%s}`, `{"label":%s}`, `{"profiler":%s}`} {
			body = fmt.Sprintf(body, quoted)
			header := "Content-Type: application/json\r\n"
			try("POST", "/v1/profiles/"+id+"/tickets", header, body)
			try("PATCH", "/v1/profiles/"+id, header, body)
			try("POST", "/v1/profiles/"+id+"/export", header, body)
		}
		if !strings.ContainsAny(out, "\\ ") && len(out) < 4000 {
			try("GET", "/v1/profiles/"+id+"/artifacts/"+artifacts[0]+"?ticket="+out, "", "")
			try("GET", "/v1/profiles?after="+out+"&label="+out, "", "")
			try("GET", "/v1/profiles/"+id+"/artifacts/"+artifacts[0], "Range: bytes="+out+"\r\n", "")
			try("POST", "/stop_profile", "Content-Type: application/json\r\n", fmt.Sprintf(`{"output_dir":%s}`, quoted))
		}
	}
	t.Logf("%d requests", tried)
	if gone := outside(before, treeOf(t, p.dir)); len(gone) > 0 {
		t.Errorf("changed outside of the folders of profiles: %v", gone)
	}
}

// treeOf are the files below a folder that are in no profile's folder, with their sizes.
func treeOf(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && filepath.Base(filepath.Dir(path)) == "profiles" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err == nil && !d.IsDir() {
			all = append(all, fmt.Sprintf("%s %d", path, info.Size()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// outside is what two trees do not have in common.
func outside(a, b []string) (differ []string) {
	for _, x := range slices.Concat(a, b) {
		if !slices.Contains(a, x) || !slices.Contains(b, x) {
			differ = append(differ, x)
		}
	}
	return differ
}
