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

// surplus takes the oldest ended profiles beyond Keep out of the lists and gives them, to be removed. Called with mu held.
func (m *Manager) surplus() []*entry {
	if m.o.Keep <= 0 {
		return nil
	}
	var ended []View
	for _, p := range m.entries {
		if p.view.State.Final() {
			ended = append(ended, p.view)
		}
	}
	newestFirst(ended)
	var victims []*entry
	for _, v := range ended[min(m.o.Keep, len(ended)):] {
		p := m.entries[v.ID]
		m.forget(p)
		victims = append(victims, p)
	}
	return victims
}

// removeAll removes the files of profiles that were one too many.
func (m *Manager) removeAll(victims []*entry) {
	for _, p := range victims {
		if err := remove(p); err != nil {
			m.log.Warn("remove an old profile", logID, p.id, logError, err)
			continue
		}
		m.log.Info("profile", logID, p.id, logState, "removed", "why", "more profiles than profile.keep", "keep", m.o.Keep)
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
	return os.RemoveAll(hidden)
}
