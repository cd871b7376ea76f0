package render

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

func TestPlugins(t *testing.T) {
	rank := 1
	at := time.Date(2026, 11, 23, 10, 3, 12, 0, time.Local)
	got := Plugins([]client.Plugin{
		{Name: "dit", Kind: "model", Version: "0.1.0", APIVersions: []int{1}, Capabilities: []string{"recording"}, Origin: "/opt/dit", Checksum: "verified",
			Stage: "diffusion", Rank: &rank, State: "broken", Restarts: 2, LastErrorAt: &at, LastError: "model(dit): ended by the server:\x1b[31m " + strings.Repeat("word ", 20)},
		{Name: "a-name-that-is-longer-than-its-column", Kind: "profiler", Version: "v0.0.0-20261123100312-0123456789ab", APIVersions: []int{1, 2}, Origin: "built in",
			Checksum: "built in", State: "dormant"},
	})
	want := `NAME                  KIND      VERSION       API  STATE    CHECKSUM  STAGE
dit                   model     0.1.0         1    broken   verified  diffusion rank 1
  /opt/dit; recording; started again 2 times
  last error at 2026-11-23 10:03:12: model(dit): ended by the server:[31m word
  word word word word word word word word word word word word word word word
  word word word word
a-name-that-is-long…  profiler  v0.0.0-2026…  1,2  dormant  built in  -
  built in
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
