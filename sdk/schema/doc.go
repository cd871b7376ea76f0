// Package schema makes a plugin's configuration out of a Go struct: what keys there are ([From]) and what the user's
// values come to ([Decode]). Plugin authors only write the struct:
//
//	type Config struct {
//		Endpoint string        `strobe:"endpoint" required:"true" doc:"Where to send, host:port."`
//		Level    string        `strobe:"level" default:"operator" enum:"step,block,operator" doc:"The finest spans exported."`
//		Steps    int           `strobe:"steps" default:"20" min:"1" max:"200" doc:"Denoise steps."`
//		Timeout  time.Duration `strobe:"timeout" default:"10s" min:"0.1" doc:"How long to wait."`
//		TLS      *TLS          `strobe:"tls" doc:"Encrypt."`
//	}
//
// Types: string, bool, int, int64, float64, time.Duration (text such as "10s"; min and max in seconds), []string,
// map[string]string, a struct (an HCL block or object), and a pointer to any of the scalar types or to a struct, which
// stays nil when the key is absent: absence is not zero. Exported fields without a strobe tag are left alone.
// A struct with a method Validate() diag.List is asked once its own values are sound; its paths are relative to it.
package schema
