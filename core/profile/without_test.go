package profile

import (
	"slices"
	"testing"
)

// TestWithout checks that an export which is replaced takes its warnings along, and nobody else's.
func TestWithout(t *testing.T) {
	v := View{Warnings: []string{"otlp: 3 spans were not delivered", "the profile saw no request", "chrome: otlp: no"}, Artifacts: []Artifact{{Name: "a", Profiler: "otlp"}, {Name: "b", Profiler: "chrome"}}}
	left, _ := v.without("otlp")
	if !slices.Equal(left.Warnings, v.Warnings[1:]) || len(left.Artifacts) != 1 {
		t.Errorf("left: %q, %+v", left.Warnings, left.Artifacts)
	}
}
