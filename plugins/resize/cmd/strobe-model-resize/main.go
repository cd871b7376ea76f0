// Command strobe-model-resize is the resize model plugin as a process of its own.
package main

import (
	"github.com/strobe-dev/strobe/plugins/resize"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

func main() { plugin.ServeModel(resize.New()) }
