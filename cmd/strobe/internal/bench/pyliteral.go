package bench

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxLiteralDepth bounds lists within lists.
const maxLiteralDepth = 20

// syntaxError says where in a line it went wrong.
type syntaxError struct {
	column int // bytes, from 1
	what   string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.column, e.what) }

// parseRequestLine reads a line such as
//
//	Request(request_id=0, height=512, prompt="a cat", slo_ms=5000.0)
//
// which is how Python prints an object: names with Python literals. ok is false for a line that is something else.
func parseRequestLine(line string) (row map[string]any, ok bool, err error) {
	s := strings.TrimSpace(line)
	if !strings.HasPrefix(s, "Request(") {
		return nil, false, nil
	}
	p := &literals{text: s, at: len("Request(")}
	row, err = p.arguments()
	return row, true, err
}

// literals parses Python literals: None, True, False, numbers, strings, lists, tuples and dicts. They become nil, bool,
// int64, float64, string, []any and map[string]any.
type literals struct {
	text string
	at   int
}

func (p *literals) fail(what string) error { return &syntaxError{p.at + 1, what} }

func (p *literals) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
}

// take consumes c, after spaces, if it is next.
func (p *literals) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *literals) arguments() (map[string]any, error) {
	row := map[string]any{}
	for !p.take(')') {
		p.space()
		name := p.word()
		if name == "" || !p.take('=') {
			return nil, p.fail("a name and = are expected, as in height=512")
		}
		if _, twice := row[name]; twice {
			return nil, p.fail(name + " is given twice")
		}
		value, err := p.value(0)
		if err != nil {
			return nil, err
		}
		row[name] = value
		if !p.take(',') {
			if p.take(')') {
				break
			}
			return nil, p.fail("a comma or ) is expected")
		}
	}
	if p.space(); p.at != len(p.text) {
		return nil, p.fail("nothing is expected after )")
	}
	return row, nil
}

// word is a run of letters, digits and _.
func (p *literals) word() string {
	from := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			break
		}
		p.at++
	}
	return p.text[from:p.at]
}

func (p *literals) value(depth int) (any, error) {
	if depth > maxLiteralDepth {
		return nil, p.fail("lists are nested too deep")
	}
	p.space()
	if p.at == len(p.text) {
		return nil, p.fail("a value is expected")
	}
	switch c := p.text[p.at]; {
	case c == '\'' || c == '"' || p.prefixed():
		return p.strings()
	case c == '[':
		p.at++
		return p.list(']', depth)
	case c == '(':
		p.at++
		return p.tuple(depth)
	case c == '{':
		p.at++
		return p.dict(depth)
	case c == '+' || c == '-' || c == '.' || '0' <= c && c <= '9':
		return p.number()
	}
	switch from := p.at; p.word() {
	case "None":
		return nil, nil
	case "True":
		return true, nil
	case "False":
		return false, nil
	default:
		p.at = from
		return nil, p.fail("a Python literal is expected: a number, a quoted text, None, True, False or a list")
	}
}

func (p *literals) list(end byte, depth int) ([]any, error) {
	all := []any{}
	for !p.take(end) {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
		if !p.take(',') {
			if p.take(end) {
				break
			}
			return nil, p.fail(fmt.Sprintf("a comma or %c is expected", end))
		}
	}
	return all, nil
}

// tuple is a list in parentheses, or, with one value and no comma, that value.
func (p *literals) tuple(depth int) (any, error) {
	all := []any{}
	for !p.take(')') {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		comma := p.take(',')
		switch {
		case !comma && p.take(')'):
			if len(all) == 0 {
				return v, nil
			}
			return append(all, v), nil
		case !comma:
			return nil, p.fail("a comma or ) is expected")
		}
		all = append(all, v)
	}
	return all, nil
}

