package profile

import (
	"strings"
	"testing"
)

// TestWarnsOfEmptyFiles: a profile whose options leave out all that there was says so.
func TestWarnsOfEmptyFiles(t *testing.T) {
	for name, test := range map[string]struct {
		v    View
		want bool
	}{
		"all left out": {View{Requests: 2, Events: 58, Filtered: 58, Options: &Chosen{Activities: []Activity{ActivityDevice}}}, true},
		"some left":    {View{Requests: 2, Events: 58, Filtered: 57, Options: &Chosen{MinDurationUs: 5}}, false},
		"pprof alone":  {View{Requests: 2, Events: 58, Filtered: 58, Options: &Chosen{Activities: []Activity{ActivityPprof}}}, false},
		"no request":   {View{Events: 3, Filtered: 3, Options: &Chosen{Activities: []Activity{ActivityDevice}}}, false},
		"no events":    {View{Requests: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.v.warn(nil)
			if got := strings.Contains(strings.Join(test.v.Warnings, "\n"), "none of 58 recorded events is in the files"); got != test.want {
				t.Errorf("warnings %q", test.v.Warnings)
			}
		})
	}
}
