//go:build !windows

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/schema"
)

func newPluginDocsCommand(io stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "docs NAME|PROGRAM [ARGUMENT...]",
		Short: "Print a plugin's options, as it describes them itself",
		Long: `Start a plugin, ask what it is, and print its options as a table in Markdown: for its README.

NAME is a built-in plugin; PROGRAM is the path of any other.`,
		Args: namesPlugin,
		RunE: func(cmd *cobra.Command, args []string) error {
			command, err := pluginProgram(args)
			if err != nil {
				return err
			}
			d, err := catalog.Describe(cmd.Context(), newLogger(io, false), command...)
			if err != nil {
				return failed(err)
			}
			if asJSON {
				return json.NewEncoder(io.out).Encode(describe(d))
			}
			printDescription(io.out, d)
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

func printDescription(w io.Writer, d wire.Description) {
	fmt.Fprintf(w, "%s %s, a %s plugin: %s\n\n", d.Name, d.Version, d.Kind, d.Summary)
	if len(d.Config) == 0 {
		fmt.Fprintln(w, "It has no options.")
		return
	}
	fmt.Fprint(w, optionTable(d.Config))
}

// optionTable is Markdown: a row an option, those of a block after the block.
func optionTable(options []schema.Attribute) string {
	var b strings.Builder
	b.WriteString("| option | value | default | meaning |\n| --- | --- | --- | --- |\n")
	optionRows(&b, "", options)
	return b.String()
}

func optionRows(b *strings.Builder, prefix string, options []schema.Attribute) {
	for _, o := range options {
		doc := strings.NewReplacer("|", `\|`, "\n", " ").Replace(o.Doc)
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, o.Name, optionValue(o), optionDefault(o), doc)
		optionRows(b, prefix+o.Name+".", o.Fields)
	}
}

// optionValue says what may be written: "`fast` or `small`", "a whole number, 1 to 200".
func optionValue(o schema.Attribute) string {
	if len(o.Enum) > 0 {
		quoted := make([]string, len(o.Enum))
		for i, e := range o.Enum {
			quoted[i] = "`" + e + "`"
		}
		return strings.Join(quoted, ", ")
	}
	bound := func(v float64) string {
		if o.Type == schema.Duration {
			return time.Duration(v * float64(time.Second)).String()
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	text := o.Type.String()
	switch {
	case o.Min != nil && o.Max != nil:
		text += ", " + bound(*o.Min) + " to " + bound(*o.Max)
	case o.Min != nil:
		text += ", at least " + bound(*o.Min)
	case o.Max != nil:
		text += ", at most " + bound(*o.Max)
	}
	return text
}

func optionDefault(o schema.Attribute) string {
	switch {
	case o.Required:
		return "required"
	case !o.HasDefault:
		return ""
	case o.Type == schema.String || o.Type == schema.Duration:
		return "`" + strconv.Quote(o.Default) + "`"
	case o.Type == schema.List:
		return "`[" + quotedList(o.Default) + "]`"
	}
	return "`" + o.Default + "`"
}

// quotedList is a list's default as it would be written: its elements stand there with commas between.
func quotedList(elements string) string {
	var quoted []string
	for e := range strings.SplitSeq(elements, ",") {
		if e != "" {
			quoted = append(quoted, strconv.Quote(e))
		}
	}
	return strings.Join(quoted, ", ")
}
