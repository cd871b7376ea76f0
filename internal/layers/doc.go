// Package layers holds the tests that keep the tree's layers apart: who may import what, which third parties the SDK
// asks of plugin authors and what it exports to them, no init functions, a comment on every package.
//
// The tests read the source files themselves, so the test cache notices every change, and files of other platforms
// count too. A test that fails here says that the change is in the wrong place; it is not a reason to relax a line.
package layers
