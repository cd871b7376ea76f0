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
