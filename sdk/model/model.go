// Package model is what a model plugin implements: one stage of a diffusion pipeline, samples in, samples out.
//
// The life of a model plugin: [Model.Describe], any number of times; the host fills Description.Config; [Model.Load] once;
// then [Session.Generate] any number of times, one call at a time; [Session.Close] once. See sdk/plugin for how to serve one.
package model

import (
	"context"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Model is implemented by the author of a model plugin. It never changes within v1.
type Model interface {
	// Describe says what the plugin is. No side effects, no I/O, always the same answer, the same Config pointer too: it is
	// called any number of times, before Load and after, and from several goroutines.
	Describe() Description
	// Load makes the model ready: once in a process, when Config has been filled. ctx bounds it, minutes, and is not to be kept.
	// rec is valid until Session.Close returns; it is never nil, may be kept, and may be off: the host turns it on and off at any
	// moment, also while Generate runs. After an error there is no session, and the process is ended.
	Load(ctx context.Context, rank Rank, rec *trace.Recorder) (Session, error)
}

// Session is a loaded model.
type Session interface {
	// Generate runs the stage for one request. It is called any number of times, each from a goroutine of its own, and never
	// twice at a time: a second request waits.
	//
	// When ctx ends it returns ctx's error within one step; the session stays usable. progress is never nil and may be called
	// from Generate's goroutine only, after each step, until Generate returns. req belongs to the host: it and what it points to
	// must not be changed or kept. The result belongs to the host as soon as it is returned.
	//
	// An error made by [BadRequest] is the caller's fault and names the field; any other is the plugin's. After either, and after
	// a panic, which is an error of this request, the next request comes.
	Generate(ctx context.Context, req *Request, progress func(Progress)) (*Result, error)
	// Close frees what Load took. It is called at most once, after the last Generate returned; a killed process is not asked.
	Close() error
}

// Description says what a model plugin is.
type Description struct {
	Name    string // "dit"
	Version string // of the plugin, free form
	Summary string // one line
	// Config is a pointer to a struct whose exported fields carry `strobe:"name"` tags (see sdk/schema);
	// nil when there is nothing to configure. The host's values are stored there before Load.
	Config any
}

// Rank says which process of which stage this is.
type Rank struct {
	Model     string // the served model's name: "emoji"
	Stage     int    // index of the stage in the model, from 0
	StageName string // "diffusion"
	Rank      int    // index of the process within the stage, from 0
	Replicas  int    // how many processes serve the stage
}

// Info is what a loaded session says of itself. A session that implements [Informer] answers it after Load.
type Info struct {
	// Makes tells whether this stage makes images from nothing (the first stage of a model must).
	Makes bool
	// Sizes that the stage makes natively, in pixels; empty: any size within Max.
	Sizes []Size
	// Max is the largest size that the stage can make or resize to; zero: no limit of its own.
	Max Size
	// Resizes tells that the stage changes images to the requested size.
	Resizes bool
	// DefaultSteps and DefaultGuidance are used when a request names none.
	DefaultSteps    int
	DefaultGuidance float64
	MaxSteps        int // 0: the stage has no steps
	// Synthetic: made-up weights. Costs are real, pictures are not.
	Synthetic bool
	// Parameters is the number of weights; 0 when unknown.
	Parameters int64
	// Details are shown in /v1/models: {"preset": "xl"}.
	Details map[string]string
}

// Informer is an optional companion of [Session]. Info is asked right after Load; it has no side effects, and always answers
// the same.
type Informer interface{ Info() Info }

// Size in pixels.
type Size struct{ Width, Height int }

// Request is what a stage gets. Fields that the caller did not give are zero or nil; absence is not zero.
type Request struct {
	ID             string // the request's id; give it to Track.SetRequest
	Flow           uint64 // pass it to Track.FlowIn in the outermost span; 0 for none
	Prompt         string
	NegativePrompt string
	Size           Size     // the size the caller wants; zero: the model's native size
	Steps          int      // 0: the default
	Guidance       *float64 // nil: the default
	Strength       *float64 // image-to-image, 0..1; nil: the default 0.6
	Seed           uint64   // always set
	Count          int      // how many images a stage that makes images should make, at least 1
	// Images: the input images of image-to-image for the first stage; what the stage before made, for later ones.
	Images []Image
	Extra  map[string]string // fields that core does not know, as JSON texts
}

// Image is 8-bit RGB, row by row, 3 bytes a pixel, no padding: len(Pixels) = 3*Width*Height.
type Image struct {
	Width, Height int
	Pixels        []byte
}

// Progress of a Generate, after each step.
type Progress struct {
	Step  int // steps done, from 1
	Steps int
}

// Result of a stage.
type Result struct {
	Images   []Image
	Warnings []string // for the caller, not for a log: prompt words that the model does not know, …
	// Durations in seconds by name, "diffuse": 0.41. Reported to the caller as "<stage>.<name>".
	Durations map[string]float64
	// PeakMemoryBytes of the stage's own arena during this request; 0 when unknown.
	PeakMemoryBytes int64
	Steps           int // denoise steps done
}
