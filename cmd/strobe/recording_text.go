//go:build !windows

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/atomicfile"
	"github.com/strobe-dev/strobe/sdk/recording"
)

func newRecordingTextCommand(io stdio) *cobra.Command {
	var output string
	var parse bool
	cmd := &cobra.Command{
		Use:   "text DIR|FILE",
		Short: "Print a recording's segments as text, or make segments of such text",
		Long: `Print a recording as text: all that its segments say, a record a line, with names as comments.

  strobe recording text profiles/20261123-100312-a1b2c3
  strobe recording text core.seg -o core.txt
  strobe recording text --parse core.txt -o core.seg

The text gives the same bytes again, even of a damaged segment. DIR is a profile's directory or a folder of segments.
With --parse, - reads the text from the standard input, and -o names a .seg file for the one segment in it,
or a folder for all of them. Nothing that exists is overwritten then.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if parse {
				return parseRecording(io, args[0], output)
			}
			return printRecording(io, args[0], output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `file` (--parse: a .seg file or a folder)")
	cmd.Flags().BoolVar(&parse, "parse", false, "read text and write segments")
	return cmd
}

// printRecording prints a folder or a file. What could be read is printed even when something could not.
func printRecording(std stdio, path, output string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return usage(fmt.Errorf("read recording: %w", err))
	}
	var unread error
	fill := func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 64<<10)
		if fi.IsDir() {
			unread = recording.WriteFolderText(out, segmentsOf(path))
		} else {
			unread = recording.WriteFileText(out, path)
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write text: %w", err)
		}
		return nil
	}
	if output == "" {
		err = fill(std.out)
	} else {
		err = atomicfile.Write(output, fill)
	}
	if err == nil {
		err = unread
	}
	return failed(err)
}

// segmentsOf is the folder of a recording: the one within a profile's directory, else the folder itself.
func segmentsOf(dir string) string {
	within := filepath.Join(dir, "recording")
	if fi, err := os.Stat(within); err == nil && fi.IsDir() {
		return within
	}
	return dir
}

// parseRecording makes segments of text. When the text is wrong, nothing is left behind.
func parseRecording(std stdio, path, output string) (err error) {
	if output == "" {
		return usage(errors.New("say where the segments go: -o core.seg, or -o with a folder"))
	}
	in := std.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return usage(fmt.Errorf("read text: %w", err))
		}
		defer f.Close()
		in = f
	}
	single := filepath.Ext(output) == ".seg"
	if !single {
		if err := os.MkdirAll(output, 0o700); err != nil {
			return failed(fmt.Errorf("make folder: %w", err))
		}
	}
	var made []string
	defer func() {
		if err != nil {
			for _, name := range made {
				_ = os.Remove(name) // the error that counts is the text's
			}
		}
	}()
	err = recording.ParseText(in, func(name string) (recording.TextFile, error) {
		target := filepath.Join(output, name)
		if single {
			if target = output; len(made) > 0 {
				return nil, fmt.Errorf("%s can hold one segment: give -o a folder", output)
			}
		}
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			made = append(made, target)
		}
		return f, err
	})
	if err != nil {
		return failed(fmt.Errorf("read %s: %w", path, err))
	}
	return nil
}
