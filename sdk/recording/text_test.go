package recording_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// memoryFile is a file in memory, of at most 16 MiB.
type memoryFile struct{ b []byte }

func (m *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > 16<<20 {
		return 0, errors.New("too large for the test")
	}
	if n := int(off) + len(p); n > len(m.b) {
		m.b = append(m.b, make([]byte, n-len(m.b))...)
	}
	return copy(m.b[off:], p), nil
}

func (m *memoryFile) Truncate(size int64) error {
	if size > 16<<20 {
		return errors.New("too large for the test")
	}
	m.b = append(m.b, make([]byte, max(0, int(size)-len(m.b)))...)[:size]
	return nil
}

func (m *memoryFile) Close() error { return nil }

func parseText(text string) (map[string]*memoryFile, error) {
	files := map[string]*memoryFile{}
	err := recording.ParseText(strings.NewReader(text), func(name string) (recording.TextFile, error) {
		files[name] = &memoryFile{}
		return files[name], nil
	})
	return files, err
}

func textOf(t testing.TB, b []byte) string {
	t.Helper()
	var out strings.Builder
	if err := recording.WriteText(&out, "core.seg", bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// sameAgain wants that bytes as text give the same bytes, and the same text once more.
func sameAgain(t testing.TB, b []byte) string {
	t.Helper()
	text := textOf(t, b)
	files, err := parseText(text)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if got := files["core.seg"].b; !bytes.Equal(got, b) {
		at := 0
		for at < min(len(got), len(b)) && got[at] == b[at] {
			at++
		}
		t.Fatalf("%d bytes became %d, the first other one is at %d of:\n%s", len(b), len(got), at, text)
	}
	return text
}

func TestTextComesBack(t *testing.T) {
	for _, test := range handMade {
		t.Run(test.name, func(t *testing.T) {
			f := newFile()
			test.make(f)
			text := sameAgain(t, f.bytes())
			if strings.Contains(text, "\traw ") {
				t.Errorf("a segment without damage has raw bytes:\n%s", text)
			}
		})
	}
	t.Run("sample", func(t *testing.T) { sameAgain(t, sample().bytes()) })
	t.Run("cut within a record", func(t *testing.T) {
		b := sample().bytes()
		sameAgain(t, b[:segment.HeaderBytes+segment.ChunkBytes+100])
	})
	t.Run("reserved space behind", func(t *testing.T) {
		text := sameAgain(t, append(sample().bytes(), make([]byte, 1<<20)...))
		if strings.Contains(text, "chunk 9") {
			t.Error("empty chunks are printed")
		}
	})
	t.Run("header alone", func(t *testing.T) { sameAgain(t, sample().bytes()[:segment.HeaderBytes]) })
	t.Run("floats", func(t *testing.T) {
		f := newFile()
		for _, bits := range []uint64{
			0, 1 << 63, 1, math.Float64bits(0.1), math.Float64bits(math.Inf(-1)), math.Float64bits(math.MaxFloat64),
			math.Float64bits(math.NaN()), 0x7ff8_0000_0000_0000, 0xfff0_0000_0000_0001,
		} {
			f.put(1, segment.KindCountFloat, 0, 1, 1, bits)
			f.put(1, segment.KindInstant, 0, 1, append([]uint64{1}, arg(1, trace.TypeFloat, bits)...)...)
		}
		sameAgain(t, f.bytes())
	})
}

// TestTextOfARecorder prints what the recorder itself wrote: nothing in it but what the lines can say.
func TestTextOfARecorder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "core.seg")
	r := trace.New(trace.Options{})
	defer r.Close()
	if err := r.Start(trace.Start{Path: path, MaxBytes: 8 << 20, Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}}); err != nil {
		t.Fatal(err)
	}
	scribble(r.Track("worker"), rand.New(rand.NewPCG(3, 3)), 3000)
	if _, err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text := sameAgain(t, b); strings.Contains(text, "\traw ") || strings.Contains(text, "\trecord ") {
		t.Errorf("raw bytes in the text of a recorder's segment:\n%.2000s", text)
	}
}

func TestTextOfDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	for range 300 {
		b := sample().bytes()
		for range 1 + rnd.IntN(60) {
			b[24+rnd.IntN(len(b)-24)] = byte(rnd.Uint32())
		}
		sameAgain(t, b[:segment.HeaderBytes+rnd.IntN(len(b)+1-segment.HeaderBytes)])
	}
}

