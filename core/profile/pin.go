package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Change is what a caller changes of a profile after its start. A nil field leaves what is there.
type Change struct {
	Label  *string // free text, at most 200 characters
	Pinned *bool   // a pinned profile is never removed by itself
}

// marksName is the file that holds what was changed. It is no part of the manifest: that belongs to whoever works on the
// profile, an export for example, and a change neither waits for that nor is lost by it.
const marksName = recordingName + "/marks.json"

// maxMarks bounds that file, bytes.
const maxMarks = 8 << 10

// marks is the file's content. What is in it wins over the manifest.
type marks struct {
	Label  string `json:"label"`
	Pinned bool   `json:"pinned"`
}

// Change changes a profile's label, or whether it is pinned, in any state of the profile. It is on disk when Change has
// returned. A pin beyond the bounds of what is kept is an error with [CodePinLimit]: pinned profiles are within the bounds,
// and there must be room for one that is not.
func (m *Manager) Change(id string, c Change) (View, error) {
	if c.Label != nil {
		if err := checkLabel(*c.Label); err != nil {
			return View{}, err
		}
	}
	m.marking.Lock()
	defer m.marking.Unlock()
	m.mu.Lock()
	p, ok := m.entries[id]
	if !ok {
		m.mu.Unlock()
		return View{}, notFound(id)
	}
	next := marks{Label: p.view.Label, Pinned: p.view.Pinned}
	if c.Label != nil {
		next.Label = *c.Label
	}
	if c.Pinned != nil {
		next.Pinned = *c.Pinned
	}
	var err error
	if next.Pinned && !p.view.Pinned {
		err = m.checkPin(p)
	}
	m.mu.Unlock()
	if err != nil {
		return View{}, err
	}
	if err := writeJSON(filepath.Join(p.dir, marksName), next); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // deleted, or its start failed, meanwhile
			return View{}, notFound(id)
		}
		return View{}, dirError("change profile "+id, err)
	}
	m.mu.Lock()
	p.view.mark(next)
	m.mu.Unlock()
	m.log.Info("profile", logID, id, "label", next.Label, "pinned", next.Pinned)
	return m.Get(id)
}

func (v *View) mark(n marks) { v.Label, v.Pinned = n.Label, n.Pinned }

// keepMarks takes over what was changed since v was copied from p. Called with the manager's mutex held.
func (v *View) keepMarks(p *entry) { v.Label, v.Pinned = p.view.Label, p.view.Pinned }

// checkPin tells whether one more profile can be pinned: those of triggers have a bound of their own. Called with mu held.
func (m *Manager) checkPin(p *entry) error {
	keep, name := m.o.Keep, "profile.keep"
	if p.view.triggered() {
		keep, name = m.keepTriggered(), "flight_recorder.keep"
	}
	pinned, bytes := 0, m.boundOf(p)
	for _, other := range m.entries {
		if other == p || !other.view.Pinned {
			continue
		}
		bytes += m.boundOf(other)
		if other.view.triggered() == p.view.triggered() {
			pinned++
		}
	}
	switch {
	case keep > 0 && pinned+1 >= keep:
		return &Error{Code: CodePinLimit, ID: p.id, Param: "pinned", Message: fmt.Sprintf(
			"%d profiles are pinned and %s is %d, of which one place stays free for the next profile: unpin one, or raise %s", pinned, name, keep, name)}
	case m.o.MaxTotalBytes > 0 && bytes+m.o.MaxBytes > m.o.MaxTotalBytes:
		return &Error{Code: CodePinLimit, ID: p.id, Param: "pinned", Message: fmt.Sprintf(
			"with this one, %d bytes would be pinned, and profile.max_total_bytes, %d, must leave room for one more profile of profile.max_bytes, %d: unpin one, or raise profile.max_total_bytes",
			bytes, m.o.MaxTotalBytes, m.o.MaxBytes)}
	}
	return nil
}

// boundOf is what a profile takes on disk, or may yet take. Called with mu held.
func (m *Manager) boundOf(p *entry) int64 {
	if p.view.State.Final() {
		return p.size
	}
	return max(p.size, m.o.MaxBytes)
}

// readMarks puts what was changed into v. A file that cannot be read is as none, and an error.
func readMarks(dir string, v *View) error {
	f, err := os.Open(filepath.Join(dir, marksName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what was changed of the profile: %w", err)
	}
	defer f.Close()
	n := marks{Label: v.Label, Pinned: v.Pinned}
	data, err := io.ReadAll(io.LimitReader(f, maxMarks))
	if err == nil {
		err = json.Unmarshal(data, &n)
	}
	if err == nil {
		err = checkLabel(n.Label)
	}
	if err != nil {
		return fmt.Errorf("read what was changed of the profile: %w", err)
	}
	v.mark(n)
	return nil
}

// checkLabel refuses labels that are no line of text.
func checkLabel(label string) error {
	switch {
	case utf8.RuneCountInString(label) > maxLabel:
		return invalid("label", "at most %d characters are kept", maxLabel)
	case !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl):
		return invalid("label", "it must be text without control characters")
	}
	return nil
}
