package config

import "time"

// Config is a checked configuration. It is read only once made.
type Config struct {
	// File is the name that findings show: the path as given, or "plugins.hcl (built in)".
	File string
	// Dir is the absolute folder that relative commands and paths were resolved against:
	// the file's own folder, or the working folder for the built-in configuration.
	Dir string

	Server  Server
	Profile Profile
	// FlightRecorder is nil when the block is absent: nothing is recorded outside profiles.
	FlightRecorder *FlightRecorder
	// Telemetry is nil when its block, or otlp within it, is absent: the server traces none of its requests.
	Telemetry *Telemetry

	Models    []Model    // in order of the file
	Profilers []Profiler // in order of the file
	Plugins   []Plugin   // in order of the file
	// Warnings are findings that do not stop the server.
	Warnings Diagnostics
}

// Server is the block `server`.
type Server struct {
	Listen           string        // host:port; an empty host is every interface, port 0 any free one
	Model            string        // the label of the served model
	Profilers        []string      // labels of the profilers a profile uses unless it names others; empty: profiling is off
	RuntimeDir       string        // absolute folder for sockets; empty: the catalog chooses one
	QueueSize        int           // requests that wait, beyond those being served
	RequestTimeout   time.Duration // from arrival to the last byte of the answer
	AllowedHosts     []string      // Host headers answered besides the listening address's own, without port; "*" is any
	ControlTokenFile string        // absolute path of a file of tokens that open every route; empty: none
	ReadTokenFile    string        // absolute path of a file of tokens that open what only looks at profiles; empty: none
	APIKeyFile       string        // absolute path of a file of keys that open the generation routes; empty: none
	MaxBodyBytes     int64         // largest request body, bytes
	AccessLog        string        // AccessLogInfo or another of these constants
	MaxPluginMemory  int64         // of each plugin process whose own blocks say nothing, bytes; 0: no bound
	Cgroup           string        // "auto", "off" or the absolute folder of a cgroup in which plugins get theirs
	TLS              *TLS          // nil: plain HTTP
	Admin            *Admin        // nil: every route is on Listen
	Limits           Limits
	Origin
}

// Profile is the block `profile`.
type Profile struct {
	Dir         string        // absolute folder that holds one folder a profile
	MaxDuration time.Duration // a profile ends by itself after this
	MaxBytes    int64         // bound on one profile's segments and artifacts together, bytes
	Keep        int           // finished profiles kept; the oldest beyond go
	// MaxTotalBytes bounds what all profiles but the active one take together, bytes; the oldest go; 0: Keep and MaxBytes do.
	MaxTotalBytes int64
	MaxAge        time.Duration // a profile goes when its end is so long ago; 0: whatever its age
	// RecordPrompts lets a profile hold the prompts of requests, when its caller asks for that, too.
	RecordPrompts bool
	// MinFreeBytes is what stays free on the disk: below it old profiles go, then none starts and the active one ends; 0: nobody looks.
	MinFreeBytes int64
	SampleEvery  int    // one of so many generations gets a profile of itself; 0: none does
	Control      string // ControlRecord or ControlCUDAProfiler
	Origin
}

// Model is a block `model "name"`: a chain of stages.
type Model struct {
	Name   string
	Stages []Stage // at least one, in order
	Origin
}

// Stage is a block `stage "name"` of a model.
type Stage struct {
	Name     string
	Plugin   string // a built-in model plugin or the label of a plugin block; defaults to Name
	Replicas int    // processes that serve the stage
	Config   Values // the plugin's own configuration
	// MaxMemory bounds each process of the stage, bytes; 0: what the plugin's block or server.max_plugin_memory says.
	MaxMemory int64
	Progress  time.Duration // a request of which no step ends for so long ends its process; 0: nobody looks
	Cancel    time.Duration // a request that goes on for so long after it was cancelled ends its process
	Origin
}

// Profiler is a block `profiler "name"`.
type Profiler struct {
	Name   string
	Plugin string // a built-in profiler plugin or the label of a plugin block; defaults to Name
	Config Values
	// MaxMemory bounds the process, bytes; 0: what the plugin's block or server.max_plugin_memory says.
	MaxMemory int64
	Finish    time.Duration // an export that is not complete so long after the recording's end ends the process
	Origin
}

// Kinds of plugin.
const (
	KindModel    = "model"
	KindProfiler = "profiler"
)

// Plugin is a block `plugin "name"`: an external plugin.
type Plugin struct {
	Name string
	Kind string // KindModel or KindProfiler
	// Command is the program and its arguments. A program with a slash is an absolute path here (relative ones were
	// resolved against Config.Dir); one without is to be looked up in PATH. Arguments are as written.
	Command []string
	SHA256  string // of the program's file, 64 lower-case hex digits; empty: not pinned
	// MaxMemory bounds each of its processes, bytes; 0: what server.max_plugin_memory says.
	MaxMemory int64
	Origin
}

// Values is what a `config` block holds. Without such a block Values is nil and the origin is the enclosing block.
type Values struct {
	// Values by key: nil (null), string, bool, int64 (a whole number), float64, []any, map[string]any (objects and
	// nested blocks alike).
	Values map[string]any
	Origin
}

// ServedModel is the model that server.model names.
func (c *Config) ServedModel() (*Model, error) {
	for i := range c.Models {
		if c.Models[i].Name == c.Server.Model {
			return &c.Models[i], nil
		}
	}
	return nil, notDeclared("server.model", "model", c.Server.Model, modelNames(c.Models))
}

// Profiler is the profiler block with that label.
func (c *Config) Profiler(name string) (*Profiler, error) {
	for i := range c.Profilers {
		if c.Profilers[i].Name == name {
			return &c.Profilers[i], nil
		}
	}
	return nil, notDeclared("profiler", "profiler", name, profilerNames(c.Profilers))
}

// Plugin is the external plugin with that label, or nil: the name is then a built-in's.
func (c *Config) Plugin(name string) *Plugin {
	for i := range c.Plugins {
		if c.Plugins[i].Name == name {
			return &c.Plugins[i]
		}
	}
	return nil
}

func modelNames(models []Model) []string {
	var names []string
	for _, m := range models {
		names = append(names, m.Name)
	}
	return names
}

func profilerNames(profilers []Profiler) []string {
	var names []string
	for _, p := range profilers {
		names = append(names, p.Name)
	}
	return names
}
