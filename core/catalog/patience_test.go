//go:build !race

package catalog_test

import "time"

const (
	// patience is how long plugins of tests have for what must not take long.
	patience = 4 * time.Second
	// impatience is how long those are waited for that hang. Others answer much sooner.
	impatience = 2 * time.Second
)
