package main

// selfPath is this very binary, also when its file was replaced.
func selfPath() string { return "/proc/self/exe" }
