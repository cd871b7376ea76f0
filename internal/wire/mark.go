package wire

import "crypto/rand"

// envInstance marks a plugin process and all that it starts.
const envInstance = "STROBE_PLUGIN_INSTANCE"

// newID is a new mark.
func newID() string { return rand.Text() }
