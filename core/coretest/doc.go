// Package coretest is a core in a test: engine and profiles over ranks and profilers that live in memory.
//
// Each fake does the simplest right thing and takes a hook for everything that can go wrong. [New] puts a small model
// of two stages together; [Rank] and [Exporter] also serve alone.
package coretest
