package trace

import (
	"sync"
	"sync/atomic"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// names is the process's name table. A name lives as long as the process, as segments refer to it by its id.
var names = nameTable{ids: map[nameKey]NameID{}, metas: map[*meta]struct{}{}}

type nameKey struct {
	category Category
	text     string
}

// nameTable interns names and tells every active segment about new ones.
type nameTable struct {
	mu    sync.RWMutex
	ids   map[nameKey]NameID
	list  []nameKey // id-1 is the index
	metas map[*meta]struct{}
	lost  atomic.Uint64
}

// intern is for the public functions. A new name is in every active segment before it returns.
func intern(c Category, text string) NameID {
	if text == "" && c == CategoryNone {
		return 0
	}
	return names.intern(nameKey{c, text})
}

func (n *nameTable) intern(k nameKey) NameID {
	cut := len(k.text) > segment.MaxName
	if cut {
		k.text = segment.Cut(k.text, segment.MaxName)
	}
	n.mu.RLock()
	id, ok := n.ids[k]
	n.mu.RUnlock()
	if ok {
		return id
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if id, ok = n.ids[k]; ok {
		return id
	}
	if cut {
		n.lost.Add(1)
	}
	if len(n.list) >= segment.MaxNames-1 {
		n.lost.Add(1)
		k = nameKey{CategoryNone, "(name table full)"}
		if id, ok = n.ids[k]; ok {
			return id
		}
	}
	// The caller's string may be a part of something large.
	k.text = string(append([]byte(nil), k.text...))
	n.list = append(n.list, k)
	id = NameID(len(n.list))
	n.ids[k] = id
	for m := range n.metas {
		m.define(n.list)
	}
	return id
}

// enter makes m follow the table; all names known so far are written first.
func (n *nameTable) enter(m *meta) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m.define(n.list)
	n.metas[m] = struct{}{}
}

func (n *nameTable) leave(m *meta) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.metas, m)
}

// retry writes definitions for which there was no room.
func (n *nameTable) retry(m *meta) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	m.define(n.list)
}

func (n *nameTable) text(id NameID) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if id == 0 || int(id) > len(n.list) {
		return ""
	}
	return n.list[id-1].text
}

func (n *nameTable) len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.list)
}
