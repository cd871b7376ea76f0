package layers

// Groups of third parties, by prefix of the import path.
const (
	grpc        = "google.golang.org/grpc"
	protobuf    = "google.golang.org/protobuf"
	goPlugin    = "github.com/hashicorp/go-plugin"
	hclog       = "github.com/hashicorp/go-hclog"
	hcl         = "github.com/hashicorp/hcl/v2"
	cty         = "github.com/zclconf/go-cty"
	levenshtein = "github.com/agnivade/levenshtein"
	sys         = "golang.org/x/sys"
	cobra       = "github.com/spf13/cobra"
	pflag       = "github.com/spf13/pflag" // cobra's flags
	term        = "golang.org/x/term"
	progressbar = "github.com/schollz/progressbar/v3"
	prometheus  = "github.com/prometheus/client_golang"
	image       = "golang.org/x/image"
	sync        = "golang.org/x/sync"
	rate        = "golang.org/x/time"
	otel        = "go.opentelemetry.io"
	jsonschema  = "github.com/santhosh-tekuri/jsonschema/v6"
	purego      = "github.com/ebitengine/purego" // C libraries without cgo
)

// layer says what the packages of a tree may import beside the standard library. The longest tree that a package lies in
// counts. A package may always import the rest of its own tree.
type layer struct {
	tree string
	// own lists trees of this module; "*" is all.
	own []string
	// third lists third parties; "*" is all but those in never.
	third []string
	// never lists third parties that "*" does not cover.
	never []string
	// leafOf lists trees that may import this one beside what their own lines say: it imports nothing of ours.
	leafOf []string
}

var table = []layer{
	{tree: "."}, // package strobe embeds, nothing more
	{tree: "cmd/strobe", own: []string{"*"}, third: []string{cobra, pflag, progressbar, sync, sys, term}},

	{tree: "core/token"}, // token files, which config looks at and httpapi follows
	{tree: "core/config", own: []string{"core/token", "sdk/diag"}, third: []string{hcl, cty}},
	{tree: "core/catalog", own: []string{"core/config", "internal/wire", "sdk"}, third: []string{sync, sys}},
	{tree: "core/engine", own: []string{"sdk"}, third: []string{sync}},
	{tree: "core/profile", own: []string{"internal/wire", "sdk"}, third: []string{sync, sys}},
	{tree: "core/httpapi", own: []string{"core", "internal/wire", "sdk"}, third: []string{prometheus, image, sync, rate}},
	{tree: "core/telemetry", third: []string{otel}},
	{tree: "core/coretest", own: []string{"core", "internal/wire", "sdk"}, third: []string{sync}},

	{tree: "internal/wire", own: []string{"sdk"}, third: []string{goPlugin, hclog, grpc, protobuf, sys}},
	{tree: "internal/words", third: []string{levenshtein}, leafOf: []string{"core", "sdk/schema"}},
	{tree: "internal/layers"},
	{tree: "internal/apicheck", third: []string{jsonschema}}, // for tests only

	{tree: "sdk/internal", third: []string{sys}},
	{tree: "sdk/diag"},
	{tree: "sdk/trace", own: []string{"sdk/internal"}, third: []string{sys}},
	{tree: "sdk/recording", own: []string{"sdk/internal", "sdk/trace"}, third: []string{sys}},
	{tree: "sdk/model", own: []string{"sdk/diag", "sdk/trace", "sdk/recording"}},
	{tree: "sdk/profiler", own: []string{"sdk/diag", "sdk/trace", "sdk/recording"}},
	{tree: "sdk/cuda", own: []string{"sdk/trace"}, third: []string{sys, purego}},
	{tree: "sdk/schema", own: []string{"sdk/diag"}},
	{tree: "sdk/proto", third: []string{grpc, protobuf}},
	{tree: "sdk/plugin", own: []string{"sdk", "internal/wire"}},
	{tree: "sdk/plugintest", own: []string{"sdk", "internal/wire"}},
	{tree: "sdk/python", own: []string{"sdk"}}, // tests alone

	// Each plugin is on its own: the SDK, its own folder, and third parties that are about its work.
	{tree: "plugins/*", own: []string{"sdk"}, third: []string{"*"}, never: []string{grpc, protobuf, goPlugin, hclog, hcl, cty, cobra, purego}},
	{tree: "profilers/*", own: []string{"sdk"}, third: []string{"*"}, never: []string{goPlugin, hclog, hcl, cty, cobra}},
}

// testOnly are third parties that tests of any layer may import.
var testOnly = []string{
	"github.com/google/go-cmp",
	"go.uber.org/goleak",
	"github.com/rogpeppe/go-internal",
}

// ownInTests are trees of this module that tests of a tree may import beyond the table.
var ownInTests = map[string][]string{
	"core":          {"core", "internal/wire", "internal/apicheck", "sdk"},
	"sdk":           {"sdk"},
	"internal/wire": {"sdk"},
	"plugins":       {"sdk"},
	"profilers":     {"sdk"},
	".":             {".", "core/config"},
}

// sdkDependencies are the modules that come with the SDK, its launcher in internal/wire included. Every author of a
// plugin depends on them, so a new one is a decision, not an import.
var sdkDependencies = []string{
	"github.com/agnivade/levenshtein",
	"github.com/ebitengine/purego", // of those that import sdk/cuda
	"github.com/hashicorp/go-hclog",
	"github.com/hashicorp/go-plugin",
	"golang.org/x/sys",
	"google.golang.org/grpc",
	"google.golang.org/protobuf",
}
