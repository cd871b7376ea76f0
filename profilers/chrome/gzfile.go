package chrome

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
)

// gzipHeader begins a gzip member: deflate, no name, no time, system unknown.
var gzipHeader = []byte{31, 139, 8, 0, 0, 0, 0, 0, 0, 255}

// writeBytes is how much of a file waits in memory before it is written.
const writeBytes = 128 << 10

// gzFile is a gzip file of one member that is put together from blocks. It grows under a hidden name beside its final one,
// and its SHA-256 grows with it.
type gzFile struct {
	f     *os.File
	final string
	sum   hash.Hash
	wait  []byte // not written yet
	bytes int64  // those in wait, too
	crc   uint32
	n     int64 // bytes of the text
}

// createGz makes the hidden file, and its folder, for the file that will be called final.
func createGz(final string) (*gzFile, error) {
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		return nil, fmt.Errorf("make the trace's folder: %w", err)
	}
	// One that lies there is of a process that was killed in the middle of this very export.
	if err := os.Remove(hiddenName(final)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove what is left of a trace file: %w", err)
	}
	f, err := os.OpenFile(hiddenName(final), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a trace file: %w", err)
	}
	g := &gzFile{f: f, final: final, sum: sha256.New(), wait: make([]byte, 0, writeBytes+blockBytes/8)}
	g.put(gzipHeader)
	return g, nil
}

func hiddenName(final string) string {
	return filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".part")
}

// add appends a block.
func (g *gzFile) add(b block) error {
	g.put(b.z)
	g.crc = crcCombine(g.crc, b.crc, b.n)
	g.n += b.n
	if len(g.wait) < writeBytes {
		return nil
	}
	return g.write()
}

// finish ends the member, after its last block was added, with the text's checksum and length, and closes the file, still under
// its hidden name.
func (g *gzFile) finish() error {
	end := binary.LittleEndian.AppendUint32(nil, g.crc)
	g.put(binary.LittleEndian.AppendUint32(end, uint32(g.n)))
	err := g.write()
	if cerr := g.f.Close(); cerr != nil && err == nil {
		err = fmt.Errorf("close %s: %w", filepath.Base(g.final), cerr)
	}
	return err
}

// publish gives the finished file its final name.
func (g *gzFile) publish() error {
	if err := os.Rename(hiddenName(g.final), g.final); err != nil {
		return fmt.Errorf("name a trace file: %w", err)
	}
	return nil
}

// discard removes the file under whichever name it has. It may be called at any time.
func (g *gzFile) discard() error {
	g.f.Close() // closed already after finish
	return errors.Join(removeIfThere(hiddenName(g.final)), removeIfThere(g.final))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove an unfinished trace: %w", err)
	}
	return nil
}

func (g *gzFile) sha256() string { return hex.EncodeToString(g.sum.Sum(nil)) }

func (g *gzFile) put(p []byte) {
	g.wait = append(g.wait, p...)
	g.bytes += int64(len(p))
}

func (g *gzFile) write() error {
	if _, err := g.f.Write(g.wait); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(g.final), err)
	}
	g.sum.Write(g.wait)
	g.wait = g.wait[:0]
	return nil
}
