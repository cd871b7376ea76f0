package catalog

import (
	"os"
	"time"

	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/internal/wire"
)

// profilerNice is the scheduling priority of profiler processes: exporting must not slow serving.
const profilerNice = 10

// offlineFinish bounds an export that runs when nothing else wants the processor, which on a busy machine is seldom.
const offlineFinish = time.Hour

// source is where a plugin comes from.
type source struct {
	kind     string
	command  []string
	sha256   string
	external *config.Plugin // nil for a built-in
	env      []string       // see Builtin.Env
}

// origin is shown to users.
func (s source) origin() string {
	if s.external == nil {
		return "built in"
	}
	return s.command[0]
}

// checksum says what is known about the program's integrity once it was launched.
func (s source) checksum() string {
	switch {
	case s.external == nil:
		return "built in"
	case s.sha256 == "":
		return "not pinned"
	}
	return "verified"
}

// spec is what to launch. Built-in and external plugins differ in the command only.
func (u unit) spec(o Options) wire.Spec {
	s := wire.Spec{Kind: u.source.kind, Name: u.name, Command: u.source.command, SHA256: u.source.sha256, Log: o.Log, Timeouts: o.Timeouts}
	for _, name := range u.source.env {
		if v, ok := os.LookupEnv(name); ok {
			s.Env = append(s.Env, name+"="+v)
		}
	}
	s.MaxMemory = u.memory
	s.Timeouts.Progress = u.progress
	if u.finish > 0 && s.Timeouts.Finish == 0 {
		s.Timeouts.Finish = u.finish
	}
	if u.rank != nil {
		s.Log = s.Log.With("stage", u.rank.StageName, "rank", u.rank.Rank)
	} else {
		s.Nice = profilerNice
	}
	if u.offline {
		s.Background = true
		s.Timeouts.Finish = max(s.Timeouts.Finish, offlineFinish)
	}
	return s
}
