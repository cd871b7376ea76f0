package httpapi

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/strobe-dev/strobe/internal/apicheck"
)

// apiDocument is what every reply of this package's tests is held against.
var apiDocument = sync.OnceValue(func() *apicheck.Document {
	d, err := apicheck.Parse(openAPI, "#/components/schemas/Error")
	if err != nil {
		panic(err)
	}
	return d
})

// checked is a server whose replies are held against the document.
func checked(t testing.TB, h http.Handler) http.Handler {
	return apiDocument().Handler(h, func(err error) { t.Error(err) })
}

// TestMain tells what the document has and no reply of a whole run was.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := true
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		whole = whole && flag.Lookup(name).Value.String() == ""
	}
	if whole && code == 0 {
		if missed := apiDocument().Missed(); len(missed) > 0 {
			fmt.Printf("openapi.json documents replies that no test has seen:\n  %s\n", strings.Join(missed, "\n  "))
			code = 1
		}
	}
	os.Exit(code)
}

// TestFailedProfile: what a compatibility stop says beside an error is a profile, but for error, which is the error itself.
func TestFailedProfile(t *testing.T) {
	members := map[string]string{"status": `{"const": "FAILED"}`, "ignored": `{"$ref": "#/components/schemas/CompatReply/properties/ignored"}`}
	for name := range readDocument(t).Components.Schemas["Profile"].Properties {
		if name != "error" {
			members[name] = `{"$ref": "#/components/schemas/Profile/properties/` + name + `"}`
		}
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		lines = append(lines, fmt.Sprintf("          %q: %s", name, members[name]))
	}
	holdSection(t, "openapi.json", regexp.MustCompile(`(?s)"FailedProfile": \{.*?\n      \}`), `"FailedProfile": {
        "type": "object",
        "description": "An error of /start_profile or /stop_profile: beside error, the members of the profile, with status FAILED.",
        "allOf": [{"$ref": "#/components/schemas/Error"}],
        "properties": {
`+strings.Join(lines, ",\n")+`
        },
        "required": ["status", "id", "state", "artifacts", "ignored"]
      }`)
}
