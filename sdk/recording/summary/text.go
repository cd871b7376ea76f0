package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultWidth is that of a terminal nobody has widened.
const DefaultWidth = 80

// columns of a row, right of its name.
var columns = []struct {
	title string
	width int
}{{"count", 7}, {"total", 9}, {"mean", 9}, {"p99", 9}, {"share", 8}, {"GFLOP/s", 8}}

// maxShown is how many rows of a section are shown.
const maxShown = 32

// minName is the least room for a name; a narrower width than fits is exceeded rather than obeyed.
const minName = 16

// Text is the table as text, at most width characters a line (66 at least; 0 is [DefaultWidth]). It ends with a newline.
func (t Table) Text(width int) string {
	if width <= 0 {
		width = DefaultWidth
	}
	w := &writer{name: max(width-rightWidth(), minName)}
	w.head(t)
	for _, s := range t.Sections {
		w.section(s, t.Processes)
	}
	w.foot(t)
	return w.String()
}

func rightWidth() int {
	n := 0
	for _, c := range columns {
		n += c.width
	}
	return n
}

type writer struct {
	strings.Builder
	name int // width of the first column
}

func (w *writer) width() int { return w.name + rightWidth() }

// line writes text, cut to the width.
func (w *writer) line(format string, args ...any) {
	w.WriteString(strings.TrimRight(cut(fmt.Sprintf(format, args...), w.width()), " ") + "\n")
}

func (w *writer) head(t Table) {
	text := plural(t.Requests, "request") + ", " + plural(t.Events, "event")
	if t.WallSeconds > 0 { // else there was no span, and nothing says how long it was
		text += " in " + duration(t.WallSeconds)
	}
	w.line("%s", text)
	if t.Slowest != nil {
		id := printable(t.Slowest.ID)
		if id == "" {
			id = "without an id"
		}
		w.line("slowest request: %s, %s", id, duration(t.Slowest.Seconds))
	}
}

func (w *writer) section(s Section, processes []Section) {
	w.WriteByte('\n')
	title := s.title()
	if s.Kind == "profiler" && len(s.Rows) == 0 { // it measured by counters, which have no rows
		w.line("%s: %s", title, plural(s.Events, "event"))
		return
	}
	if utf8.RuneCountInString(title) >= w.name {
		w.line("%s", title)
		title = ""
	}
	w.row(title, func(i int) string { return columns[i].title })
	for _, r := range s.shown() {
		name := r.Name
		if r.Kind == "device" {
			name = shortName(name)
		}
		w.row(strings.Repeat(" ", 2+min(r.Depth, 6))+printable(name), r.cell)
	}
	switch more := len(s.Rows) - maxShown; {
	case len(s.Rows) == 0:
		w.line("  no spans")
	case more > 0:
		w.line("  and %s, in the summary's JSON", plural(uint64(more), "more row"))
	}
	w.device(s.Device)
	if s.Ranks < 2 {
		return
	}
	for _, p := range processes {
		if p.Kind == s.Kind && p.Stage == s.Stage && p.Rank != nil && len(p.Rows) > 0 {
			w.row(fmt.Sprintf("  rank %d, pid %d", *p.Rank, p.PID), outermost(p.Rows).cell)
		}
	}
}

// outermost is the row that encloses the others: the least deep, of those the one with the largest total. Nothing of a device
// encloses anything, and comes last.
func outermost(rows []Row) Row {
	best := rows[0]
	for _, r := range rows[1:] {
		if r.Kind == "device" || r.Kind == "runtime" {
			continue
		}
		if r.Depth < best.Depth || (r.Depth == best.Depth && r.TotalSeconds > best.TotalSeconds) {
			best = r
		}
	}
	return best
}

func (w *writer) row(name string, cell func(i int) string) {
	var b strings.Builder
	b.WriteString(pad(cut(name, w.name-1), w.name))
	for i, c := range columns {
		text := cell(i)
		b.WriteString(strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(text))) + text)
	}
	w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
}

func (r Row) cell(i int) string {
	switch columns[i].title {
	case "count":
		return number(r.Count)
	case "total":
		return duration(r.TotalSeconds)
	case "mean":
		return duration(r.MeanSeconds)
	case "p99":
		return duration(r.P99Seconds)
	case "share":
		return percent(r.Share)
	}
	if r.GFLOPS == nil {
		return ""
	}
	return digits(*r.GFLOPS)
}

func (s Section) title() string {
	var title string
	switch s.Kind {
	case "stage":
		title = fmt.Sprintf("stage %d %s", s.Stage, printable(s.StageName))
		if s.Plugin != s.StageName && s.Plugin != "" {
			title += " (" + printable(s.Plugin) + ")"
		}
	case "profiler":
		title = "profiler " + printable(s.Plugin)
	default:
		title = s.Kind
	}
	if s.Ranks > 1 {
		title += fmt.Sprintf(", %d ranks", s.Ranks)
	}
	if s.Synthetic {
		title += ", synthetic"
	}
	return title
}

func (w *writer) foot(t Table) {
	w.WriteByte('\n')
	switch l := t.Losses; {
	case l.Total == 0 && len(l.ByReason) == 0:
		w.line("losses: none")
	default:
		var reasons []string
		for _, reason := range slices.Sorted(maps.Keys(l.ByReason)) {
			reasons = append(reasons, fmt.Sprintf("%s %d", printable(reason), l.ByReason[reason]))
		}
		w.line("losses: %s (%s)", plural(l.Total, "event"), strings.Join(reasons, ", "))
	}
	if c := t.Cost; c != nil {
		w.line("recording cost: %s of a core (%s an event)", smallPercent(c.CoreShare), duration(c.NsPerEvent/1e9))
	}
	if t.Open > 0 {
		w.line("still open at the end: %s, in no row", plural(t.Open, "span"))
	}
}

func plural(n uint64, what string) string {
	if n != 1 {
		what += "s"
	}
	return number(n) + " " + what
}

// pad fills text up to width.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// cut shortens text to width from its middle, so that the ends of names stay readable.
func cut(s string, width int) string {
	runes := []rune(s)
	if len(runes) <= width {
		return s
	}
	left := (width - 1) * 2 / 3
	return string(runes[:left]) + "…" + string(runes[len(runes)-(width-1-left):])
}

// printable keeps a recording from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
