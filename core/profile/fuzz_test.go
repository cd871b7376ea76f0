package profile

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A manifest that is accepted marshals to one that is accepted as the same.
func FuzzManifest(f *testing.F) {
	const id = "20260101-000000-000001"
	f.Add([]byte(`{"id":"` + id + `","state":"complete","started_at":"2026-01-01T00:00:00Z","processes":[{"stage":0,"losses":{"total":1,"by_reason":{"full":1}}}],"artifacts":[{"name":"../x"}]}`))
	f.Add([]byte(`{"id":"` + id + `","state":"recording","exports":null,"stopped_at":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseManifest(data, id)
		if err != nil {
			return
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("marshal what was accepted: %v", err)
		}
		again, err := parseManifest(text, id)
		if err != nil {
			t.Fatalf("read what was marshalled: %v", err)
		}
		if diff := cmp.Diff(v, again); diff != "" {
			t.Error(diff)
		}
	})
}

// Names that are accepted stay inside the directory.
func FuzzArtifactName(f *testing.F) {
	for _, name := range []string{"a.json", "merged/x.gz", "../x", "a/../../x", "/etc/passwd", "recording/core.seg", ".", "", "a\x00b"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if err := checkName(name); err != nil {
			return
		}
		for _, part := range strings.Split(name, "/") {
			if part == ".." || part == "" {
				t.Errorf("%q was accepted", name)
			}
		}
	})
}
