//go:build !windows

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/core/catalog"
)

// namesPlugin is that the arguments name a plugin, and that those behind it are its own.
func namesPlugin(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("name a built-in plugin, or the path of a program: %s ./mine", cmd.CommandPath())
	}
	for _, arg := range args[1:] {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if strings.HasPrefix(arg, "--") && cmd.Flags().Lookup(name) != nil && cmd.ArgsLenAtDash() < 0 {
			return fmt.Errorf("--%s is an option of %q and goes before %s; if it is meant for the plugin, write -- before %s", name, cmd.CommandPath(), args[0], args[0])
		}
	}
	return nil
}

// pluginProgram is the command that starts the plugin that a user named: a built-in by its name, or a program by its
// path, with arguments.
func pluginProgram(args []string) ([]string, error) {
	name := args[0]
	o := catalogOptions(nil)
	for _, b := range o.Builtins {
		if b.Name == name {
			if len(args) > 1 {
				return nil, usage(fmt.Errorf("%s is built in and takes no arguments", name))
			}
			return o.Command(b), nil
		}
	}
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) && !strings.Contains(name, "/") {
		if here, inFolder := exec.LookPath("./" + name); inFolder == nil { // nothing else can be meant
			path, err = here, nil
		}
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		return append([]string{path}, args[1:]...), nil
	}
	info, absent := os.Stat(name)
	switch {
	case absent != nil && strings.Contains(name, "/"):
		return nil, usage(fmt.Errorf("there is no program %s", name))
	case absent != nil:
		return nil, usage(fmt.Errorf("%q is no built-in plugin (%s) and no program: give the path of one, ./%s", name, builtinNames(o), name))
	case info.IsDir():
		return nil, usage(fmt.Errorf("%q is a folder: build the plugin there, and give the program's path", name))
	}
	return nil, usage(fmt.Errorf("%q cannot be run: %w; if it is the program, chmod +x %s", name, err, name))
}

func builtinNames(o catalog.Options) string {
	var names []string
	for _, b := range o.Builtins {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
