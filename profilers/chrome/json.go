package chrome

import (
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString adds s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(appendEscaped(append(b, s[:i]...), s[i:]), '"')
		}
	}
	return append(append(b, s...), '"')
}

func appendEscaped(b []byte, s string) []byte {
	for _, r := range s { // an invalid byte comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < 0x20 || r == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		case r == '\u2028' || r == '\u2029': // line ends to JavaScript, not to JSON
			b = append(b, '\\', 'u', '2', '0', '2', hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// digits holds 000, 001, … 999.
var digits = func() (d [3000]byte) {
	for i := range 1000 {
		d[3*i], d[3*i+1], d[3*i+2] = byte('0'+i/100), byte('0'+i/10%10), byte('0'+i%10)
	}
	return d
}()

func appendThree(b []byte, n int64) []byte {
	return append(b, digits[3*n], digits[3*n+1], digits[3*n+2])
}

// appendMicros adds ns, which is not negative, as microseconds with three decimals, so exactly.
func appendMicros(b []byte, ns int64) []byte {
	micros := ns / 1000
	switch {
	case micros < 10:
		b = append(b, byte('0'+micros))
	case micros < 100:
		b = append(b, digits[3*micros+1], digits[3*micros+2])
	case micros < 1000:
		b = appendThree(b, micros)
	default:
		b = strconv.AppendInt(b, micros, 10)
	}
	return appendThree(append(b, '.'), ns%1000)
}

// clock writes times as appendMicros does. It keeps the text of the last second, as neighbours mostly share it.
type clock struct {
	second int64
	text   []byte
}

func (c *clock) append(b []byte, ns int64) []byte {
	second := ns / 1e9
	if second == 0 {
		return appendMicros(b, ns)
	}
	if second != c.second {
		c.second, c.text = second, strconv.AppendInt(c.text[:0], second, 10)
	}
	ns -= second * 1e9
	b = appendThree(append(b, c.text...), ns/1e6)
	b = appendThree(b, ns/1000%1000)
	return appendThree(append(b, '.'), ns%1000)
}

// appendFloat adds v as a JSON number; what JSON has no number for becomes a string.
func appendFloat(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
