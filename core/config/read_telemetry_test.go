package config

import (
	"strings"
	"testing"
)

func TestTelemetry(t *testing.T) {
	for name, c := range map[string]struct {
		block string
		want  Telemetry // without origin; meaningless when off or wrong
		off   bool
		wrong string
	}{
		"absent":      {"", Telemetry{}, true, ""},
		"empty":       {"telemetry {\n}", Telemetry{}, true, ""},
		"defaults":    {"telemetry {\n otlp {\n }\n}", Telemetry{Ratio: 1}, false, ""},
		"whole":       {"telemetry {\n otlp {\n endpoint = \"box:4317\"\n ratio = 0.25\n }\n}", Telemetry{Endpoint: "box:4317", Ratio: 0.25}, false, ""},
		"ratio":       {"telemetry {\n otlp {\n ratio = 2\n }\n}", Telemetry{}, false, "ratio must be from 0 to 1"},
		"ratio, text": {"telemetry {\n otlp {\n ratio = \"0.1\"\n }\n}", Telemetry{}, false, "ratio must be a number"},
		"endpoint":    {"telemetry {\n otlp {\n endpoint = \"ftp://box\"\n }\n}", Telemetry{}, false, "no host:port"},
		"unknown":     {"telemetry {\n otlp {\n sampling = 1\n }\n}", Telemetry{}, false, "unknown key"},
		"twice":       {"telemetry {\n otlp {\n }\n otlp {\n }\n}", Telemetry{}, false, "duplicate block"},
	} {
		t.Run(name, func(t *testing.T) {
			const rest = "server {\n listen = \"127.0.0.1:8091\"\n model = \"emoji\"\n profilers = []\n}\nmodel \"emoji\" {\n stage \"dit\" {\n }\n}\n"
			cfg, err := Parse([]byte(rest+c.block+"\n"), "test.hcl", Known{Models: []string{"dit"}})
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("error %v, want %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := cfg.Telemetry
			if (got == nil) != c.off {
				t.Fatalf("telemetry: %+v", got)
			}
			if got != nil && (got.Endpoint != c.want.Endpoint || got.Ratio != c.want.Ratio || got.Insecure != nil) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
