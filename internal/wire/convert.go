package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/strobe-dev/strobe/sdk/diag"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
	"github.com/strobe-dev/strobe/sdk/schema"
)

// kinds by name, as plugins.hcl writes them.
var kinds = map[string]pluginv1.Kind{KindModel: pluginv1.Kind_KIND_MODEL, KindProfiler: pluginv1.Kind_KIND_PROFILER}

// Kinds of plugin.
const (
	KindModel    = "model"
	KindProfiler = "profiler"
)

// Capabilities of plugins.
const (
	CapabilityRecording = "recording" // a model that writes segments
	CapabilitySource    = "source"    // a profiler that measures
	CapabilityProbe     = "probe"     // Probe tells something
	// CapabilityCPUProfile is of a model whose process can make a CPU profile of itself.
	CapabilityCPUProfile = "cpu_profile"
)

func capabilityName(c pluginv1.Capability) string {
	name, ok := strings.CutPrefix(c.String(), "CAPABILITY_")
	if !ok {
		return "capability#" + strconv.Itoa(int(c))
	}
	return strings.ToLower(name)
}

func describedFrom(r *pluginv1.DescribeResponse) (Description, error) {
	d := Description{Name: clip(r.GetName(), 200), Version: clip(r.GetVersion(), 200), Summary: clip(r.GetSummary(), 1000)}
	for name, k := range kinds {
		if k == r.GetKind() {
			d.Kind = name
		}
	}
	if d.Kind == "" {
		return d, fmt.Errorf("the plugin is of an unknown kind, %s", r.GetKind())
	}
	for _, v := range r.GetApiVersions() {
		d.APIVersions = append(d.APIVersions, int(v))
	}
	for _, c := range r.GetCapabilities() {
		d.Capabilities = append(d.Capabilities, capabilityName(c))
	}
	var err error
	d.Config, err = attributesFrom(r.GetConfig(), 0)
	return d, err
}

func attributesFrom(as []*pluginv1.Attribute, depth int) ([]schema.Attribute, error) {
	if depth > maxValueDepth {
		return nil, fmt.Errorf("the configuration schema is nested deeper than %d", maxValueDepth)
	}
	var out []schema.Attribute
	for _, a := range as {
		fields, err := attributesFrom(a.GetFields(), depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, schema.Attribute{
			Name: a.GetName(), Type: schema.Type(a.GetType()), Doc: a.GetDoc(), Default: a.GetDefaultValue(), HasDefault: a.DefaultValue != nil,
			Required: a.GetRequired(), Enum: a.GetEnumValues(), Min: a.Min, Max: a.Max, Fields: fields,
		})
	}
	return out, nil
}

func toAttributes(as []schema.Attribute) []*pluginv1.Attribute {
	var out []*pluginv1.Attribute
	for _, a := range as {
		m := &pluginv1.Attribute{
			Name: text(a.Name), Type: pluginv1.AttributeType(a.Type), Doc: text(a.Doc), Required: a.Required,
			EnumValues: a.Enum, Min: a.Min, Max: a.Max, Fields: toAttributes(a.Fields),
		}
		if a.HasDefault {
			m.DefaultValue = &a.Default
		}
		out = append(out, m)
	}
	return out
}

func toDiag(l diag.List) []*pluginv1.Diagnostic {
	var out []*pluginv1.Diagnostic
	for _, d := range l {
		s := pluginv1.Severity_SEVERITY_ERROR
		if d.Severity == diag.Warning {
			s = pluginv1.Severity_SEVERITY_WARNING
		}
		m := &pluginv1.Diagnostic{Severity: s, Summary: text(d.Summary), Detail: text(d.Detail)}
		for _, p := range d.Path {
			m.Path = append(m.Path, text(p))
		}
		out = append(out, m)
	}
	return out
}

func diagFrom(l []*pluginv1.Diagnostic) diag.List {
	var out diag.List
	for _, m := range l {
		s := diag.Error
		if m.GetSeverity() == pluginv1.Severity_SEVERITY_WARNING {
			s = diag.Warning
		}
		out = append(out, diag.Diagnostic{Severity: s, Summary: clip(m.GetSummary(), 1000), Detail: m.GetDetail(), Path: slices.Clone(m.GetPath())})
	}
	return out
}
