// Package scaffold writes new plugins: modules of their own that compile and pass their tests as they are.
//
// The templates lie in profiler and model. go.mod.txt and go.sum.txt are those of examples/profiler-steps, whose needs are
// what any plugin's are; a test holds them equal.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

//go:embed profiler model go.mod.txt go.sum.txt
var files embed.FS

// Options say what is written.
type Options struct {
	Kind    string // "profiler", "model"
	Name    string // of the plugin: small letters, digits and dashes
	Dir     string // the folder to make; empty: the name
	Module  string // the module's path; empty: made of the name
	SDK     string // a checkout of Strobe; empty: Version
	Version string // of Strobe, as a module
}

// OptionError is an option that cannot be used.
type OptionError struct {
	Option  string
	Message string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Message }

var (
	goodName   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	goodModule = regexp.MustCompile(`^\w[\w.~-]*(/[\w~-][\w.~-]*)*$`)
	// device is a name that Windows keeps for itself, and the Go tool out of every module's path.
	device = regexp.MustCompile(`(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)`)
)

// Write makes the folder and its files, and returns their paths. Nothing is overwritten: the folder must not exist.
func Write(o Options) (dir string, written []string, err error) {
	v, err := o.values()
	if err != nil {
		return "", nil, err
	}
	texts, err := v.texts()
	if err != nil {
		return "", nil, err
	}
	if err := os.Mkdir(v.dir, 0o755); err != nil {
		if os.IsExist(err) {
			return "", nil, &OptionError{"--dir", v.dir + " exists; name a folder that does not"}
		}
		return "", nil, fmt.Errorf("make the plugin's folder: %w", err)
	}
	for _, t := range texts {
		to := filepath.Join(v.dir, t.name)
		if err := os.WriteFile(to, t.text, 0o644); err != nil {
			return "", nil, fmt.Errorf("write the plugin: %w", err)
		}
		written = append(written, to)
	}
	return v.dir, written, nil
}

// values are what the templates are filled with.
type values struct {
	Kind, Name, Module string
	Type               string // a Go identifier: slowSteps
	SDK                string // as go.mod names it
	Version            string
	dir                string
}

func (o Options) values() (values, error) {
	v := values{Kind: o.Kind, Name: o.Name, Module: o.Module, Version: o.Version, dir: o.Dir}
	switch {
	case o.Kind != "profiler" && o.Kind != "model":
		return v, &OptionError{"kind", fmt.Sprintf("%q is neither profiler nor model", o.Kind)}
	case !goodName.MatchString(o.Name) || len(o.Name) > 40:
		return v, &OptionError{"name", fmt.Sprintf("%q does not do: take small letters and digits, beginning with a letter, single dashes between them, 40 at most", o.Name)}
	case device.MatchString(o.Name):
		return v, &OptionError{"name", fmt.Sprintf("%q cannot be in a module's path: take another", o.Name)}
	case o.Module != "" && (!goodModule.MatchString(o.Module) || strings.HasSuffix(o.Module, ".") || device.MatchString(strings.ToLower(o.Module))):
		return v, &OptionError{"--module", fmt.Sprintf("%q is no module path such as example.org/%s", o.Module, o.Name)}
	case o.SDK == "" && o.Version == "":
		return v, &OptionError{"--sdk", "this strobe was built from a checkout, so there is no version to build against: give --sdk with the checkout's folder"}
	}
	if v.Module == "" {
		v.Module = "example.org/" + o.Name
	}
	if v.dir == "" {
		v.dir = o.Name
	}
	words := strings.Split(o.Name, "-")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	v.Type = strings.Join(words, "") + "Plugin"
	if o.SDK == "" {
		return v, nil
	}
	if _, err := os.Stat(filepath.Join(o.SDK, "sdk", "plugin")); err != nil {
		return v, &OptionError{"--sdk", fmt.Sprintf("%s is no checkout of Strobe: it has no folder sdk/plugin", o.SDK)}
	}
	var err error
	v.SDK, err = checkoutFrom(v.dir, o.SDK)
	v.Version = "v0.0.0"
	return v, err
}

// checkoutFrom is the path of a checkout, without links, as the go.mod in dir names it: relative to dir, so that both may be
// moved together, or whole where dir is behind a link, whence ".." leads to one folder or to another.
func checkoutFrom(dir, checkout string) (string, error) {
	at, err1 := filepath.Abs(dir)
	sdk, err2 := filepath.Abs(checkout)
	if err := errors.Join(err1, err2); err != nil {
		return "", fmt.Errorf("find the SDK: %w", err)
	}
	sdk, err := filepath.EvalSymlinks(sdk)
	if err != nil {
		return "", fmt.Errorf("find the SDK: %w", err)
	}
	above := filepath.Dir(at)
	if real, err := filepath.EvalSymlinks(above); err == nil && real == above {
		if rel, err := filepath.Rel(at, sdk); err == nil {
			sdk = rel
		}
	}
	if sdk = filepath.ToSlash(sdk); strings.ContainsAny(sdk, " \t\"'`,()[]{}") {
		return strconv.Quote(sdk), nil
	}
	return sdk, nil
}

type text struct {
	name string
	text []byte
}

// texts are the files.
func (v values) texts() ([]text, error) {
	entries, err := files.ReadDir(v.Kind)
	if err != nil {
		return nil, err
	}
	var out []text
	for _, e := range entries {
		t, err := template.New(e.Name()).Delims("<%", "%>").ParseFS(files, path.Join(v.Kind, e.Name())) // {{ }} is Go's own here
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, v); err != nil {
			return nil, err
		}
		// Not named after the plugin: main, x-test and x-windows would be files of another meaning.
		out = append(out, text{strings.TrimSuffix(e.Name(), ".tmpl"), b.Bytes()})
	}
	mod, err := files.ReadFile("go.mod.txt")
	if err != nil {
		return nil, err
	}
	sum, err := files.ReadFile("go.sum.txt")
	if err != nil {
		return nil, err
	}
	return append(out, text{"go.mod", v.goMod(mod)}, text{"go.sum", sum}), nil
}

// goMod is the example's with another name and another place of the SDK.
func (v values) goMod(example []byte) []byte {
	replace := ""
	if v.SDK != "" {
		replace = "replace github.com/strobe-dev/strobe => " + v.SDK
	}
	return []byte(strings.TrimRight(strings.NewReplacer(
		"module example.org/profiler-steps", "module "+v.Module,
		"strobe-dev/strobe v0.0.0", "strobe-dev/strobe "+v.Version,
		"replace github.com/strobe-dev/strobe => ../..", replace,
	).Replace(string(example)), "\n") + "\n")
}
