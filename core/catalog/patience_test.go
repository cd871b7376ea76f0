//go:build !race

package catalog_test

import "time"

// patience is how long plugins of tests have for what must not take long.
const patience = 4 * time.Second