// TestTextHasEveryField: the table is what is printed, so a field that is added to it appears.
func TestTextHasEveryField(t *testing.T) {
	f := newFile()
	for kind := uint8(1); segment.Fixed(kind) != 0; kind++ {
		f.put(1, kind, 1, 2, make([]uint64, segment.Fixed(kind)/8-1)...)
	}
	text := textOf(t, f.bytes())
	for _, s := range segment.Table {
		for _, field := range s.Fields {
			name := strings.Replace(field.Name, "length", "text", 1)
			if !strings.Contains(text, name+"=") && !strings.Contains("magic version header_bytes chunk_bytes nowhere kind words type key value", field.Name) {
				t.Errorf("the text has no %s of %s", name, s.Name)
			}
		}
	}
	if strings.Contains(text, "record kind=") {
		t.Errorf("a known kind is printed as bytes:\n%s", text)
	}
}

func TestTextOfAFolder(t *testing.T) {
	dir, copies := t.TempDir(), t.TempDir()
	sample().write(t, dir, "b.seg")
	newFile().write(t, dir, "a.seg")
	var out bytes.Buffer
	if err := recording.WriteFolderText(&out, dir); err != nil {
		t.Fatal(err)
	}
	if err := recording.ParseTextInto(&out, copies); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.seg", "b.seg"} {
		want, _ := os.ReadFile(filepath.Join(dir, name))
		got, err := os.ReadFile(filepath.Join(copies, name))
		if err != nil || !bytes.Equal(want, got) {
			t.Errorf("%s came back otherwise: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "c.seg"), []byte("no segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := recording.WriteFolderText(io.Discard, dir); err == nil || !strings.Contains(err.Error(), "c.seg") {
		t.Errorf("a file that is no segment: %v", err)
	}
	if err := recording.WriteFolderText(io.Discard, t.TempDir()); err == nil {
		t.Error("an empty folder has a text")
	}
}

const someHeader = "segment \"core.seg\"\n"

func TestTextErrors(t *testing.T) {
	for _, test := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"nothing", "", 1, "no segment"},
		{"comments alone", "# a\n\n", 3, "no segment"},
		{"no segment before", "chunk 0\n", 1, "before the first segment"},
		{"a name that leaves the folder", "segment \"../x.seg\"\n", 1, "plain file name"},
		{"another ending", "segment \"x.txt\"\n", 1, "plain file name"},
		{"no name", "segment\n", 1, "wants a name"},
		{"twice", someHeader + someHeader, 2, "twice"},
		{"size", "segment \"core.seg\" size=18446744073709551615\n", 1, "at most"},
		{"size of no number", "segment \"core.seg\" size=x\n", 1, "no number"},
		{"header field", someHeader + "colour=1\n", 2, `no field "colour1"`},
		{"header number", someHeader + "pid=-1\n", 2, "no number"},
		{"range", someHeader + "stage=4294967296\n", 2, "too large"},
		{"text for a number", someHeader + "pid=\"1\"\n", 2, "not a text"},
		{"number for a text", someHeader + "host=1\n", 2, "in quotes"},
		{"text too long", someHeader + "boot_id=\"" + strings.Repeat("x", 65) + "\"\n", 2, "room for 64"},
		{"quote", someHeader + "\nhost=\"x\n", 3, "quote"},
		{"chunk index", someHeader + "chunk x\n", 2, "index"},
		{"chunk far away", someHeader + "chunk 99999999999\n", 2, "at most"},
		{"chunk order", someHeader + "chunk 1\nchunk 1\n", 3, "in order"},
		{"chunk field", someHeader + "chunk 1 owner=2\n", 2, "owner"},
		{"record", someHeader + "chunk 0\n\tspam name=1\n", 3, `no record "spam"`},
		{"structure that is none", someHeader + "chunk 0\n\thead kind=1\n", 3, `no record "head"`},
		{"record field", someHeader + "chunk 0\n\tspan begun=1\n", 3, "begun"},
		{"record text", someHeader + "chunk 0\n\tspan begin=1 text=\"a\"\n", 3, "text"},
		{"argument of nothing", someHeader + "chunk 0\n\targ int key=1 value=1\n", 3, "arg comes"},
		{"argument of a counter", someHeader + "chunk 0\n\tcount at=1 value=1\n\targ int key=1 value=1\n", 4, "arg comes"},
		{"argument type", someHeader + "chunk 0\n\tspan begin=1\n\targ list key=1 value=1\n", 4, "type of argument"},
		{"argument without a value", someHeader + "chunk 0\n\tspan begin=1\n\targ int key=1\n", 4, "value="},
		{"argument of another type", someHeader + "chunk 0\n\tspan begin=1\n\targ string key=1 value=1\n", 4, "string"},
		{"kind", someHeader + "chunk 0\n\trecord kind=128\n", 3, "kind is 128"},
		{"half a word", someHeader + "chunk 0\n\trecord kind=99 data=00\n", 3, "whole words"},
		{"raw", someHeader + "raw at=4090 data=00112233445566778899\n", 2, "do not fit"},
		{"raw without data", someHeader + "raw at=1\n", 2, "raw wants"},
		{"a record too long", someHeader + "chunk 0\n\tname text=\"" + strings.Repeat("x", 17000) + "\"\n", 3, "has room"},
		{"a chunk too full", someHeader + "chunk 0\n" + strings.Repeat("\tname text=\""+strings.Repeat("x", 6000)+"\"\n", 3), 5, "left"},
		{"a line too long", someHeader + strings.Repeat("x", 200_000), 2, "longer than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseText(test.text)
			var e *recording.TextError
			if !errors.As(err, &e) || e.Line != test.line || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one at line %d with %q", err, test.line, test.want)
			}
		})
	}
}

