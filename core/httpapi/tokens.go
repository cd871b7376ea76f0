package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// maxTokenFile bounds what is read of a token file.
const maxTokenFile = 1 << 20

// tokens is a set of secrets from a file, one a line (empty lines and lines that begin with # are passed over),
// and from the environment. The file is read again when it has changed, so keys can be turned without a restart.
type tokens struct {
	path  string
	fixed string // from the environment; empty: none

	mu   sync.Mutex
	seen fileStamp
	sums [][sha256.Size]byte
}

// fileStamp tells two versions of a file apart.
type fileStamp struct {
	mod  time.Time
	size int64
	info fs.FileInfo
}

// configured tells whether a token is asked for at all.
func (t *tokens) configured() bool { return t.path != "" || t.fixed != "" }

// match tells whether the secret is one of the set. Time does not depend on where they differ.
// An error means that the file cannot be read or holds nothing: then nobody gets in by it.
func (t *tokens) match(secret string) (bool, error) {
	sum := sha256.Sum256([]byte(secret))
	ok := 0
	if t.fixed != "" {
		want := sha256.Sum256([]byte(t.fixed))
		ok |= subtle.ConstantTimeCompare(sum[:], want[:])
	}
	sums, err := t.load()
	for i := range sums {
		ok |= subtle.ConstantTimeCompare(sum[:], sums[i][:])
	}
	return secret != "" && ok == 1, err
}

// load gives the file's secrets, hashed, reading it when it is not the one read last.
func (t *tokens) load() ([][sha256.Size]byte, error) {
	if t.path == "" {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	info, err := os.Stat(t.path)
	if err != nil {
		return nil, fmt.Errorf("read token file: %w", err)
	}
	if t.seen.info != nil && os.SameFile(info, t.seen.info) && info.Size() == t.seen.size && info.ModTime().Equal(t.seen.mod) {
		return t.sums, nil
	}
	if !info.Mode().IsRegular() || info.Size() > maxTokenFile {
		return nil, fmt.Errorf("read token file %s: not a file of at most %d bytes", t.path, maxTokenFile)
	}
	text, err := os.ReadFile(t.path)
	if err != nil {
		return nil, fmt.Errorf("read token file: %w", err)
	}
	t.sums = nil
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			t.sums = append(t.sums, sha256.Sum256([]byte(line)))
		}
	}
	if len(t.sums) == 0 {
		t.seen = fileStamp{}
		return nil, fmt.Errorf("read token file %s: it holds no token: write one a line", t.path)
	}
	t.seen = fileStamp{mod: info.ModTime(), size: info.Size(), info: info}
	return t.sums, nil
}
