package schema_test

import (
	"fmt"
	"time"

	"github.com/strobe-dev/strobe/sdk/schema"
)

// Export is an example of a plugin's configuration. In plugins.hcl:
//
//	config {
//	  level = "step"
//	  batch { size = 100 }
//	}
type Export struct {
	Level string `strobe:"level" doc:"the finest spans exported" default:"operator" enum:"step,block,operator"`
	Batch Batch  `strobe:"batch" doc:"how events are sent"`
}

// Batch is a nested block. Its defaults hold though the block is not there.
type Batch struct {
	Size int           `strobe:"size" doc:"events in one request" default:"1000" min:"1" max:"10000"`
	Wait time.Duration `strobe:"wait" doc:"how long to gather them" default:"1s" min:"0.01"`
}

func ExampleDecode() {
	var c Export
	found := schema.Decode(map[string]any{"level": "stpe", "batch": map[string]any{"size": int64(0)}}, &c)
	for _, d := range found {
		fmt.Printf("%s: %s\n", d.Path, d.Summary)
	}
	found = schema.Decode(map[string]any{"level": "step", "batch": map[string]any{"size": int64(100)}}, &c)
	fmt.Println(len(found), c)
	// Output:
	// level: "stpe" is not allowed
	// batch.size: 0 is out of range: 1 to 10000
	// 0 {step {100 1s}}
}

func ExampleFrom() {
	attributes, err := schema.From(&Export{})
	if err != nil {
		panic(err) // a mistake in a tag
	}
	for _, a := range attributes {
		fmt.Println(a.Name, "|", a.Type, "|", a.Default, "|", a.Enum)
		for _, f := range a.Fields {
			fmt.Println(" ", f.Name, "|", f.Type, "|", f.Default)
		}
	}
	// Output:
	// level | text | operator | [step block operator]
	// batch | a block |  | []
	//   size | a whole number | 1000
	//   wait | a duration such as "10s" | 1s
}
