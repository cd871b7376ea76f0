package profiler

import "runtime/debug"

// ModuleVersion is the version of a Go module in the running program, for [Description].Version: of the program's own or of
// one that it was built with. It is "(devel)" for a build from a checkout and "unknown" when the program does not say.
func ModuleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}
