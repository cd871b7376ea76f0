//go:build race

package plugintest

// manySteps is less with the race detector, which makes everything some ten times slower.
const manySteps = 400
