// Command strobe-model-dit is the dit model plugin as a process of its own.
package main

import (
	"github.com/strobe-dev/strobe/plugins/dit"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

func main() { plugin.ServeModel(dit.New()) }