func (p *literals) dict(depth int) (map[string]any, error) {
	all := map[string]any{}
	for !p.take('}') {
		key, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok || !p.take(':') {
			return nil, p.fail("a quoted name and : are expected")
		}
		if all[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if !p.take(',') {
			if p.take('}') {
				break
			}
			return nil, p.fail("a comma or } is expected")
		}
	}
	return all, nil
}

// number is an integer or a float; an integer beyond 64 bits is a float.
func (p *literals) number() (any, error) {
	from := p.at
	for p.at < len(p.text) && strings.IndexByte("+-.0123456789abcdefABCDEFxXoO_", p.text[p.at]) >= 0 {
		p.at++
	}
	text := p.text[from:p.at]
	digits := strings.TrimLeft(text, "+-")
	octal := len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' // 010 is no Python literal
	if n, err := strconv.ParseInt(text, 0, 64); err == nil && !octal {
		return n, nil
	}
	hex := strings.HasPrefix(digits, "0x") || strings.HasPrefix(digits, "0X")
	plain := strings.ReplaceAll(text, "_", "")
	if f, err := strconv.ParseFloat(plain, 64); err == nil && !hex && (!octal || strings.ContainsAny(digits, ".eE")) {
		return f, nil
	}
	p.at = from
	return nil, p.fail(fmt.Sprintf("%q is no number", text))
}

// prefixed tells whether a string with r or u before its quote is next.
func (p *literals) prefixed() bool {
	return p.at+1 < len(p.text) && strings.IndexByte("rRuU", p.text[p.at]) >= 0 && strings.IndexByte(`'"`, p.text[p.at+1]) >= 0
}

// strings reads one string, or several beside each other, which are one.
func (p *literals) strings() (any, error) {
	var b strings.Builder
	for {
		raw := false
		if p.prefixed() {
			raw = p.text[p.at] == 'r' || p.text[p.at] == 'R'
			p.at++
		}
		if err := p.quoted(&b, raw); err != nil {
			return nil, err
		}
		p.space()
		if p.at == len(p.text) || strings.IndexByte(`'"`, p.text[p.at]) < 0 && !p.prefixed() {
			return b.String(), nil
		}
	}
}

func (p *literals) quoted(b *strings.Builder, raw bool) error {
	quote := p.text[p.at]
	p.at++
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == quote:
			p.at++
			return nil
		case c == '\\' && raw && p.at+1 < len(p.text):
			b.WriteString(p.text[p.at : p.at+2])
			p.at += 2
		case c == '\\':
			if err := p.escape(b); err != nil {
				return err
			}
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	return p.fail("the text has no closing quote")
}

// simpleEscapes are those that stand for one character.
var simpleEscapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

func (p *literals) escape(b *strings.Builder) error {
	if p.at+1 == len(p.text) {
		return p.fail("the text ends in a backslash")
	}
	c := p.text[p.at+1]
	if plain, ok := simpleEscapes[c]; ok {
		b.WriteByte(plain)
		p.at += 2
		return nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	switch {
	case digits > 0:
		return p.codePoint(b, p.at+2, digits, 16)
	case '0' <= c && c <= '7':
		n := 1
		for n < 3 && p.at+1+n < len(p.text) && '0' <= p.text[p.at+1+n] && p.text[p.at+1+n] <= '7' {
			n++
		}
		return p.codePoint(b, p.at+1, n, 8)
	case c == 'N':
		return p.fail(`\N{…} is not supported: write the character itself`)
	}
	b.WriteByte('\\') // Python keeps an escape that it does not know
	p.at++
	return nil
}

func (p *literals) codePoint(b *strings.Builder, from, n, base int) error {
	if from+n > len(p.text) {
		return p.fail("the escape is cut short")
	}
	r, err := strconv.ParseUint(p.text[from:from+n], base, 32)
	if err != nil || r > utf8.MaxRune {
		return p.fail("the escape is no character")
	}
	b.WriteRune(rune(r))
	p.at = from + n
	return nil
}
