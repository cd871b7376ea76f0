package cuda

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Mode says whether device events are wanted.
type Mode string

// Modes. The zero value is Auto.
const (
	// Auto records device events where it can. Where it cannot, recordings say why, and hold everything else.
	Auto Mode = "auto"
	// Required makes the start of a recording fail where there can be no device events.
	Required Mode = "required"
	// Off loads nothing.
	Off Mode = "off"
)

// Options of a collector. The zero value records everything where it can.
type Options struct {
	Mode Mode
	// Library is the path of libcupti; empty: it is looked for, see README.md.
	Library string
	// Events are the kinds that are recorded, of [AllEvents]; nil: all of them.
	Events []string
	// BufferBytes bounds the memory that records wait in; 64 MiB when zero, at least 1 MiB.
	BufferBytes int64
	// StopTimeout bounds how long a stop waits for devices and for the library; 5 s when zero.
	StopTimeout time.Duration
}

// Kinds of events.
const (
	EventKernel   = "kernel"   // kernels
	EventMemcpy   = "memcpy"   // copies, between two devices too
	EventMemset   = "memset"   // settings of memory
	EventRuntime  = "runtime"  // calls of the CUDA runtime
	EventDriver   = "driver"   // calls of the driver
	EventSync     = "sync"     // waits for events, streams and contexts
	EventOverhead = "overhead" // time that the profiling library took
)

// AllEvents are the kinds of events that can be chosen.
func AllEvents() []string {
	return []string{EventKernel, EventMemcpy, EventMemset, EventRuntime, EventDriver, EventSync, EventOverhead}
}

// wanted are the kinds of events that a recording of some categories wants.
func wanted(events []string, c trace.Categories) (left []string) {
	for _, e := range events {
		category := trace.CategoryDevice
		if e == EventRuntime || e == EventDriver || e == EventOverhead {
			category = trace.CategoryRuntime
		}
		if c.Has(category) {
			left = append(left, e)
		}
	}
	return left
}

const (
	bufferBytes        = 1 << 20 // one buffer
	defaultBufferBytes = 64 << 20
	defaultStopTimeout = 5 * time.Second
)

// check says what is wrong with the options, and fills in what was left out.
func (o *Options) check() error {
	switch o.Mode {
	case "":
		o.Mode = Auto
	case Auto, Required, Off:
	default:
		return fmt.Errorf("cuda mode is %q; auto, required or off will do", o.Mode)
	}
	if o.Events == nil {
		o.Events = AllEvents()
	}
	for _, e := range o.Events {
		if !slices.Contains(AllEvents(), e) {
			return fmt.Errorf("there is no kind of CUDA events %q; there are %s", e, strings.Join(AllEvents(), ", "))
		}
	}
	if o.BufferBytes == 0 {
		o.BufferBytes = defaultBufferBytes
	}
	if o.BufferBytes < bufferBytes {
		return fmt.Errorf("cuda buffers of %d bytes are asked for; at least %d are needed", o.BufferBytes, bufferBytes)
	}
	if o.StopTimeout <= 0 {
		o.StopTimeout = defaultStopTimeout
	}
	return nil
}
