//go:build !windows

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/plugintest"
)

// checkReport is what `plugin check --json` prints.
type checkReport struct {
	Plugin  checkedPlugin `json:"plugin"`
	Passed  int           `json:"passed"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"skipped"`
	Checks  []checkResult `json:"checks"`
}

type checkedPlugin struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

type checkResult struct {
	Name    string  `json:"name"`
	Result  string  `json:"result"` // "passed", "failed", "skipped"
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"` // why it failed or was skipped
}

// add notes how a check that began then has gone, and returns that.
func (r *checkReport) add(name string, began time.Time, err error) checkResult {
	result := checkResult{Name: name, Result: "passed", Seconds: time.Since(began).Seconds()}
	switch {
	case errors.Is(err, plugintest.ErrSkipped):
		result.Result = "skipped"
		r.Skipped++
	case err != nil:
		result.Result = "failed"
		r.Failed++
	default:
		r.Passed++
	}
	if err != nil {
		result.Detail = err.Error()
	}
	r.Checks = append(r.Checks, result)
	return result
}

// end prints the sum; an error is the exit status when not all is well.
func (r *checkReport) end(io stdio, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(io.out).Encode(r); err != nil {
			return &exitError{code: 1, err: err}
		}
	} else {
		fmt.Fprintf(io.out, "%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, r.Skipped)
	}
	if r.Failed > 0 || r.Passed == 0 {
		return &exitError{code: 1}
	}
	return nil
}

func printCheck(io stdio, c checkResult) {
	word := map[string]string{"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[c.Result]
	fmt.Fprintf(io.out, "%s  %-22s %7.2f s\n", word, c.Name, c.Seconds)
	if c.Detail != "" {
		fmt.Fprintf(io.out, "      %s\n", strings.ReplaceAll(c.Detail, "\n", "\n      "))
	}
}
