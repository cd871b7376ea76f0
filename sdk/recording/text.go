package recording

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// The text form says all that is in a segment, line by line, and is read back to the same bytes:
//
//	segment "core.seg" size=36864
//		process_kind 1  # 1 core, 2 a rank of a model's stage, …
//		boot_id "…"
//	chunk 0 track=0 ordinal=0 events=0
//		name depth=3 name=1 text="denoise_step"
//		clock_pair ticks=0 monotonic=0 wall=1000000000 width=1
//	chunk 1 track=1 ordinal=0 events=1
//		track name_text="worker" group_text="" device=0 context=0 stream=0 flags=0
//		span name=1 begin=100 end=900 sequence=1  # "denoise_step"
//			arg int key=2 value=5  # "step"
//
// Keywords and fields are those of segment.Table. A head's depth and name are left out when zero, its size always: it
// follows from the rest. The word again before a record is the mark of one that may be a repetition. What no line can
// say, such as a record of an unknown kind or damage, is given as bytes: `record kind=99 data=…` and `raw at=24 data=…`.
// A # begins a comment. Empty chunks are left out; all fields that are left out are zero, but for magic and sizes.

// MaxTextSize is the largest segment that [ParseText] makes, in bytes.
const MaxTextSize = 1 << 40

// TextFile is what [ParseText] writes a segment to; an [os.File] is one. It begins empty.
type TextFile interface {
	io.WriterAt
	Truncate(size int64) error
	io.Closer
}

// TextError is what is wrong in a recording's text form, and where.
type TextError struct {
	Line int // from 1
	Err  error
}

// Error is the line and what is wrong there.
func (e *TextError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap is what is wrong.
func (e *TextError) Unwrap() error { return e.Err }

// WriteText writes the raw text form of the segment in r, of the given size in bytes; [ParseText] makes the same bytes of
// it, whatever damage they have. It needs a header that this version reads. Memory is bounded: a chunk, and 100 bytes a name.
func WriteText(w io.Writer, name string, r io.ReaderAt, size int64) error {
	page := make([]byte, segment.HeaderBytes)
	if n, err := r.ReadAt(page, 0); n < len(page) {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("the file has %d bytes, a header %d", n, segment.HeaderBytes)
		}
		return fmt.Errorf("read segment %s: %w", name, err)
	}
	if _, err := segment.Decode(page); err != nil {
		return fmt.Errorf("read segment %s: %w", name, err)
	}
	t := &textWriter{w: w, r: r, size: size}
	if err := t.readNames(); err != nil {
		return fmt.Errorf("read segment %s: %w", name, err)
	}
	t.printf("segment %q size=%d\n", name, size)
	t.header(page)
	for i := int64(0); i < t.chunks() && t.err == nil; i++ {
		t.chunk(i)
	}
	if t.err != nil {
		return fmt.Errorf("print segment %s: %w", name, t.err)
	}
	return nil
}

// WriteFolderText writes the text form of every *.seg file of a folder, in the order of their names. Files that are no
// segments become a comment and an error at the end.
func WriteFolderText(w io.Writer, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	var bad []error
	found := false
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".seg" || !e.Type().IsRegular() {
			continue
		}
		if found {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return fmt.Errorf("print recording: %w", err)
			}
		}
		found = true
		if err := WriteFileText(w, filepath.Join(dir, e.Name())); err != nil {
			bad = append(bad, err)
			if _, err := fmt.Fprintf(w, "# %s\n", strings.ReplaceAll(err.Error(), "\n", " ")); err != nil {
				return fmt.Errorf("print recording: %w", err)
			}
		}
	}
	if !found {
		return fmt.Errorf("read recording: no *.seg file in %s", dir)
	}
	return errors.Join(bad...)
}

// WriteFileText writes the text form of one segment file.
func WriteFileText(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	return WriteText(w, filepath.Base(path), f, fi.Size())
}

// ParseText reads the text form of one or more segments and makes each in the file that create returns for its name. A
// name is a plain file name that ends in .seg, and comes once. What is wrong with the text is a [*TextError]. The files are closed.
func ParseText(r io.Reader, create func(name string) (TextFile, error)) error {
	p := newTextParser(r, create)
	err := p.parse()
	return errors.Join(err, p.close())
}

// ParseTextInto is [ParseText] into new files of a folder that exists.
func ParseTextInto(r io.Reader, dir string) error {
	return ParseText(r, func(name string) (TextFile, error) {
		return os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	})
}

// keyword is a structure's name in the text form.
func keyword(s *segment.Structure) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(s.Name), ",", ""), " ", "_")
}

// structure finds one by its keyword; nil when there is none. Its kind is 0 for what is no record.
func structure(word string) *segment.Structure {
	i := slices.IndexFunc(segment.Table, func(s segment.Structure) bool { return keyword(&s) == word })
	if i < 0 {
		return nil
	}
	return &segment.Table[i]
}

// recordOf finds a record's structure by its kind.
func recordOf(kind uint8) *segment.Structure {
	i := slices.IndexFunc(segment.Table, func(s segment.Structure) bool { return s.Kind == int(kind) && kind != 0 })
	if i < 0 {
		return nil
	}
	return &segment.Table[i]
}

// textOf is the key of the text that a length's field counts: length is text, name_length is name_text.
func textOf(f *segment.Field) (key string, is bool) {
	if head, ok := strings.CutSuffix(f.Name, "length"); ok {
		return head + "text", true
	}
	return "", false
}
