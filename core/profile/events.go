package profile

// Ended gives a channel that is closed when the profile has ended, for who watches it: at once when it has already. A later
// export makes it live again, with another channel.
func (m *Manager) Ended(id string) (<-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.entries[id]
	if !ok {
		return nil, notFound(id)
	}
	return p.done, nil
}

// ended is the channel of a profile that is closed at its end. What is done of an entry belongs to m.mu, as exporting it again
// puts another in its place.
func (m *Manager) ended(p *entry) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.done
}
