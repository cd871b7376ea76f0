package profiler

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

func TestFile(t *testing.T) {
	dir := t.TempDir()
	p := Profile{Dir: dir}
	f, err := CreateFile(p, "merged/x.txt")
	if err != nil {
		t.Fatal(err)
	}
	final := filepath.Join(dir, "merged", "x.txt")
	if _, err := f.Write([]byte("hello")); err != nil || f.Size() != 5 {
		t.Fatal(err, f.Size())
	}
	if _, err := os.Stat(final); !os.IsNotExist(err) {
		t.Error("the file is there before it is whole")
	}
	a, err := f.Publish(Artifact{MediaType: "text/plain", Events: 3})
	sum := sha256.Sum256([]byte("hello"))
	if want := (Artifact{Name: "merged/x.txt", MediaType: "text/plain", Bytes: 5, Events: 3, SHA256: hex.EncodeToString(sum[:])}); err != nil || a != want {
		t.Errorf("%+v, %v", a, err)
	}
	if err := f.Discard(); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(final); err != nil || string(b) != "hello" {
		t.Error(string(b), err)
	}
}

func TestFileIsReplacedOrGone(t *testing.T) {
	p := Profile{Dir: t.TempDir()}
	for range 2 { // the first one's process was killed
		f, err := CreateFile(p, "x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		defer f.Discard()
	}
	f, err := CreateFile(p, "x")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.f.Close() // as if the disk failed
	_, _ = f.Write(make([]byte, 1<<20))
	if _, err := f.Publish(Artifact{}); err == nil {
		t.Error("a write failed and the file was published")
	}
	if left, _ := os.ReadDir(p.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, name := range []string{"", "../x", "/x", "a/../../x"} {
		if _, err := CreateFile(p, name); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	if got := FileName("a/b é.1"); got != "a_b___1" {
		t.Error(got)
	}
}
