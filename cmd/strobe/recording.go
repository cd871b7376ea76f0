//go:build !windows

package main

import "github.com/spf13/cobra"

// newRecordingCommand is `strobe recording`: work on recordings that lie in files, without a server.
func newRecordingCommand(io stdio) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "recording",
		Short: "Work on a recording that lies in files, without a server",
		Long: `Work on a recording that lies in files, without a server.

A recording is the folder of *.seg files that a profile keeps: its "recording" folder.`,
	})
	cmd.AddCommand(recordingCommands(io)...)
	return cmd
}

// recordingCommands are its subcommands.
func recordingCommands(io stdio) []*cobra.Command {
	return []*cobra.Command{newRecordingTextCommand(io), newRecordingExportCommand(io), newRecordingRecoverCommand(io)}
}
