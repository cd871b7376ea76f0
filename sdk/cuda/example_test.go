package cuda_test

import (
	"fmt"

	"github.com/strobe-dev/strobe/sdk/cuda"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var nameLinear = trace.NameIn(trace.CategoryOperator, "dit::linear")

// A model attaches the collector when it loads, and binds the track of each thread that launches work. Spans begun
// through the thread are what kernels are tied to.
func Example() {
	rec := trace.New(trace.Options{}) // comes from the host, as an argument of Load
	defer rec.Close()
	gpu := cuda.Attach(rec, cuda.Options{Mode: cuda.Off}) // Mode: a key of the plugin's configuration, best with the default "auto"
	thread := gpu.Bind(rec.Track("worker"))
	defer thread.Release()

	span := thread.Begin(nameLinear)
	// … launch kernels
	span.End()
	fmt.Println(rec.On())
	// Output: false
}
