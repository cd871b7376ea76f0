package token

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// GoodLength is how many characters a token needs to be beyond guessing; a shorter one works, with a warning.
const GoodLength = 16

// MaxFileBytes bounds a token file.
const MaxFileBytes = 1 << 20

// Entry is one token.
type Entry struct {
	// Name is what logs show: the file's own word, or "line-3".
	Name  string
	short bool // of fewer than GoodLength characters
	sum   [sha256.Size]byte
}

// Same tells whether two entries are of the same token.
func (e Entry) Same(other Entry) bool { return e.sum == other.sum }

// File is one reading of a token file.
type File struct {
	Entries []Entry
	// Mode of the file; see [File.Exposed].
	Mode fs.FileMode
	info fs.FileInfo
}

// Exposed tells that others than the file's owner may read it.
func (f File) Exposed() bool { return f.Mode.Perm()&0o077 != 0 }

// Short is the names of the tokens that are too short to be safe.
func (f File) Short() []string {
	var names []string
	for _, e := range f.Entries {
		if e.short {
			names = append(names, e.Name)
		}
	}
	return names
}

// Errors of [Read] that are not the system's.
var (
	ErrNoFile  = errors.New("not a regular file of at most 1 MiB")
	ErrNoToken = errors.New("it holds no token: write one a line")
)

// Read reads a token file. An error names what is wrong with it, not where it is.
func Read(path string) (File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return File{}, ErrNoFile // opening a pipe would wait for its other end
	}
	f, err := os.Open(path)
	if err != nil {
		return File{}, cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return File{}, cause(err)
	}
	if !info.Mode().IsRegular() || info.Size() > MaxFileBytes {
		return File{}, ErrNoFile
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return File{}, cause(err)
	}
	if len(text) > MaxFileBytes {
		return File{}, ErrNoFile
	}
	entries, err := parse(string(text))
	return File{Entries: entries, Mode: info.Mode(), info: info}, err
}

func parse(text string) ([]Entry, error) {
	var entries []Entry
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		e := Entry{Name: "line-" + strconv.Itoa(number)}
		switch len(words) {
		case 1:
		case 2:
			if !isName(words[0]) {
				return nil, fmt.Errorf("line %d: the name before the token must be at most 32 letters, digits, dots, dashes and underscores", number)
			}
			e.Name = words[0]
		default:
			return nil, fmt.Errorf("line %d holds %d words: write a token, or a name and a token", number, len(words))
		}
		secret := words[len(words)-1]
		e.short, e.sum = len(secret) < GoodLength, sha256.Sum256([]byte(secret))
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, ErrNoToken
	}
	return entries, nil
}

// isName tells whether a word may be shown in a log.
func isName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return len(s) <= 32 && strings.Trim(s, letters) == ""
}

// cause is a file error without the path, which its caller knows how to name.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
