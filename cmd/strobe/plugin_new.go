//go:build !windows

package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/scaffold"
)

func newPluginNewCommand(io stdio) *cobra.Command {
	var o scaffold.Options
	cmd := &cobra.Command{
		Use:   "new profiler|model NAME",
		Short: "Write a new plugin: a module that compiles and passes its tests",
		Long: `Write a complete Go module into a new folder: a plugin that does something useful, its conformance test, a README and
the block for plugins.hcl. Change it from there; sdk/GUIDE.md leads from here to a released plugin.

  strobe plugin new profiler slowest --sdk ../strobe
  cd slowest && go test . && go build .`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("give a kind and a name: strobe plugin new profiler mine")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o.Kind, o.Name = args[0], args[1]
			if b := builtins(); slices.ContainsFunc(b, func(b builtin) bool { return b.name == o.Name }) {
				return &exitError{code: 2, err: fmt.Errorf("name: %q is a built-in plugin's; take another", o.Name)}
			}
			if o.SDK == "" {
				o.Version = releasedVersion()
			}
			dir, files, err := scaffold.Write(o)
			var bad *scaffold.OptionError
			if errors.As(err, &bad) {
				return &exitError{code: 2, err: err}
			}
			if err != nil {
				return &exitError{code: 1, err: err}
			}
			for _, f := range files {
				fmt.Fprintln(io.out, f)
			}
			fmt.Fprintf(io.out, "\nNext: cd %s && go test . && go build .\nThe block for plugins.hcl is in README.md.\n", dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "", "`folder` to make (default: NAME)")
	cmd.Flags().StringVar(&o.Module, "module", "", "module `path` (default: example.org/NAME)")
	cmd.Flags().StringVar(&o.SDK, "sdk", "", "`folder` of a checkout of Strobe to build against, instead of a released version")
	return cmd
}

// releasedVersion is the version of this program when it was built from a release; empty for a build from a checkout.
func releasedVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" || info.Main.Sum == "" {
		return ""
	}
	return info.Main.Version
}
