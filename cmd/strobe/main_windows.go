// Command strobe serves diffusion models out of plugins and profiles them while they serve.
package main

import (
	"fmt"
	"os"
)

// main on Windows says what to do instead: recordings need memory mappings that a reader may truncate and rename.
func main() {
	fmt.Fprintln(os.Stderr, "strobe: Windows is not supported: run strobe in WSL 2, where it is linux/amd64")
	os.Exit(1)
}
