package httpapi

import "github.com/strobe-dev/strobe/sdk/trace"

var (
	instantPrompt     = trace.NameIn(trace.CategoryRequest, "prompt")
	argPrompt         = trace.Name("prompt")
	argNegativePrompt = trace.Name("negative_prompt")
)

// recordPrompts puts what a request asks for on its timeline, where configuration and profile allow it. At most a kilobyte
// of each text is kept.
func (s *Server) recordPrompts(t *requestTrace, g *generation) {
	profiles, ok := s.profiles.(interface{ WithPrompts(record func()) })
	if !ok {
		return
	}
	profiles.WithPrompts(func() {
		args := []trace.Arg{trace.String(argPrompt, g.Prompt)}
		if g.NegativePrompt != "" {
			args = append(args, trace.String(argNegativePrompt, g.NegativePrompt))
		}
		t.lane.Instant(instantPrompt, args...)
	})
}
