//go:build !windows

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/core/catalog"
)

// pluginProgram is the command that starts the plugin that a user named: a built-in by its name, or a program by its
// path, with arguments.
func pluginProgram(args []string) ([]string, error) {
	name := args[0]
	o := catalogOptions(nil)
	for _, b := range o.Builtins {
		if b.Name == name {
			if len(args) > 1 {
				return nil, &exitError{code: 2, err: fmt.Errorf("%s is built in and takes no arguments", name)}
			}
			return o.Command(b), nil
		}
	}
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if info, bad := os.Stat(name); err != nil && bad == nil {
		if info.IsDir() {
			return nil, &exitError{code: 2, err: fmt.Errorf("%q is a folder: build the plugin there, and give the program's path", name)}
		}
		return nil, &exitError{code: 2, err: fmt.Errorf("%q cannot be run: %w; if it is the program, chmod +x %s", name, err, name)}
	}
	if err != nil {
		return nil, &exitError{code: 2, err: fmt.Errorf("%q is no built-in plugin (%s) and no program: give the path of one, ./%s", name, builtinNames(o), filepath.Base(name))}
	}
	return append([]string{path}, args[1:]...), nil
}

func builtinNames(o catalog.Options) string {
	var names []string
	for _, b := range o.Builtins {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
