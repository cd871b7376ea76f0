// Package recording reads recordings: finished ones, and ones that are still being written.
package recording
