package profile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query says which profiles a list has. The zero value takes all.
type Query struct {
	States   []State // any of these; empty: all
	Label    string  // a part of the label, whatever its capitals; empty: all
	Model    string  // the served model's name; empty: all
	Profiler string  // one that the profile was exported with; empty: all
	Trigger  *string // what made it, "" for those that a caller started; nil: all
	Pinned   *bool   // nil: all
	// Since and Until bound the start: at or after Since, before Until. Zero: no bound.
	Since, Until time.Time

	Limit int    // at most so many; 0: all
	After string // the Next of the list before; empty: from the newest
}

// Page is a part of the list, the newest profile first.
type Page struct {
	Profiles []View
	Next     string // for the Query after this one; empty: there are no more
}

// ListPage is the profiles that match, the newest first. Pages that follow one another have each profile once, even if
// others come and go meanwhile. A cursor that is none is an error with [CodeInvalid].
func (m *Manager) ListPage(q Query) (Page, error) {
	from, err := parseCursor(q.After)
	if err != nil {
		return Page{}, err
	}
	q.Label = strings.ToLower(q.Label)
	m.mu.Lock()
	var found []*entry
	for _, p := range m.entries {
		if q.matches(&p.view) && (q.After == "" || from.compare(cursorOf(p)) < 0) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *entry) int { return cursorOf(a).compare(cursorOf(b)) })
	page := Page{Profiles: []View{}}
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
		page.Next = cursorOf(found[q.Limit-1]).String()
	}
	active := -1
	for i, p := range found {
		page.Profiles = append(page.Profiles, m.look(p))
		if p == m.active {
			active = i
		}
	}
	m.mu.Unlock()
	if active >= 0 {
		found[active].live.fill(&page.Profiles[active])
	}
	return page, nil
}

func (q *Query) matches(v *View) bool {
	switch {
	case len(q.States) > 0 && !slices.Contains(q.States, v.State),
		q.Label != "" && !strings.Contains(strings.ToLower(v.Label), q.Label),
		q.Model != "" && v.Model != q.Model,
		q.Profiler != "" && !slices.Contains(v.Profilers, q.Profiler),
		q.Trigger != nil && v.Trigger != *q.Trigger,
		q.Pinned != nil && v.Pinned != *q.Pinned,
		!q.Since.IsZero() && v.StartedAt.Before(q.Since),
		!q.Until.IsZero() && !v.StartedAt.Before(q.Until):
		return false
	}
	return true
}

// ParseState reads a state's name.
func ParseState(name string) (State, bool) {
	s := State(name)
	return s, s.known()
}

// cursor is a place in the list: that of a profile, which need not be there any more.
type cursor struct {
	started int64 // nanoseconds since 1970
	id      string
}

func cursorOf(p *entry) cursor { return cursor{p.view.StartedAt.UnixNano(), p.id} }

// compare orders the newest first.
func (c cursor) compare(o cursor) int {
	return cmp.Or(cmp.Compare(o.started, c.started), cmp.Compare(o.id, c.id))
}

func (c cursor) String() string { return strconv.FormatInt(c.started, 36) + "." + c.id }

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	started, id, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(started, 36, 64)
	if !ok || err != nil || !idPattern.MatchString(id) {
		return cursor{}, invalid("after", "it is not the next of a list: leave it out to begin with the newest profile")
	}
	return cursor{n, id}, nil
}
