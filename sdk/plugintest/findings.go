package plugintest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/schema"
)

// strangeKeys are two keys that no plugin has.
var strangeKeys = []string{"no_such_key_1", "no_such_key_2"}

// findsEverything is that all that is wrong is found at once, each thing at its path: keys that there are not, values of
// another type, values beyond what Describe allows.
func findsEverything(ctx context.Context, p *Plugin, good map[string]any) error {
	d, err := p.client.Describe(ctx)
	if err != nil {
		return err
	}
	types, bounds := map[string]any{}, maps.Clone(good)
	if bounds == nil {
		bounds = map[string]any{}
	}
	var wrongTypes, beyond []diag.Path
	for _, k := range strangeKeys {
		types[k] = true
		wrongTypes = append(wrongTypes, diag.Path{k})
	}
	for _, a := range d.Config {
		types[a.Name] = otherType(a.Type)
		wrongTypes = append(wrongTypes, diag.Path{a.Name})
		if v, ok := outside(a); ok {
			bounds[a.Name] = v
			beyond = append(beyond, diag.Path{a.Name})
		}
	}
	if err := findsAt(ctx, p, types, wrongTypes); err != nil {
		return fmt.Errorf("unknown keys and wrong types: %w", err)
	}
	if len(beyond) > 0 {
		if err := findsAt(ctx, p, bounds, beyond); err != nil {
			return fmt.Errorf("values beyond what it says of itself: %w", err)
		}
	}
	if err := p.configure(ctx, good); err != nil {
		return fmt.Errorf("after bad values it does not take good ones: %w", err)
	}
	return nil
}

// findsAt configures with values that are wrong at each of the paths.
func findsAt(ctx context.Context, p *Plugin, values map[string]any, paths []diag.Path) error {
	found, err := p.Configure(ctx, values)
	if err != nil {
		return fmt.Errorf("findings are data, not errors: %w", err)
	}
	var missed []error
	for _, path := range paths {
		if !slices.ContainsFunc(found, func(d diag.Diagnostic) bool {
			return d.Severity == diag.Error && d.Summary != "" && len(d.Path) >= len(path) && slices.Equal(d.Path[:len(path)], path)
		}) {
			missed = append(missed, fmt.Errorf("it found nothing wrong at %s = %v", path, values[path[0]]))
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("%w; its findings: %v", errors.Join(missed...), found)
	}
	return nil
}

// otherType is a value that is not of the type.
func otherType(t schema.Type) any {
	switch t {
	case schema.String, schema.Duration:
		return int64(7)
	}
	return "text"
}

// outside is a value of the right type that an attribute does not allow, if there is one.
func outside(a schema.Attribute) (v any, ok bool) {
	if len(a.Enum) > 0 {
		const strange = "no such value at all"
		if a.Type == schema.List {
			return []any{strange}, true
		}
		return strange, true
	}
	var n float64
	switch {
	case a.Max != nil:
		n = *a.Max + 1
	case a.Min != nil:
		n = *a.Min - 1
	default:
		return nil, false
	}
	switch a.Type {
	case schema.Int:
		return int64(n), true
	case schema.Duration:
		return time.Duration(n * float64(time.Second)).String(), true
	}
	return n, true
}
