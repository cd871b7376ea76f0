// Package config turns plugins.hcl into a [Config], or into every finding about it at once.
//
// A finding ([Diagnostic]) carries file, line, column, the source line and, where a name is misspelt, what was probably
// meant. What a plugin later says about its own `config` block is placed in the same file by [Origin.Locate], so that a
// user sees one list, whoever found what.
//
// Values are literals: strings, numbers, true, false, null, lists and objects. There are no variables, functions or
// templates, so a file means the same everywhere.
//
// The files of this package:
//
//	config.go       what a configuration is
//	defaults.go     every default and every bound, in one place
//	load.go         find and read a file, parse it
//	syntax.go       HCL text to a syntax tree, with a guard against hostile nesting
//	value.go        literals to Go values, with the range of every path
//	block.go        one block: which keys and blocks it may hold, names, duplicates
//	key.go          one key: its type and its bounds
//	suggest.go      did-you-mean
//	read_*.go       the blocks of plugins.hcl
//	files.go        what the named files hold, looked at by serve and validate
//	check.go        what holds between blocks: names that must exist, budgets that must fit
//	disk.go         the most that profiles take on disk
//	override.go     command-line flags that win over the file
//	origin.go       where something stands in the file
//	diagnostic.go   findings and their list
//	render.go       findings as text
//	units.go        sizes and durations
package config
