package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Activity is a kind of thing that a profile holds.
type Activity string

// Activities.
const (
	ActivityRequest  Activity = "request"  // a request's way through core and each stage's work for it
	ActivityStep     Activity = "step"     // denoise steps
	ActivityBlock    Activity = "block"    // parts of the network
	ActivityOperator Activity = "operator" // operators
	ActivityMemory   Activity = "memory"   // memory that is taken and given back
	ActivityCounter  Activity = "counter"  // all other counters
	ActivityDevice   Activity = "device"   // work of devices, and calls of their runtimes
	// ActivityPprof is a CPU profile of core and of each rank that can make one, in pprof's format. It is the one that is
	// only had by naming it.
	ActivityPprof Activity = "pprof"
)

// activityCategories are the names that belong to each activity. Names without a category go with what encloses them.
var activityCategories = map[Activity][]trace.Category{
	ActivityRequest:  {trace.CategoryRequest, trace.CategoryStage},
	ActivityStep:     {trace.CategoryStep},
	ActivityBlock:    {trace.CategoryBlock},
	ActivityOperator: {trace.CategoryOperator},
	ActivityMemory:   {trace.CategoryMemory},
	ActivityCounter:  {trace.CategoryCounter},
	ActivityDevice:   {trace.CategoryRuntime, trace.CategoryDevice},
	ActivityPprof:    nil,
}

// foreignActivities are the words of SGLang's clients.
var foreignActivities = map[string][]Activity{
	"CPU": {ActivityRequest, ActivityStep, ActivityBlock, ActivityOperator, ActivityCounter},
	"GPU": {ActivityDevice},
	"MEM": {ActivityMemory},
}

// Activities are all of them, in the order of the documentation.
func Activities() []Activity {
	return []Activity{ActivityRequest, ActivityStep, ActivityBlock, ActivityOperator, ActivityMemory, ActivityCounter, ActivityDevice, ActivityPprof}
}

// ParseActivities reads activities, and SGLang's CPU, GPU and MEM, which stand for several. Each comes once. An error is an
// *[Error] with [CodeInvalid].
func ParseActivities(words []string) ([]Activity, error) {
	var list []Activity
	for _, word := range words {
		found := foreignActivities[word]
		if _, ok := activityCategories[Activity(word)]; ok {
			found = []Activity{Activity(word)}
		}
		if found == nil {
			return nil, invalid("activities", "there is no activity %q%s; there are: %s, and CPU, GPU and MEM as SGLang has them",
				clip(word), meant(word, activityNames()), strings.Join(activityNames(), ", "))
		}
		for _, a := range found {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list, nil
}

func activityNames() []string {
	var names []string
	for _, a := range Activities() {
		names = append(names, string(a))
	}
	return names
}

// categoriesOf are the categories that are recorded and exported; of no activities all are.
func categoriesOf(list []Activity) trace.Categories {
	if len(list) == 0 {
		return 0
	}
	set := trace.CategoriesOf(trace.CategoryNone)
	for _, a := range list {
		set |= trace.CategoriesOf(activityCategories[a]...)
	}
	return set
}

// clip shortens what a caller sent before it is shown back.
func clip(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}

// meant is ` (did you mean "step"?)` for a near miss of a known word, else empty.
func meant(word string, known []string) string {
	if c := words.Closest(word, known); c != "" {
		return fmt.Sprintf(" (did you mean %q?)", c)
	}
	return ""
}
