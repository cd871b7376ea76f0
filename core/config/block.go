package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// block is one block being read: its values, by key, and its inner blocks.
type block struct {
	literals
	Origin
	values map[string]any              // keys that hold a literal; null included
	wrong  map[string]bool             // keys whose value is already a finding
	exprs  map[string]hcl.Range        // where the value of a key stands
	inner  []*hclsyntax.Block          // known inner blocks, in order
	firsts map[string]*hclsyntax.Block // inner blocks by type and labels, for reader.once
}

// open reads a block's keys and sorts its inner blocks. What is not in keys or blocks is a finding.
// Keys come out in order of the file, so findings do.
func (r *reader) open(name string, at hcl.Range, body *hclsyntax.Body, keys, blocks []string) *block {
	b := r.bare(name, at)
	for _, a := range inOrder(body.Attributes) {
		if !slices.Contains(keys, a.Name) {
			r.unknownKey(name, a, keys, blocks)
			continue
		}
		b.take(a)
	}
	for _, inner := range body.Blocks {
		if !slices.Contains(blocks, inner.Type) {
			r.unknownBlock(name, inner, keys, blocks)
			continue
		}
		b.inner = append(b.inner, inner)
	}
	return b
}

func (r *reader) bare(name string, at hcl.Range) *block {
	ranges := map[string]hcl.Range{}
	return &block{
		literals: literals{r, ranges},
		Origin:   Origin{src: r.src, block: at, name: name, ranges: ranges},
		values:   map[string]any{},
		wrong:    map[string]bool{},
		exprs:    map[string]hcl.Range{},
		firsts:   map[string]*hclsyntax.Block{},
	}
}

func (b *block) take(a *hclsyntax.Attribute) {
	path := diag.Path{a.Name}
	b.literals.ranges[pathKey(path)] = a.SrcRange
	b.exprs[a.Name] = a.Expr.Range()
	v, ok := b.read(path, a.Expr)
	b.wrong[a.Name] = !ok
	if ok {
		b.values[a.Name] = v
	}
}

func inOrder(attributes hclsyntax.Attributes) []*hclsyntax.Attribute {
	return slices.SortedFunc(maps.Values(attributes), func(a, b *hclsyntax.Attribute) int {
		return a.SrcRange.Start.Byte - b.SrcRange.Start.Byte
	})
}

func (r *reader) unknownKey(in string, a *hclsyntax.Attribute, keys, blocks []string) {
	if slices.Contains(blocks, a.Name) {
		r.errorf(a.NameRange, fmt.Sprintf("write %s { … }, without the equals sign", a.Name), "%s is a block, not a key", a.Name)
		return
	}
	r.errorf(a.NameRange, words.Hint(a.Name, "known keys", keys), "unknown key %q%s", a.Name, within(in))
}

func (r *reader) unknownBlock(in string, inner *hclsyntax.Block, keys, blocks []string) {
	if slices.Contains(keys, inner.Type) {
		r.errorf(inner.TypeRange, fmt.Sprintf("write %s = …", inner.Type), "%s is a key, not a block", inner.Type)
		return
	}
	r.errorf(inner.TypeRange, words.Hint(inner.Type, "known blocks", blocks), "unknown block %q%s", inner.Type, within(in))
}

func within(in string) string {
	if in == "" {
		return ""
	}
	return " in " + in
}

// header is the range of a block's type and labels, without its body.
func header(b *hclsyntax.Block) hcl.Range { return b.DefRange() }

// label is the block's one label, checked, or "" with a finding.
func (r *reader) label(b *hclsyntax.Block, allowSlash bool) string {
	if len(b.Labels) != 1 {
		r.errorf(header(b), fmt.Sprintf("write %s \"name\" { … }", b.Type), "block %s needs one name, found %d", b.Type, len(b.Labels))
		return ""
	}
	if why := badName(b.Labels[0], allowSlash); why != "" {
		r.errorf(b.LabelRanges[0], "", "%s name %q %s", b.Type, b.Labels[0], why)
		return ""
	}
	return b.Labels[0]
}

// unlabelled finds labels where none belong.
func (r *reader) unlabelled(b *hclsyntax.Block) {
	if len(b.Labels) > 0 {
		r.errorf(hcl.RangeBetween(b.LabelRanges[0], b.LabelRanges[len(b.Labels)-1]),
			fmt.Sprintf("write %s { … }", b.Type), "block %s takes no name", b.Type)
	}
}

// badName says why a name cannot be one. Names become parts of file names and of URLs.
func badName(name string, allowSlash bool) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	parts := []string{name}
	if allowSlash {
		parts = strings.Split(name, "/")
	}
	for _, part := range parts {
		if part == "" || !strings.ContainsRune(letters, rune(part[0])) || strings.Trim(part, letters+"_-.") != "" {
			return "must start with a letter or digit and hold only letters, digits, _, - and ."
		}
	}
	if len(name) > 64 {
		return "is longer than 64 bytes"
	}
	return ""
}

// once finds a block that repeats an earlier one of the same type and label, and reports whether it is the first.
func (r *reader) once(firsts map[string]*hclsyntax.Block, b *hclsyntax.Block) bool {
	key := b.Type + "\x00" + strings.Join(b.Labels, "\x00")
	if first, ok := firsts[key]; ok {
		at := first.TypeRange.Start
		r.errorf(header(b), fmt.Sprintf("the first is at line %d, column %d", at.Line, at.Column), "duplicate block %s", blockName(b))
		return false
	}
	firsts[key] = b
	return true
}

// blockName is a block in words: `stage "diffusion"`.
func blockName(b *hclsyntax.Block) string {
	s := b.Type
	for _, l := range b.Labels {
		s += fmt.Sprintf(" %q", l)
	}
	return s
}
