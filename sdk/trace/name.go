package trace

import "strconv"

// Category says what kind of thing a name denotes. Backends map it to their own terms
// (Kineto's "cat"), and a profile's activities select by it.
type Category uint8

// Categories. The numbers are part of the recording format and never change.
const (
	CategoryNone     Category = iota // plain annotation
	CategoryRequest                  // a request's way through core: http, queue_wait, dispatch, …
	CategoryStage                    // a stage's work for a request: pipeline_forward, diffusion_forward
	CategoryStep                     // one denoise step
	CategoryBlock                    // a part of the network: blocks.3
	CategoryOperator                 // one operator: dit::linear
	CategoryMemory                   // memory counters (Kineto's [memory])
	CategoryCounter                  // any other counter
	CategoryRuntime                  // a call of a device's runtime or driver
	CategoryDevice                   // work on a device: kernel, copy, set, synchronisation
)

// String is the category's word, as activities and traces use it: "operator".
func (c Category) String() string {
	if int(c) < len(categoryWords) {
		return categoryWords[c]
	}
	return "category " + strconv.Itoa(int(c))
}

var categoryWords = [...]string{"annotation", "request", "stage", "step", "block", "operator", "memory", "counter", "runtime", "device"}

// NameID is an interned name: an index into the process's name table. Zero is the empty name.
type NameID uint32

// Name interns text as a plain annotation and returns its id. Call it once, at package level or
// when a model is loaded, never per event. At most 65,535 names exist in a process, of at most
// 4,096 bytes each: a longer one is cut, and when the table is full the id of "(name table full)" comes back;
// both are counted as losses.
func Name(text string) NameID { return NameIn(CategoryNone, text) }

// NameIn interns text in a category. The same text in two categories is two names.
func NameIn(c Category, text string) NameID { return intern(c, text) }

// String is the name's text; empty for zero and for an id that no name has.
func (n NameID) String() string { return names.text(n) }
