package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/strobe-dev/strobe/internal/words"
)

func (r *reader) plugin(b *hclsyntax.Block) Plugin {
	open := r.open(blockName(b), header(b), b.Body, pluginKeys, nil)
	return Plugin{
		Name:    r.label(b, false),
		Kind:    open.kind(b),
		Command: open.command(b),
		SHA256:  open.sha256(),

		MaxMemory: open.memory("max_memory"),
		Origin:    open.Origin,
	}
}

func (b *block) kind(at *hclsyntax.Block) string {
	const detail = `write kind = "model" or kind = "profiler"`
	if b.absent("kind") {
		b.errorf(header(at), detail, "%s has no kind", blockName(at))
		return ""
	}
	kind, ok := b.text("kind", KindProfiler)
	if ok && kind != KindModel && kind != KindProfiler {
		b.bad("kind", words.Hint(kind, "kinds", []string{KindModel, KindProfiler}), "kind %q does not exist", kind)
		return ""
	}
	return kind
}

func (b *block) command(at *hclsyntax.Block) []string {
	const example = `["./bin/mine"]`
	if b.absent("command") {
		b.errorf(header(at), "write command = "+example+", the program and its arguments", "%s has no command", blockName(at))
		return nil
	}
	words, ok := b.list("command", example)
	if !ok {
		return nil
	}
	if len(words) == 0 || words[0] == "" {
		b.bad("command", "write command = "+example, "command names no program")
		return nil
	}
	if strings.Contains(words[0], "/") {
		words[0] = resolve(b.dir, words[0])
	}
	return words
}

func (b *block) sha256() string {
	sum, ok := b.text("sha256", "…")
	if !ok {
		return ""
	}
	if len(sum) != 64 || strings.Trim(sum, "0123456789abcdefABCDEF") != "" {
		b.bad("sha256", "it is what sha256sum prints for the program's file", "sha256 must be 64 hexadecimal digits, found %d characters", len(sum))
		return ""
	}
	return strings.ToLower(sum)
}
