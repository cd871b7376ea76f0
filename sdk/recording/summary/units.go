package summary

import (
	"math"
	"strconv"
)

// duration is seconds in three digits and a unit, in 7 characters: "1.52 s", "38.2 ms", "812 µs". A day and more is in
// hours, ten years and more in days.
func duration(s float64) string {
	for _, u := range []struct {
		unit  string
		scale float64
	}{{"ns", 1e9}, {"µs", 1e6}, {"ms", 1e3}} {
		if v := s * u.scale; v < 999.5 {
			if u.unit == "ns" {
				return strconv.FormatFloat(v, 'f', 0, 64) + " ns"
			}
			return digits(v) + " " + u.unit
		}
	}
	switch {
	case s < 86400:
		return digits(s) + " s"
	case s < 87660*3600:
		return digits(s/3600) + " h"
	}
	return digits(s/86400) + " d"
}

// digits is v with three digits at least, and no exponent.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// number is a count in at most 7 characters: 999999, then 1.00 M, 12.3 G.
func number(n uint64) string {
	if n < 1e6 {
		return strconv.FormatUint(n, 10)
	}
	v, units := float64(n)/1e6, []string{"M", "G", "T", "P", "E"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1e3, units[1:]
	}
	return digits(v) + " " + units[0]
}

// smallPercent is for what should be next to nothing.
func smallPercent(share float64) string {
	if v := share * 100; v < 0.005 {
		return "<0.01 %"
	} else if v < 1 {
		return strconv.FormatFloat(v, 'f', 2, 64) + " %"
	}
	return percent(share)
}

// percent is a share: "0.41 %", "12.3 %", "100 %".
func percent(share float64) string {
	v := share * 100
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v != 0 && v < 0.05:
		return "<0.1 %"
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " %"
}
