package telemetry

import "testing"

// TestTarget checks what of the environment counts, and that without any word spans go to a collector beside the server.
func TestTarget(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		options  Options
		env      map[string]string
		endpoint string
		insecure bool
	}{
		"nothing said":             {Options{}, nil, "127.0.0.1:4317", true},
		"TLS to the default":       {Options{Insecure: &no}, nil, "127.0.0.1:4317", false},
		"a certificate beside":     {Options{}, map[string]string{"CERTIFICATE": "/ca.pem"}, "127.0.0.1:4317", false},
		"security said beside":     {Options{}, map[string]string{"TRACES_INSECURE": "false"}, "127.0.0.1:4317", false},
		"named beside":             {Options{}, map[string]string{"ENDPOINT": "https://box"}, "", false},
		"named beside, for traces": {Options{}, map[string]string{"TRACES_ENDPOINT": "https://box"}, "", false},
		"the block wins":           {Options{Endpoint: "box:4317", Insecure: &yes}, map[string]string{"ENDPOINT": "https://other"}, "box:4317", true},
		"named, TLS":               {Options{Endpoint: "box:4317"}, nil, "box:4317", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"ENDPOINT", "INSECURE", "CERTIFICATE"} {
				t.Setenv("OTEL_EXPORTER_OTLP_"+key, c.env[key])
				t.Setenv("OTEL_EXPORTER_OTLP_TRACES_"+key, c.env["TRACES_"+key])
			}
			if endpoint, insecure := c.options.target(); endpoint != c.endpoint || insecure != c.insecure {
				t.Errorf("%q, insecure %v", endpoint, insecure)
			}
		})
	}
}