func TestTextRefusesOthersFiles(t *testing.T) {
	later := sample().bytes()
	binary.LittleEndian.PutUint32(later[segment.OffVersion:], 2)
	for name, b := range map[string][]byte{"empty": nil, "short": sample().bytes()[:100], "text": bytes.Repeat([]byte("text"), 5000), "later": later} {
		if err := recording.WriteText(io.Discard, "x.seg", bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), "x.seg") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type fullWriter struct{ room int }

func (f *fullWriter) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errors.New("full")
	}
	return len(b), nil
}

func TestTextToAFullDisk(t *testing.T) {
	b := sample().bytes()
	for _, room := range []int{0, 100, 1000, 2500} {
		if err := recording.WriteText(&fullWriter{room}, "x.seg", bytes.NewReader(b), int64(len(b))); err == nil {
			t.Errorf("no error with room for %d bytes", room)
		}
	}
}

// FuzzTextOfFile wants that any bytes behind a header come back.
func FuzzTextOfFile(f *testing.F) {
	s := sample().bytes()
	f.Add(s[:segment.HeaderBytes], s[segment.HeaderBytes:segment.HeaderBytes+600], s[segment.HeaderBytes+segment.ChunkBytes:][:600])
	f.Fuzz(func(t *testing.T, header, one, two []byte) {
		b := make([]byte, segment.HeaderBytes+2*segment.ChunkBytes)
		copy(b[:segment.HeaderBytes], header)
		copy(b, s[:24]) // else it is no segment
		copy(b[segment.HeaderBytes:segment.HeaderBytes+segment.ChunkBytes], one)
		n := copy(b[segment.HeaderBytes+segment.ChunkBytes:], two)
		sameAgain(t, b[:segment.HeaderBytes+segment.ChunkBytes+n])
	})
}

// FuzzParseText feeds texts: an error has a line, and what is accepted comes back.
func FuzzParseText(f *testing.F) {
	f.Add(textOf(f, sample().bytes()))
	for _, path := range goldens(f) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(someHeader + "chunk 3 track=1\n\tagain record kind=99 data=0011223344556677\nraw at=9 data=ff # x\n")
	f.Fuzz(func(t *testing.T, text string) {
		files, err := parseText(text)
		if err != nil {
			if e := (*recording.TextError)(nil); !errors.As(err, &e) || e.Line < 1 {
				t.Errorf("error without a line: %v", err)
			}
			return
		}
		for _, file := range files {
			if len(file.b) >= segment.HeaderBytes && bytes.Equal(file.b[:20], sample().bytes()[:20]) {
				sameAgain(t, file.b)
			}
		}
	})
}

func ExampleWriteText() {
	f := newFile()
	f.name(1, trace.CategoryStep, "denoise_step").span(1, 0, 1, 100, 900, arg(1, trace.TypeInt, 5)...)
	b := f.bytes()
	var out strings.Builder
	if err := recording.WriteText(&out, "core.seg", bytes.NewReader(b), int64(len(b))); err != nil {
		fmt.Println(err)
	}
	_, chunks, _ := strings.Cut(out.String(), "chunk 0")
	fmt.Println("chunk 0" + chunks)
	// Output:
	// chunk 0 track=0 ordinal=0 events=0
	// 	clock_pair ticks=0 monotonic=0 wall=1000000000 width=1
	// 	clock_pair ticks=1000000 monotonic=1000000 wall=1001000000 width=1
	// 	name depth=3 name=1 text="denoise_step"
	// chunk 1 track=1 ordinal=0 events=0
	// 	span name=1 begin=100 end=900 sequence=1  # "denoise_step"
	// 		arg int key=1 value=5  # "denoise_step"
}
