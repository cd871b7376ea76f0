//go:build !windows

// Command strobe serves diffusion models out of plugins and profiles them while they serve.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/internal/words"
)

func main() {
	os.Exit(run(os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// run is the whole program: it returns the exit status instead of exiting.
func run(args []string, io stdio) int {
	if status, served := servePlugin(args, io); served {
		return status
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRootCommand(io)
	root.SetArgs(args)
	return exitStatus(root.ExecuteContext(ctx), io)
}

// exitStatus prints what went wrong, once, and turns it into the exit status.
func exitStatus(err error, io stdio) int {
	if err == nil {
		return 0
	}
	var exit *exitError
	if errors.As(err, &exit) {
		if exit.err != nil {
			fmt.Fprintln(io.err, "strobe:", exit.err)
		}
		return exit.code
	}
	fmt.Fprintln(io.err, "strobe:", err)
	return 2 // what cobra itself refuses: an unknown command, flag or argument
}

func newRootCommand(io stdio) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "strobe",
		Short: "Serve diffusion models and profile them while they serve",
		Long: `Strobe serves diffusion models out of plugins and profiles them while they serve.

  strobe serve                          serve the built-in model on 127.0.0.1:8091
  strobe generate "red heart" -o h.png  ask it for a picture
  strobe profile start                  start recording, without a restart
  strobe profile stop                   stop, print a table, keep a trace

Configuration is the file given by --config, else plugins.hcl in the working folder, else the built-in one.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newServeCommand(io),
		newValidateCommand(io),
		newGenerateCommand(io),
		newProfileCommand(io),
		newRecordingCommand(io),
		newPluginCommand(io),
		newBenchCommand(io),
		newVersionCommand(io),
	)
	explainArgs(root)
	return root
}

// explainArgs has each command say how it is written when it gets too many words or too few.
func explainArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil && !cmd.HasSubCommands() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil || !strings.Contains(err.Error(), "arg(s)") && !strings.HasPrefix(err.Error(), "unknown command"):
				return err // the command's own words say more
			case len(args) > 1:
				return fmt.Errorf("%w: write `%s`, with a text of several words in quotes", err, cmd.UseLine())
			}
			return fmt.Errorf("%w: write `%s`", err, cmd.UseLine())
		}
	}
	for _, c := range cmd.Commands() {
		explainArgs(c)
	}
}

// group makes a command that only holds others: alone it prints its help, and what it does not hold is an error.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var known []string
		for _, c := range cmd.Commands() {
			if !c.Hidden {
				known = append(known, c.Name())
			}
		}
		if meant := words.Closest(args[0], known); meant != "" {
			return fmt.Errorf("unknown command %q for %q: did you mean %q?", args[0], cmd.CommandPath(), meant)
		}
		return fmt.Errorf("unknown command %q for %q: there are %s", args[0], cmd.CommandPath(), strings.Join(known, ", "))
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}
