//go:build race

package catalog_test

import "time"

// These are more than without the race detector, which makes everything ten times longer.
const (
	// patience is how long plugins of tests have for what must not take long.
	patience = 20 * time.Second
	// impatience is how long those are waited for that hang. Others answer much sooner.
	impatience = 8 * time.Second
)
