package config

import (
	"fmt"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// notDeclared is the finding that a name outside the file is no block's label.
func notDeclared(what, kind, name string, declared []string) error {
	return Diagnostics{{
		Severity: diag.Error, Block: what,
		Summary: fmt.Sprintf("no %s %q is declared", kind, name),
		Detail:  words.Hint(name, "declared", declared),
	}}
}
