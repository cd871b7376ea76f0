package plugintest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugintest"
)

// Checks outside of tests: each starts a fresh plugin and returns an error. checker is a model of this package's tests.
func ExampleModelChecks() {
	start := plugintest.StartModel(func() model.Model { return &checker{} })
	for _, c := range plugintest.ModelChecks(plugintest.ModelOptions{}) {
		switch err := c.Run(context.Background(), start); {
		case c.Name == "cancel": // depends on how busy the machine is
		case errors.Is(err, plugintest.ErrSkipped):
			fmt.Println("skip", c.Name)
		default:
			fmt.Println(c.Name, err)
		}
	}
	// Output:
	// describe twice <nil>
	// unknown key <nil>
	// every finding <nil>
	// skip bad values
	// generate <nil>
	// progress in order <nil>
	// same seed same image <nil>
	// two at once <nil>
	// wrong size <nil>
	// record <nil>
	// record in flight <nil>
	// giant names <nil>
	// skip host death
}
