package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// How often what is kept is looked at beside the ends of profiles: for its age, and for the room that is left on disk.
const (
	ageEvery  = time.Minute
	freeEvery = 5 * time.Second
)

// removal is a profile that goes, and why.
type removal struct {
	p   *entry
	why []any // attributes of the log line
}

// retain removes what is kept beyond the bounds, and forgets what is there no more.
func (m *Manager) retain() {
	m.forgetGone()
	free, known := m.free()
	m.mu.Lock()
	victims := m.surplus(time.Now(), free, known)
	m.mu.Unlock()
	m.removeAll(victims)
}

// forgetGone takes profiles out of the lists whose folder is gone: a person removed it, or another server that shares the
// profile directory. Nothing of them can be shown, downloaded or exported.
func (m *Manager) forgetGone() {
	m.mu.Lock()
	ended := m.endedEntries()
	m.mu.Unlock()
	for _, p := range ended {
		if _, err := os.Lstat(p.dir); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		m.mu.Lock()
		ours := m.entries[p.id] == p && p.view.State.Final() // nobody deletes it here, or exports it
		if ours {
			m.forget(p)
		}
		m.mu.Unlock()
		if ours {
			m.log.Info("profile", logID, p.id, logState, "removed", "why", "its folder is gone; this server did not remove it")
		}
	}
}

// endedEntries are the profiles that nothing works on. Called with mu held.
func (m *Manager) endedEntries() []*entry {
	var ended []*entry
	for _, p := range m.entries {
		if p != m.active && p.view.State.Final() {
			ended = append(ended, p)
		}
	}
	return ended
}

// free is how many bytes a profile could still write; known is false where nobody asks and where the system does not say.
func (m *Manager) free() (bytes int64, known bool) {
	if m.o.MinFreeBytes <= 0 {
		return 0, false
	}
	bytes, err := m.o.FreeBytes(m.dir)
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(m.dir, 0o700) == nil { // somebody tidied up
		m.log.Warn("the profile directory was gone and is made anew")
		bytes, err = m.o.FreeBytes(m.dir)
	}
	if err != nil {
		m.log.Warn("ask how much room is left for profiles", logError, err)
	}
	return bytes, err == nil
}

// freeBytes is what the file system of dir has left for this user.
func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("look at the file system of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil // the fields' types differ between systems
}

// surplus takes the profiles that are beyond the bounds out of the lists and gives them, to be removed: what is too old,
// then the oldest, until the bounds hold. Those that have not ended and those that are pinned stay, and, unless it is too
// old, the newest, which somebody has just made. Called with mu held.
func (m *Manager) surplus(now time.Time, free int64, freeKnown bool) []removal {
	var victims []removal
	take := func(p *entry, why string, attrs ...any) {
		m.forget(p)
		free += p.size
		victims = append(victims, removal{p, append([]any{"why", why}, attrs...)})
	}
	var kept, triggered int // each has its own bound: what triggers make pushes nothing out that somebody asked for
	total := int64(0)
	var ended []View
	for _, p := range m.entries {
		if p == m.active {
			continue
		}
		if m.tooOld(p, now) {
			take(p, "older than profile.max_age", "max_age", m.o.MaxAge)
			continue
		}
		if p.view.triggered() {
			triggered++
		} else {
			kept++
		}
		total += p.size
		if p.view.State.Final() {
			ended = append(ended, p.view)
		}
	}
	newestFirst(ended)
	for i := len(ended) - 1; i > 0; i-- { // the newest stays
		p := m.entries[ended[i].ID]
		if p.view.Pinned {
			continue
		}
		switch {
		case p.view.triggered() && triggered > m.keepTriggered():
			take(p, "more profiles of triggers than flight_recorder.keep", "keep", m.keepTriggered())
		case !p.view.triggered() && m.o.Keep > 0 && kept > m.o.Keep:
			take(p, "more profiles than profile.keep", "keep", m.o.Keep)
		case m.o.MaxTotalBytes > 0 && total > m.o.MaxTotalBytes:
			take(p, "more bytes than profile.max_total_bytes", "total_bytes", total, "max_total_bytes", m.o.MaxTotalBytes)
		case freeKnown && free < m.o.MinFreeBytes:
			take(p, "less room on disk than profile.min_free_bytes", "free_bytes", free, "min_free_bytes", m.o.MinFreeBytes)
		default:
			continue
		}
		if p.view.triggered() {
			triggered--
		} else {
			kept--
		}
		total -= p.size
	}
	m.reportOver(kept, total)
	return victims
}

func (m *Manager) tooOld(p *entry, now time.Time) bool {
	v := &p.view
	if m.o.MaxAge <= 0 || v.Pinned || !v.State.Final() {
		return false
	}
	end := v.StartedAt
	if v.StoppedAt != nil {
		end = *v.StoppedAt
	}
	return now.Sub(end) > m.o.MaxAge
}

// reportOver says when what cannot be removed is beyond the bounds, once until that changes. Called with mu held.
func (m *Manager) reportOver(kept int, total int64) {
	over := m.o.Keep > 0 && kept > m.o.Keep || m.o.MaxTotalBytes > 0 && total > m.o.MaxTotalBytes
	if over && !m.over {
		pinned := 0
		for _, p := range m.entries {
			if p.view.Pinned {
				pinned++
			}
		}
		m.log.Warn("more profiles are kept than the bounds allow, and none can be removed: unpin or delete some",
			"kept", kept, "pinned", pinned, "keep", m.o.Keep, "total_bytes", total, "max_total_bytes", m.o.MaxTotalBytes)
	}
	m.over = over
}

// removeAll removes the files of profiles that are out of the lists.
func (m *Manager) removeAll(victims []removal) {
	for _, r := range victims {
		if err := remove(r.p); err != nil {
			m.log.Warn("remove an old profile", logID, r.p.id, logError, err)
			continue
		}
		m.log.Info("profile", append([]any{logID, r.p.id, logState, "removed"}, r.why...)...)
	}
}

// makeRoom removes old profiles until there is room on disk for another, or says that there is none.
func (m *Manager) makeRoom() error {
	free, known := m.free()
	if !known || free >= m.o.MinFreeBytes {
		return nil
	}
	m.retain()
	if free, known = m.free(); !known || free >= m.o.MinFreeBytes {
		return nil
	}
	return &Error{Code: CodeDiskFull, Param: "profile.min_free_bytes", Message: fmt.Sprintf(
		"%d bytes are free where profiles are kept, less than profile.min_free_bytes, %d, and no old profile can be removed: delete profiles or other files, or unpin some", free, m.o.MinFreeBytes)}
}

// watchRetention looks at what is kept until the manager is closed. The active profile ends when the disk has no room for
// it any more: then what it has is whole.
func (m *Manager) watchRetention() {
	every := ageEvery
	if m.o.MinFreeBytes > 0 {
		every = freeEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-m.closing.Done():
			return
		case <-tick.C:
		}
		m.retain()
		if free, known := m.free(); known && free < m.o.MinFreeBytes {
			if p := m.current.Load(); p != nil {
				m.log.Warn("end a profile: the disk is nearly full", logID, p.id, "free_bytes", free, "min_free_bytes", m.o.MinFreeBytes)
				m.end(p, EndedByMinFree)
			}
		}
	}
}

// diskUse is what a profile's directory holds, bytes. What cannot be looked at is not counted.
func diskUse(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
