package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// EnvName is the name of the token that came by the environment.
const EnvName = "environment"

// settled is how old a file's time of change must be when the file is read, for an equal time to mean an equal file:
// file systems' clocks are coarse.
const settled = 2 * time.Second

// Options of a [Set].
type Options struct {
	// Role is what the tokens open, for messages: "control".
	Role string
	// Key is the configuration's name of the file, for messages: "server.control_token_file".
	Key string
	// Path of the file; empty: none.
	Path string
	// Fixed is a token from the environment; empty: none.
	Fixed string
	Log   *slog.Logger // slog.Default() when nil
}

// Set is the tokens of one role, from a file, the environment or both. It is safe for concurrent use.
type Set struct {
	o     Options
	fixed [sha256.Size]byte

	mu     sync.Mutex
	file   File
	readAt time.Time
	err    string // of the last reading, so that each change is logged once
}

// NewSet makes a set. It reads nothing yet; see [Set.Load].
func NewSet(o Options) *Set {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Set{o: o, fixed: sha256.Sum256([]byte(o.Fixed))}
}

// Configured tells whether there is a token file or a token at all.
func (s *Set) Configured() bool { return s.o.Path != "" || s.o.Fixed != "" }

// Match tells whose token the secret is. An error means that the file gives no tokens now; one from the environment
// is found all the same. All tokens are compared, each in constant time.
func (s *Set) Match(secret string) (name string, ok bool, err error) {
	sum := sha256.Sum256([]byte(secret))
	file, err := s.Load()
	found := -1
	for i := range file.Entries {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], file.Entries[i].sum[:]), i, found)
	}
	fixed := s.o.Fixed != "" && subtle.ConstantTimeCompare(sum[:], s.fixed[:]) == 1
	switch {
	case secret == "":
		return "", false, err
	case found >= 0:
		return file.Entries[found].Name, true, err
	case fixed:
		return EnvName, true, err
	}
	return "", false, err
}

// Load gives the file's tokens, reading it again when it is not the one read last.
func (s *Set) Load() (File, error) {
	if s.o.Path == "" {
		return File{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if info, err := os.Stat(s.o.Path); err == nil && s.err == "" && s.file.info != nil &&
		os.SameFile(info, s.file.info) && info.Size() == s.file.info.Size() && info.ModTime().Equal(s.file.info.ModTime()) &&
		info.Mode() == s.file.Mode && s.readAt.Sub(info.ModTime()) > settled {
		return s.file, nil
	}
	now := time.Now()
	file, err := Read(s.o.Path)
	s.note(file, err)
	s.file, s.readAt = file, now
	if err != nil {
		s.file = File{}
		return File{}, fmt.Errorf("read %s: %w", s.o.Key, err)
	}
	return file, nil
}

// note logs what changed since the last reading: never more than once a change.
func (s *Set) note(file File, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	short := file.Short()
	if slices.Equal(short, s.file.Short()) {
		short = nil // known
	}
	exposed := err == nil && file.Exposed() && (s.file.info == nil || !s.file.Exposed())
	switch {
	case err != nil && s.err != text:
		s.o.Log.Error("a token file cannot be read; nobody gets in by it", "key", s.o.Key, "role", s.o.Role, "error", text)
	case err == nil && s.err != "":
		s.o.Log.Info("a token file can be read again", "key", s.o.Key, "role", s.o.Role, "tokens", len(file.Entries))
	}
	if exposed {
		s.o.Log.Warn("others can read a token file: chmod 600", "key", s.o.Key, "role", s.o.Role, "mode", file.Mode.Perm().String())
	}
	if err == nil && len(short) > 0 {
		s.o.Log.Warn("tokens are short enough to be guessed: make them with openssl rand -hex 32", "key", s.o.Key, "role", s.o.Role, "names", short)
	}
	s.err = text
}
