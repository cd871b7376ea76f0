package coretest

import (
	"context"
	"os"
)

// StartCPUProfile remembers where the profile goes.
func (r *Rank) StartCPUProfile(_ context.Context, path string, _ int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.NoCPU != nil {
		return r.NoCPU
	}
	r.cpu = path
	return nil
}

// StopCPUProfile writes a file that says whose it is.
func (r *Rank) StopCPUProfile(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := r.cpu
	r.cpu = ""
	if r.FailCPU != nil {
		return r.FailCPU
	}
	return os.WriteFile(path, []byte(r.Label()), 0o600)
}
