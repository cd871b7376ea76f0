// Package summary counts a recording's events into one table: what ran, how often, how long.
package summary

// Table is the summary of one profile. It marshals to JSON.
type Table struct{}
