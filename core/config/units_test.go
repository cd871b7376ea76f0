package config_test

import (
	"math"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/config"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0B": 0, "1B": 1, "4096B": 4096, "1KiB": 1 << 10, "32MiB": 32 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40,
		"1kB": 1000, "500MB": 500e6, "1GB": 1e9, "1TB": 1e12,
		"1.5MiB": 3 << 19, " 1 GiB ": 1 << 30, "9223372036854775807B": math.MaxInt64,
	} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "1", "GiB", "-1GiB", "+1GiB", "1e3MiB", "0x10MiB", "infGiB", "nanB", "1.2.3KiB", "0.1B", "1gib", "1G",
		"9223372036854775808B", "99999999TiB", "99999999.5TiB", "1_000B", "1 000B",
	} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1: "1B", 1000: "1000B", 1 << 10: "1KiB", 3 << 19: "1536KiB", 1 << 30: "1GiB", 5 << 40: "5TiB"} {
		if got := config.FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"10m": 10 * time.Minute, " 300s ": 5 * time.Minute, "1h30m": 90 * time.Minute, "500ms": time.Second / 2, "0s": 0} {
		if got, err := config.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "-1s", "ten", "5 minutes", "1d"} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %s, want an error", text, got)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Second: "1m30s", 24 * time.Hour: "24h", time.Second / 2: "500ms"} {
		if got := config.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %q, want %q", d, got, want)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"1GiB", "1.5MiB", "0B", "-1B", "1", "99999999999TiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := config.ParseSize(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Fatalf("ParseSize(%q) = %d", s, n)
		}
		if back, err := config.ParseSize(config.FormatSize(n)); err != nil || back != n {
			t.Fatalf("%q is %d, which comes back as %d, %v", s, n, back, err)
		}
	})
}
