package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/schema"
)

// TestOptionTable has an option of every kind, and a block within a block.
func TestOptionTable(t *testing.T) {
	type retry struct {
		Times int           `strobe:"times" default:"3" min:"0" doc:"how often"`
		Wait  time.Duration `strobe:"wait" default:"1s" min:"0.01" max:"60" doc:"how long between two"`
	}
	type send struct {
		Size  int   `strobe:"size" default:"1000" min:"1" max:"10000" doc:"events in one request"`
		Retry retry `strobe:"retry" doc:"when it fails"`
	}
	options, err := schema.From(&struct {
		Endpoint string            `strobe:"endpoint" required:"true" doc:"where to send: host:port | URL"`
		Level    string            `strobe:"level" default:"operator" enum:"step,block,operator" doc:"the finest spans"`
		Ratio    *float64          `strobe:"ratio" max:"1" doc:"of all requests"`
		Quiet    bool              `strobe:"quiet" default:"true"`
		Only     []string          `strobe:"only" default:"a,b" doc:"names"`
		Headers  map[string]string `strobe:"headers" doc:"sent with each request"`
		Send     *send             `strobe:"send" doc:"how events\nare sent"`
	}{})
	if err != nil {
		t.Fatal(err)
	}
	want := "| option | value | default | meaning |\n| --- | --- | --- | --- |\n" +
		"| `endpoint` | text | required | where to send: host:port \\| URL |\n" +
		"| `level` | `step`, `block`, `operator` | `\"operator\"` | the finest spans |\n" +
		"| `ratio` | a number, at most 1 |  | of all requests |\n" +
		"| `quiet` | true or false | `true` |  |\n" +
		"| `only` | a list of text | `[\"a\", \"b\"]` | names |\n" +
		"| `headers` | an object of text values |  | sent with each request |\n" +
		"| `send` | a block |  | how events are sent |\n" +
		"| `send.size` | a whole number, 1 to 10000 | `1000` | events in one request |\n" +
		"| `send.retry` | a block |  | when it fails |\n" +
		"| `send.retry.times` | a whole number, at least 0 | `3` | how often |\n" +
		"| `send.retry.wait` | a duration such as \"10s\", 10ms to 1m0s | `\"1s\"` | how long between two |\n"
	if d := cmp.Diff(want, optionTable(options)); d != "" {
		t.Error(d)
	}
}
