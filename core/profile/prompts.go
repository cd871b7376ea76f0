package profile

import "sync"

// prompts guards what people wrote: it is recorded only while a profile is that may hold it.
type prompts struct {
	mu     sync.RWMutex
	wanted bool
}

func (p *prompts) set(wanted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = wanted
}

// WithPrompts calls record while a profile records that the configuration and its caller allow prompts in, and else not.
// What record puts on a track goes into that profile alone: its recording does not end before record has returned.
func (m *Manager) WithPrompts(record func()) {
	m.prompts.mu.RLock()
	defer m.prompts.mu.RUnlock()
	if m.prompts.wanted {
		record()
	}
}
