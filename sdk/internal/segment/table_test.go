package segment

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated part of FORMAT.md")

const (
	document = "../../recording/FORMAT.md"
	from     = "<!-- structures: generated from sdk/internal/segment by go test ./sdk/internal/segment -update -->\n"
	to       = "<!-- end of structures -->\n"
)

func TestDocumentStatesTheTable(t *testing.T) {
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), from)
	old, tail, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no marks around its structures", document)
	}
	if *update {
		if err := os.WriteFile(document, []byte(head+from+Markdown()+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(Markdown(), old); d != "" {
		t.Errorf("the document differs from the table; go test ./sdk/internal/segment -update writes it (-want +got):\n%s", d)
	}
}

func TestTableIsConsistent(t *testing.T) {
	kinds := map[int]bool{}
	for _, s := range Table {
		t.Run(s.Name, func(t *testing.T) {
			end := 0
			if s.Kind != 0 {
				end = 8
				if kinds[s.Kind] {
					t.Errorf("kind %d twice", s.Kind)
				}
				kinds[s.Kind] = true
				if Fixed(uint8(s.Kind)) != s.Bytes {
					t.Errorf("fixed part is %d bytes, the table says %d", Fixed(uint8(s.Kind)), s.Bytes)
				}
			}
			for _, f := range s.Fields {
				if f.Offset < end {
					t.Errorf("%s at %d overlaps what ends at %d", f.Name, f.Offset, end)
				}
				if f.Size <= 8 && f.Offset%f.Size != 0 || f.Offset/8 != (f.Offset+f.Size-1)/8 && f.Offset%8 != 0 {
					t.Errorf("%s at %d is not aligned", f.Name, f.Offset)
				}
				end = f.Offset + f.Size
			}
			if end > s.Bytes || s.Bytes%8 != 0 {
				t.Errorf("fields end at %d of %d bytes", end, s.Bytes)
			}
		})
	}
	for k := range fixed {
		if fixed[k] != 0 && !kinds[k] {
			t.Errorf("kind %d is not in the table", k)
		}
	}
}

func TestHead(t *testing.T) {
	h := MakeHead(KindInstant|Again, 7, 48, 1<<31+5)
	got := []any{h.Kind(), h.Again(), h.Depth(), h.Bytes(), h.Name(), h.Counted()}
	want := []any{uint8(KindInstant), true, uint8(7), 48, uint32(1<<31 + 5), false}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if h := MakeHead(KindSpan, 0, ChunkBytes, 0); h.Bytes() != ChunkBytes || !h.Counted() {
		t.Errorf("a record of a whole chunk has %d bytes", h.Bytes())
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	for _, test := range []struct {
		name string
		in   Header
	}{
		{"zero", Header{}},
		{"all", Header{
			Kind: 2, Synthetic: true, PID: 77, Stage: -1, Rank: 3, Clock: ClockTSC, Rate: 2_900_000_000, Limit: 1 << 30,
			Recording: 4, Sequence: 5, ProcessID: 1<<63 + 1, BootID: "b", Host: "h", Name: "dit", Model: "emoji", StageName: "diffusion",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			page := make([]byte, HeaderBytes)
			test.in.Encode(page)
			if _, err := Decode(page); err != ErrNotYet {
				t.Errorf("without magic: %v", err)
			}
			copy(page, "STBSEG1\x00")
			got, err := Decode(page)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&test.in, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestHeaderRefuses(t *testing.T) {
	good := make([]byte, HeaderBytes)
	(&Header{}).Encode(good)
	copy(good, "STBSEG1\x00")
	for _, test := range []struct {
		name   string
		damage func(page []byte)
		want   string
	}{
		{"magic", func(p []byte) { p[3] = 'x' }, "not a segment"},
		{"version", func(p []byte) { p[OffVersion] = 9 }, "version 9"},
		{"header size", func(p []byte) { p[OffVersion+5] = 1 }, "header of"},
		{"chunk size", func(p []byte) { p[OffSizes] = 1 }, "chunks of"},
	} {
		t.Run(test.name, func(t *testing.T) {
			page := append([]byte(nil), good...)
			test.damage(page)
			if _, err := Decode(page); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestHeaderCutsTexts(t *testing.T) {
	page := make([]byte, HeaderBytes)
	(&Header{Host: strings.Repeat("é", 200), Name: "bad\xff"}).Encode(page)
	copy(page, "STBSEG1\x00")
	h, err := Decode(page)
	if err != nil {
		t.Fatal(err)
	}
	if h.Host != strings.Repeat("é", 127) || h.Name != "bad\uFFFD" {
		t.Errorf("host of %d bytes, name %q", len(h.Host), h.Name)
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"aé", 2, "a"}, {"é", 1, "\xc3"}, {"a\xff\xff\xff\xff\xff", 5, "a\xff\xff\xff\xff"}, {"x", 0, ""},
	} {
		if got := Cut(test.in, test.n); got != test.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.in, test.n, got, test.want)
		}
	}
}
