package plugintest

// For tests of single checks.
var (
	IsHost   = isHost
	TestHost = testHost
)
