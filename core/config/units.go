package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units of size, largest first.
var units = []struct {
	suffix string
	bytes  int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// ParseSize reads a size such as "1GiB", "1.5 MiB", "500MB" or "4096B" and answers it in bytes. A number without a
// unit is refused: nobody should have to guess.
func ParseSize(s string) (int64, error) {
	text := strings.TrimSpace(s)
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		return scaled(s, strings.TrimSpace(number), u.bytes)
	}
	return 0, fmt.Errorf(`size %q needs a number and a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), such as "1GiB"`, s)
}

func scaled(s, number string, unit int64) (int64, error) {
	// ParseFloat alone would let through signs, exponents, hexadecimal, "inf" and "nan".
	if number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, fmt.Errorf(`size %q: %q is not a plain number, such as 512 or 1.5`, s, number)
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		if n > math.MaxInt64/unit {
			return 0, fmt.Errorf("size %q is too large", s)
		}
		return n * unit, nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("size %q: %q is not a number", s, number)
	}
	f *= float64(unit)
	if f >= math.MaxInt64 {
		return 0, fmt.Errorf("size %q is too large", s)
	}
	if f != math.Trunc(f) {
		return 0, fmt.Errorf("size %q is not a whole number of bytes", s)
	}
	return int64(f), nil
}

// FormatSize is bytes in the largest binary unit that divides it, so that ParseSize(FormatSize(n)) == n for n ≥ 0.
func FormatSize(n int64) string {
	for _, u := range units[:4] {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// ParseDuration reads a duration such as "10m", "1h30m", "500ms". It must not be negative.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf(`duration %q needs a number and a unit (ms, s, m, h), such as "10m" or "1h30m"`, s)
	}
	if d < 0 {
		return 0, fmt.Errorf("duration %q is negative", s)
	}
	return d, nil
}

// FormatDuration is d without the zero units that time.Duration prints: "10m", not "10m0s".
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
