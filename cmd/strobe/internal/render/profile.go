package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// Title says which profile it is and how it stands.
func Title(p *client.Profile) string {
	text := fmt.Sprintf("profile %s: %s", line(p.ID), line(p.State))
	if p.EndedBy != "" && p.EndedBy != "stop" {
		text += ", ended by " + line(p.EndedBy)
	}
	text += "\n"
	if p.Label != "" {
		text += Wrap("label: ", p.Label)
	}
	if p.Pinned {
		text += "pinned\n"
	}
	return text
}

// Head is the title with what was recorded so far. Events are counted when the recording ends.
func Head(p *client.Profile) string {
	text := Title(p) + Count(p.Requests, "request")
	if p.Events > 0 {
		text += ", " + Count(p.Events, "event")
	}
	return text + " in " + Seconds(p.DurationS) + "\n"
}

// Findings are the warnings and the errors, a line or more each.
func Findings(p *client.Profile) string {
	var b strings.Builder
	if p.Filtered > 0 {
		b.WriteString(Wrap("note: ", fmt.Sprintf("%d recorded events are not in the files: the profile's options leave them out", p.Filtered)))
	}
	for _, w := range p.Warnings {
		b.WriteString(Wrap("warning: ", w))
	}
	said := false
	for _, x := range p.Processes {
		if x.Error != "" {
			b.WriteString(Wrap("error: ", x.Process+": "+x.Error))
			said = true
		}
	}
	for _, x := range p.Exports {
		if x.Error != "" {
			text := x.Error
			if !strings.HasPrefix(text, "profiler(") { // else it names the profiler itself
				text = x.Profiler + ": " + text
			}
			b.WriteString(Wrap("error: ", text))
			said = true
		}
	}
	if p.Error != "" && !said { // else it repeats the errors of its parts
		b.WriteString(Wrap("error: ", p.Error))
	}
	return b.String()
}

// Losses says how many events are missing, and why. The summary table says it too.
func Losses(l client.Losses) string {
	if l.Total == 0 && len(l.ByReason) == 0 {
		return "losses: none\n"
	}
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(l.ByReason)) {
		reasons = append(reasons, fmt.Sprintf("%s %d", line(reason), l.ByReason[reason]))
	}
	text := Count(l.Total, "event")
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, ", ") + ")"
	}
	return Wrap("losses: ", text)
}

// Artifacts lists the files with their sizes, says where they are, and how to get at them.
func Artifacts(p *client.Profile) string {
	if len(p.Artifacts) == 0 {
		return "artifacts: none\n"
	}
	var b strings.Builder
	if p.Dir != "" {
		fmt.Fprintf(&b, "artifacts, in the folder\n  %s\n", line(p.Dir)) // however long: it is there to be pasted
	} else {
		fmt.Fprintf(&b, "artifacts, in the folder %s of the server's profile.dir:\n", line(p.ID))
	}
	width := 0
	for _, a := range p.Artifacts {
		width = max(width, len(line(a.Name)))
	}
	for _, a := range p.Artifacts {
		fmt.Fprintf(&b, "  %-*s  %10s", min(width, Width-14), line(a.Name), Bytes(a.Bytes))
		if a.Dropped > 0 {
			fmt.Fprintf(&b, "\n    left out of it, to stay within profile.max_bytes: %s", Count(a.Dropped, "event"))
		}
		b.WriteByte('\n')
		if a.Description != "" {
			b.WriteString(Wrap("    ", a.Description))
		}
	}
	fmt.Fprintf(&b, "open:     strobe profile open %s\n", line(p.ID))
	fmt.Fprintf(&b, "download: strobe profile download %s\n", line(p.ID))
	return b.String()
}

// Again says how to repeat the exports that failed: the recording is kept, so nothing is lost.
func Again(p *client.Profile) string {
	var b strings.Builder
	for _, x := range p.Exports {
		if x.Error != "" {
			fmt.Fprintf(&b, "again:    strobe profile export %s --profiler %s\n", line(p.ID), line(x.Profiler))
		}
	}
	return b.String()
}

// Processes is a table of the processes that recorded.
func Processes(p *client.Profile) string {
	if len(p.Processes) == 0 {
		return ""
	}
	width := len("PROCESS")
	for _, x := range p.Processes {
		width = max(width, len(line(x.Process)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s  %8s  %9s  %10s  %9s\n", width, "PROCESS", "PID", "EVENTS", "RECORDED", "LOST")
	for _, x := range p.Processes {
		fmt.Fprintf(&b, "%-*s  %8d  %9d  %10s  %9d\n", width, line(x.Process), x.PID, x.Events, Bytes(x.Bytes), x.Losses.Total)
	}
	return b.String()
}

// Progress is a line with a profile's figures at a moment.
func Progress(p client.Progress) string {
	text := fmt.Sprintf("%-9s %8s  %s, %s, %s", line(p.State), Seconds(p.DurationS), Count(p.Requests, "request"), Count(p.Events, "event"), Bytes(p.Bytes))
	if p.Losses.Total > 0 {
		text += fmt.Sprintf(", %d lost", p.Losses.Total)
	}
	if p.EndedBy != "" && p.EndedBy != "stop" {
		text += ", ended by " + line(p.EndedBy)
	}
	return text + "\n"
}

// Exports is a line for each profiler.
func Exports(p *client.Profile) string {
	var b strings.Builder
	for _, x := range p.Exports {
		fmt.Fprintf(&b, "profiler %s: %s, %.2f s after the recording ended\n", line(x.Profiler), line(x.State), x.Seconds)
	}
	return b.String()
}

// List is a table of profiles, one a line; those that are pinned have a star before their label.
func List(profiles []client.Profile) string {
	if len(profiles) == 0 {
		return "no profiles\n"
	}
	const format = "%-22s %-9s %8s %6s %9s %9s %s"
	row := func(b *strings.Builder, cells ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf(format, cells...), " ") + "\n")
	}
	var b strings.Builder
	row(&b, "ID", "STATE", "LENGTH", "REQS", "EVENTS", "ON DISK", "LABEL")
	for _, p := range profiles {
		label := line(p.Label)
		if p.Pinned {
			label = strings.TrimRight("* "+label, " ")
		}
		row(&b, line(p.ID), line(p.State), Seconds(p.DurationS), fmt.Sprint(p.Requests), fmt.Sprint(p.Events),
			Bytes(p.Bytes), cut(label, 11))
	}
	return b.String()
}
