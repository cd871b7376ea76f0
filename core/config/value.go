package config

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// literals reads values and remembers where each stood.
type literals struct {
	*reader
	ranges map[string]hcl.Range
}

const onlyLiterals = "plugins.hcl holds plain values only: text in quotes, numbers, true, false, null, lists and objects"

// read turns an expression into a value, or finds why it is none. The expression is never evaluated, so nothing in a
// file can compute for long.
func (l literals) read(path diag.Path, e hclsyntax.Expression) (any, bool) {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return l.scalar(e.Val, e.Range())
	case *hclsyntax.TemplateExpr:
		return l.text(e)
	case *hclsyntax.ParenthesesExpr:
		return l.read(path, e.Expression)
	case *hclsyntax.UnaryOpExpr:
		return l.negative(path, e)
	case *hclsyntax.TupleConsExpr:
		return l.list(path, e)
	case *hclsyntax.ObjectConsExpr:
		return l.object(path, e)
	case *hclsyntax.TemplateWrapExpr:
		l.errorf(e.Range(), `a literal "${" is written "$${"`, "templates are not allowed")
	case *hclsyntax.ScopeTraversalExpr:
		l.word(e)
	case *hclsyntax.FunctionCallExpr:
		l.errorf(e.Range(), onlyLiterals, "functions are not allowed, found %s(…)", e.Name)
	default:
		l.errorf(e.Range(), onlyLiterals, "expressions are not allowed")
	}
	return nil, false
}

// word finds a bare word, most often text whose quotes were forgotten.
func (l literals) word(e *hclsyntax.ScopeTraversalExpr) {
	if text := l.slice(e.Range()); len(e.Traversal) == 1 {
		l.errorf(e.Range(), "did you mean "+strconv.Quote(text)+", in quotes?\n"+onlyLiterals, "variables are not allowed, found %s", text)
		return
	}
	l.errorf(e.Range(), onlyLiterals, "variables are not allowed, found %s", l.slice(e.Range()))
}

func (l literals) slice(at hcl.Range) string {
	if !at.CanSliceBytes(l.src.text) {
		return ""
	}
	return string(at.SliceBytes(l.src.text))
}

func (l literals) scalar(v cty.Value, at hcl.Range) (any, bool) {
	switch {
	case v.IsNull():
		return nil, true
	case v.Type() == cty.String:
		return v.AsString(), true
	case v.Type() == cty.Bool:
		return v.True(), true
	case v.Type() == cty.Number:
		return l.number(v.AsBigFloat(), at)
	}
	l.errorf(at, onlyLiterals, "a value of type %s is not allowed", v.Type().FriendlyName())
	return nil, false
}

// number is an int64 when it is whole, however it was written, else the nearest float64.
func (l literals) number(n *big.Float, at hcl.Range) (any, bool) {
	if i, accuracy := n.Int64(); n.IsInt() && accuracy == big.Exact {
		return i, true
	}
	if !strings.ContainsAny(l.slice(at), ".eE") {
		l.errorf(at, "", "the number is out of range: whole numbers go to %d", int64(math.MaxInt64))
		return nil, false
	}
	f, _ := n.Float64()
	if math.IsInf(f, 0) {
		l.errorf(at, "", "the number is out of range: numbers go to %.1e", math.MaxFloat64)
		return nil, false
	}
	return f, true
}

func (l literals) negative(path diag.Path, e *hclsyntax.UnaryOpExpr) (any, bool) {
	if literal, ok := e.Val.(*hclsyntax.LiteralValueExpr); ok && e.Op == hclsyntax.OpNegate && literal.Val.Type() == cty.Number && !literal.Val.IsNull() {
		return l.number(new(big.Float).Neg(literal.Val.AsBigFloat()), e.Range())
	}
	l.errorf(e.Range(), onlyLiterals, "expressions are not allowed")
	return nil, false
}

func (l literals) text(e *hclsyntax.TemplateExpr) (any, bool) {
	var b strings.Builder
	for _, part := range e.Parts {
		literal, ok := part.(*hclsyntax.LiteralValueExpr)
		if !ok || literal.Val.IsNull() || literal.Val.Type() != cty.String {
			l.errorf(part.Range(), `a literal "${" is written "$${", and "%{" is written "%%{"`, "templates are not allowed")
			return nil, false
		}
		b.WriteString(literal.Val.AsString())
	}
	return b.String(), true
}

func (l literals) list(path diag.Path, e *hclsyntax.TupleConsExpr) (any, bool) {
	out, ok := make([]any, len(e.Exprs)), true
	for i, item := range e.Exprs {
		at := child(path, strconv.Itoa(i))
		l.ranges[pathKey(at)] = item.Range()
		v, good := l.read(at, item)
		out[i], ok = v, ok && good
	}
	return out, ok
}

func (l literals) object(path diag.Path, e *hclsyntax.ObjectConsExpr) (any, bool) {
	out, ok := make(map[string]any, len(e.Items)), true
	for _, item := range e.Items {
		key, good := l.key(item.KeyExpr)
		if !good {
			ok = false
			continue
		}
		if _, twice := out[key]; twice {
			l.errorf(item.KeyExpr.Range(), "", "key %q is given twice", key)
			ok = false
			continue
		}
		at := child(path, key)
		l.ranges[pathKey(at)] = hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())
		v, good := l.read(at, item.ValueExpr)
		out[key], ok = v, ok && good
	}
	return out, ok
}

// key of an object: a word, text or a number.
func (l literals) key(e hclsyntax.Expression) (string, bool) {
	if wrapped, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(wrapped.Wrapped); word != "" && !wrapped.ForceNonLiteral {
			return word, true
		}
		e = wrapped.Wrapped
	}
	v, ok := l.read(nil, e)
	if !ok {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	}
	l.errorf(e.Range(), "", "a key must be a word or text, not %s", words.Kind(v))
	return "", false
}

// child is path with one more name, never sharing path's memory.
func child(path diag.Path, name string) diag.Path {
	return append(path[:len(path):len(path)], name)
}
