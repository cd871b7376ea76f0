// Package trace records what a process does into a memory-mapped segment, at the cost of two clock reads a span.
package trace
