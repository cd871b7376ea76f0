//go:build !linux && !windows

package main

import "os"

// selfPath is this binary's file.
func selfPath() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
