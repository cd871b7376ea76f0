package recording

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// argTypes are the types of arguments by their numbers; the second column is how the value is read.
var argTypes = [...]struct{ word, value string }{
	1: {"int", "i64"}, 2: {"float", "f64"}, 3: {"bool", "u64"}, 4: {"name", "u64"}, 5: {"string", ""}, 6: {"shapes", "u64"},
}

// typeOf is a field's type without what the table adds to it.
func typeOf(f *segment.Field) string {
	t, _, _ := strings.Cut(f.Type, ",")
	return t
}

// get reads a field of up to 8 bytes.
func get(b []byte, f *segment.Field) uint64 {
	var w [8]byte
	copy(w[:], b[f.Offset:f.Offset+f.Size])
	return binary.LittleEndian.Uint64(w[:])
}

// put writes a field of up to 8 bytes.
func put(b []byte, f *segment.Field, v uint64) {
	var w [8]byte
	binary.LittleEndian.PutUint64(w[:], v)
	copy(b[f.Offset:f.Offset+f.Size], w[:])
}

// showField appends a field's value.
func showField(to, b []byte, f *segment.Field) []byte {
	switch typeOf(f) {
	case "text":
		s, _, _ := strings.Cut(string(b[f.Offset:f.Offset+f.Size]), "\x00")
		return strconv.AppendQuote(to, s)
	case "":
		return hex.AppendEncode(to, b[f.Offset:f.Offset+f.Size])
	}
	return showWord(to, get(b, f), typeOf(f), f.Size)
}

// showWord appends a number of up to 8 bytes. A float whose text would be another one is shown by its bits.
func showWord(to []byte, v uint64, typ string, size int) []byte {
	switch typ {
	case "i32", "i64":
		shift := 64 - 8*size
		return strconv.AppendInt(to, int64(v<<shift)>>shift, 10)
	case "f64":
		f := math.Float64frombits(v)
		if !math.IsNaN(f) || v == math.Float64bits(math.NaN()) {
			return strconv.AppendFloat(to, f, 'g', -1, 64)
		}
		return fmt.Appendf(to, "bits:%016x", v)
	}
	return strconv.AppendUint(to, v, 10)
}

// setField is the opposite of showField. The texts of the header keep a byte for their end.
func setField(b []byte, f *segment.Field, t *token) error {
	switch typeOf(f) {
	case "text":
		if !t.quoted {
			return fmt.Errorf("%s wants a text in quotes", t.key)
		}
		if len(t.value) > f.Size {
			return fmt.Errorf("%s has %d bytes, there is room for %d", t.key, len(t.value), f.Size)
		}
		clear(b[f.Offset : f.Offset+f.Size])
		copy(b[f.Offset:], t.value)
		return nil
	case "":
		raw, err := hex.DecodeString(t.value)
		if err != nil || len(raw) != f.Size {
			return fmt.Errorf("%s wants %d bytes, each as two hexadecimal digits", t.key, f.Size)
		}
		copy(b[f.Offset:], raw)
		return nil
	}
	v, err := wordOf(t, typeOf(f), f.Size)
	if err != nil {
		return err
	}
	put(b, f, v)
	return nil
}

// wordOf reads a number of size bytes.
func wordOf(t *token, typ string, size int) (uint64, error) {
	if t.quoted {
		return 0, fmt.Errorf("%s wants a number, not a text", t.key)
	}
	switch typ {
	case "i32", "i64":
		v, err := strconv.ParseInt(t.value, 10, 8*size)
		return uint64(v), numberError(t, err)
	case "f64":
		if bits, ok := strings.CutPrefix(t.value, "bits:"); ok {
			v, err := strconv.ParseUint(bits, 16, 64)
			return v, numberError(t, err)
		}
		v, err := strconv.ParseFloat(t.value, 64)
		return math.Float64bits(v), numberError(t, err)
	}
	v, err := strconv.ParseUint(t.value, 10, 8*size)
	return v, numberError(t, err)
}

func numberError(t *token, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is %.40q: too large, or too small, for its field", t.key, t.value)
	}
	return fmt.Errorf("%s is %.40q, which is no number of its type", t.key, t.value)
}

// token is a word of a line: a bare word, or key=value.
type token struct {
	key, value string
	quoted     bool
}

// spaces separate tokens.
const spaces = " \t\r\n"

// tokens splits a line. A # that begins a word begins a comment.
func tokens(to []token, line string) ([]token, error) {
	for {
		line = strings.TrimLeft(line, spaces)
		if line == "" || line[0] == '#' {
			return to, nil
		}
		var t token
		if line[0] != '"' {
			n := strings.IndexAny(line, spaces+"=")
			if n < 0 {
				return append(to, token{key: line}), nil
			}
			t.key, line = line[:n], line[n:]
			if line[0] != '=' {
				to = append(to, t)
				continue
			}
			line = line[1:]
		}
		switch {
		case strings.HasPrefix(line, `"`):
			q, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("a quote does not end, or has an escape that there is not: %.40s", line)
			}
			if t.value, err = strconv.Unquote(q); err != nil {
				return nil, fmt.Errorf("text %.40s: %w", q, err)
			}
			t.quoted, line = true, line[len(q):]
			if line != "" && !strings.ContainsRune(spaces, rune(line[0])) {
				return nil, fmt.Errorf("a space is missing behind the text %.40s", q)
			}
		default:
			n := strings.IndexAny(line, spaces)
			if n < 0 {
				n = len(line)
			}
			t.value, line = line[:n], line[n:]
			if t.value == "" {
				return nil, fmt.Errorf("%s= has no value", t.key)
			}
		}
		to = append(to, t)
	}
}
