package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// Head says in one or two lines which profile it is and how it stands.
func Head(p *client.Profile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "profile %s: %s", line(p.ID), line(p.State))
	if p.EndedBy != "" && p.EndedBy != "stop" {
		fmt.Fprintf(&b, ", ended by %s", line(p.EndedBy))
	}
	fmt.Fprintf(&b, ", %s, %s, %s", Seconds(p.DurationS), Count(p.Requests, "request"), Count(p.Events, "event"))
	b.WriteByte('\n')
	if p.Label != "" {
		b.WriteString(Wrap("label: ", p.Label))
	}
	return b.String()
}

// Findings are the losses, the warnings and the errors. A profile without any says so of the losses only.
func Findings(p *client.Profile) string {
	var b strings.Builder
	b.WriteString(losses(p.Losses))
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
			b.WriteString(Wrap("error: ", x.Profiler+": "+x.Error))
			said = true
		}
	}
	if p.Error != "" && !said { // else it repeats the errors of its parts
		b.WriteString(Wrap("error: ", p.Error))
	}
	return b.String()
}

func losses(l client.Losses) string {
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
	fmt.Fprintf(&b, "artifacts, in the folder %s of the server's profile.dir:\n", line(p.ID))
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
	}
	fmt.Fprintf(&b, "open:     strobe profile open %s\n", line(p.ID))
	fmt.Fprintf(&b, "download: strobe profile download %s\n", line(p.ID))
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

// Exports is a line for each profiler.
func Exports(p *client.Profile) string {
	var b strings.Builder
	for _, x := range p.Exports {
		fmt.Fprintf(&b, "profiler %s: %s, %.2f s after the recording ended\n", line(x.Profiler), line(x.State), x.Seconds)
	}
	return b.String()
}

// List is a table of profiles, one a line.
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
		row(&b, line(p.ID), line(p.State), Seconds(p.DurationS), fmt.Sprint(p.Requests), fmt.Sprint(p.Events),
			Bytes(p.Bytes), cut(line(p.Label), 11))
	}
	return b.String()
}
