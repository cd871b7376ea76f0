package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestWhatWasCheckedIsWhatRuns: a program that takes the place of another after its checksum was compared does not run.
func TestWhatWasCheckedIsWhatRuns(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("runs an open file, which Linux can")
	}
	echo, err := exec.LookPath("echo")
	if err != nil {
		t.Skip(err)
	}
	binary, err := os.ReadFile(echo)
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string][]byte{"binary": binary, "script": []byte("#!/bin/sh\necho \"$@\"\n")} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(path, program, 0o700); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(program)
			file, err := verify(path, hex.EncodeToString(sum[:]))
			if err != nil {
				t.Fatal(err)
			}
			defer file.close()
			other := path + ".other"
			if err := os.WriteFile(other, []byte("#!/bin/sh\necho evil\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(other, path); err != nil {
				t.Fatal(err)
			}
			out, err := file.command("good").CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "good" {
				t.Errorf("%q %v", out, err)
			}
		})
	}
}
