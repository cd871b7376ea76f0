package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// config reads the `config` block of owner, if it has one. Which keys it may hold is known to the plugin only.
func (r *reader) config(owner *block) Values {
	var found *hclsyntax.Block
	for _, inner := range owner.inner {
		if inner.Type == "config" && r.once(owner.firsts, inner) {
			r.unlabelled(inner)
			found = inner
		}
	}
	if found == nil {
		return Values{Origin: Origin{src: owner.src, block: owner.block, name: owner.name}}
	}
	ranges := map[string]hcl.Range{}
	l := literals{r, ranges}
	return Values{
		Values: l.body(nil, found.Body),
		Origin: Origin{src: r.src, block: header(found), name: owner.name, ranges: ranges},
	}
}

// body reads keys and nested blocks into one object: to a plugin they are the same.
func (l literals) body(path diag.Path, body *hclsyntax.Body) map[string]any {
	out := make(map[string]any, len(body.Attributes)+len(body.Blocks))
	for _, a := range inOrder(body.Attributes) {
		at := child(path, a.Name)
		l.ranges[pathKey(at)] = a.SrcRange
		if v, ok := l.read(at, a.Expr); ok {
			out[a.Name] = v
		}
	}
	firsts := map[string]*hclsyntax.Block{}
	for _, b := range body.Blocks {
		if len(b.Labels) > 0 {
			l.unlabelled(b)
			continue
		}
		if a, ok := body.Attributes[b.Type]; ok {
			l.errorf(b.TypeRange, "", "%q is already a key, at line %d", b.Type, a.NameRange.Start.Line)
			continue
		}
		if !l.once(firsts, b) {
			continue
		}
		at := child(path, b.Type)
		l.ranges[pathKey(at)] = header(b)
		out[b.Type] = l.body(at, b.Body)
	}
	return out
}
