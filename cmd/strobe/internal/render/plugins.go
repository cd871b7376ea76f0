package render

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// Plugins is a table of plugins, with what does not fit into a column on lines below its row.
func Plugins(plugins []client.Plugin) string {
	var rows strings.Builder
	w := tabwriter.NewWriter(&rows, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tVERSION\tAPI\tSTATE\tCHECKSUM\tSTAGE")
	for _, p := range plugins {
		stage := "-"
		if p.Rank != nil {
			stage = fmt.Sprintf("%s rank %d", p.Stage, *p.Rank)
		}
		api := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.APIVersions)), ","), "[]")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cut(line(p.Name), 20), p.Kind, cut(line(p.Version), 12), api, p.State, p.Checksum, cut(line(stage), 24))
	}
	w.Flush()
	lines := strings.SplitAfter(rows.String(), "\n")
	var b strings.Builder
	b.WriteString(lines[0])
	for i, p := range plugins {
		b.WriteString(lines[1+i])
		b.WriteString(Wrap("  ", below(p)))
		if p.LastError != "" {
			b.WriteString(Wrap("  ", lastError(p)))
		}
	}
	return b.String()
}

// below is what stands under a plugin's row: where it comes from and what it can do.
func below(p client.Plugin) string {
	text := p.Origin
	if len(p.Capabilities) > 0 {
		text += "; " + strings.Join(p.Capabilities, ", ")
	}
	if p.Restarts > 0 {
		text += "; started again " + times(p.Restarts)
	}
	return text
}

func lastError(p client.Plugin) string {
	text := "last error"
	if p.LastErrorAt != nil {
		text += " at " + p.LastErrorAt.Local().Format(time.DateTime)
	}
	return text + ": " + p.LastError
}

// times is how often, in words.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
