package profile

import (
	"fmt"
	"os"
	"path/filepath"
)

// deletedPrefix marks a profile's directory that is being removed; New removes what is left of them.
const deletedPrefix = ".deleted-"

// Delete removes a profile that has ended, with all its files.
func (m *Manager) Delete(id string) error {
	m.mu.Lock()
	p, ok := m.entries[id]
	if !ok {
		m.mu.Unlock()
		return notFound(id)
	}
	if state := p.view.State; !state.Final() {
		m.mu.Unlock()
		what := "stop it before it is deleted"
		if state == StateExporting {
			what = "wait for its end before it is deleted"
		}
		return &Error{Code: CodeActive, ID: id, Message: fmt.Sprintf("profile %s is %s; %s", id, state, what)}
	}
	m.forget(p)
	m.mu.Unlock()
	if err := remove(p); err != nil {
		return dirError("delete profile "+id, err)
	}
	m.log.Info("profile", logID, id, logState, "deleted")
	return nil
}

// forget takes an ended profile out of the lists. Called with mu held.
func (m *Manager) forget(p *entry) {
	delete(m.entries, p.id)
	if m.uncollected == p {
		m.uncollected = nil
	}
}

// remove takes a profile's directory out of sight in one step, then its files.
func remove(p *entry) error {
	hidden := filepath.Join(filepath.Dir(p.dir), deletedPrefix+p.id)
	if err := os.Rename(p.dir, hidden); os.IsNotExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	if os.RemoveAll(hidden) == nil {
		return nil
	}
	return os.RemoveAll(hidden) // a file may have been made meanwhile by who had found the folder under its name; nobody does now
}
