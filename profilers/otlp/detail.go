package otlp

import "github.com/strobe-dev/strobe/sdk/trace"

// detail is how fine the spans are: each level has those before it, too.
type detail uint8

const (
	detailRequest  detail = iota // a request's way through core and the stages
	detailStep                   // and denoise steps
	detailOperator               // and blocks, operators, annotations
	detailDevice                 // and calls of a device's runtime, work on devices, memory
)

func detailOf(s string) detail {
	switch s {
	case "request":
		return detailRequest
	case "operator":
		return detailOperator
	case "device":
		return detailDevice
	}
	return detailStep
}

// finest is the level that an event of a category belongs to.
func finest(c trace.Category) detail {
	switch c {
	case trace.CategoryRequest, trace.CategoryStage:
		return detailRequest
	case trace.CategoryStep:
		return detailStep
	case trace.CategoryRuntime, trace.CategoryDevice, trace.CategoryMemory:
		return detailDevice
	}
	return detailOperator
}
