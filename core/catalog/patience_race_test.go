//go:build race

package catalog_test

import "time"

// patience is how long plugins of tests have for what must not take long, which the race detector makes ten times longer.
const patience = 20 * time.Second
