// Package plugintest checks that a plugin keeps the contract of sdk/model or sdk/profiler, over real gRPC: in this
// process, or as the program that users will run. A plugin's conformance test is
//
//	func TestConformance(t *testing.T) {
//		plugintest.TestProfiler(t, plugintest.ProfilerOptions{New: newPlugin, Build: "."})
//	}
//
// Each promise is a [Check] that returns an error, so that other programs can run them too. For tests of one's own,
// [StartModel] and [StartProfiler] serve a plugin in memory, [StartCommand] runs a program, and [Record] makes a
// recording: of requests as a server sees them, and of every kind of event and argument ([Recording.Extremes]).
package plugintest
