//go:build !race

package plugintest

// manySteps of each request make a million events.
const manySteps = 3332
