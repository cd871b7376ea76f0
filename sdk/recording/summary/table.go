package summary

import "github.com/strobe-dev/strobe/sdk/recording"

// Table is a recording summed up. It goes through JSON unchanged. All times are seconds.
type Table struct {
	// WallSeconds is the time from the first begin to the last end of any span; 0 when there were none.
	WallSeconds float64 `json:"wall_s"`
	Events      uint64  `json:"events"`
	// Open counts spans that had not ended when the recording did; they are in no row.
	Open     uint64   `json:"open"`
	Requests uint64   `json:"requests"`
	Slowest  *Request `json:"slowest_request,omitempty"`
	// Sections are core, then the stages in order, each over all its ranks, then profilers that measured.
	Sections []Section `json:"sections"`
	// Processes are the same rows for each process alone; empty when every section is one process.
	Processes []Section `json:"processes,omitempty"`
	Losses    Losses    `json:"losses"`
	// Cost is what recording took of the processes' time, by their own measure; absent when none measured.
	Cost *recording.Cost `json:"cost,omitempty"`
}

// Request is one HTTP request that core served.
type Request struct {
	ID      string  `json:"id"`
	Seconds float64 `json:"seconds"` // from its arrival to the end of the answer
}

// Section is a process, or all processes of one stage.
type Section struct {
	Kind      string `json:"kind"`                 // "core", "stage" or "profiler"
	Plugin    string `json:"plugin,omitempty"`     // the plugin's name; none for core
	Stage     int    `json:"stage"`                // index of the stage; 0 for core
	StageName string `json:"stage_name,omitempty"` // "diffusion"
	Ranks     int    `json:"ranks"`                // processes that the section covers
	Rank      *int   `json:"rank,omitempty"`       // of a section that is one process of a stage
	PID       int    `json:"pid,omitempty"`        // of a section that is one process
	Synthetic bool   `json:"synthetic,omitempty"`  // made-up weights: costs are real, pictures are not
	Events    uint64 `json:"events"`
	// Device sums up what its devices did; absent when nobody wanted that recorded.
	Device *Device `json:"device,omitempty"`
	// Rows by kind, from requests and stages to operators and devices; within a kind the largest total first.
	Rows []Row `json:"rows"`
}

// Row is the spans of one name.
type Row struct {
	Name         string  `json:"name"`
	Kind         string  `json:"kind"`  // request, stage, step, block, operator, runtime, device, memory, counter or span
	Depth        int     `json:"depth"` // how many spans enclose it, at the most
	Count        uint64  `json:"count"`
	TotalSeconds float64 `json:"total_s"`
	MeanSeconds  float64 `json:"mean_s"`
	MinSeconds   float64 `json:"min_s"`
	MaxSeconds   float64 `json:"max_s"`
	P99Seconds   float64 `json:"p99_s"` // at most 0.8 % off
	Share        float64 `json:"share"` // of wall and ranks; 1 is all the time
	// Flops and GFLOPS are absent when no operator stated any.
	Flops  *int64   `json:"flops,omitempty"`
	GFLOPS *float64 `json:"gflops_per_s,omitempty"`
}

// Losses says what was not recorded.
type Losses struct {
	Total    uint64            `json:"total"`               // events
	ByReason map[string]uint64 `json:"by_reason,omitempty"` // full, not_ready, depth: events; names, truncated: texts; corrupt: records
}
