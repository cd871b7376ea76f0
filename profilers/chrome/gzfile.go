package chrome

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
)

// gzipHeader begins a gzip member: deflate, no name, no time, system unknown.
var gzipHeader = []byte{31, 139, 8, 0, 0, 0, 0, 0, 0, 255}

// gzipTrailerBytes is the size of a member's end: the text's checksum and its length modulo 2^32.
const gzipTrailerBytes = 8

// gzFile is a gzip file of one member that is put together from blocks. It grows under a hidden name beside its final one,
// and its SHA-256 grows with it.
type gzFile struct {
	f     *os.File
	final string
	sum   hash.Hash
	bytes int64
	crc   uint32
	n     int64
}

// createGz makes the hidden file, and its folder, for the file that will be called final.
func createGz(final string) (*gzFile, error) {
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		return nil, fmt.Errorf("make the trace's folder: %w", err)
	}
	f, err := os.OpenFile(hiddenName(final), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a trace file: %w", err)
	}
	g := &gzFile{f: f, final: final, sum: sha256.New()}
	if err := g.write(gzipHeader); err != nil {
		return nil, errors.Join(err, g.discard())
	}
	return g, nil
}

func hiddenName(final string) string {
	return filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".part")
}

// add appends a block.
func (g *gzFile) add(b block) error {
	if err := g.write(b.z); err != nil {
		return err
	}
	g.crc = crcCombine(g.crc, b.crc, b.n)
	g.n += b.n
	return nil
}

// finish ends the member, after its last block was added, and closes the file, still under its hidden name.
func (g *gzFile) finish() error {
	end := binary.LittleEndian.AppendUint32(make([]byte, 0, gzipTrailerBytes), g.crc)
	err := g.write(binary.LittleEndian.AppendUint32(end, uint32(g.n)))
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

func (g *gzFile) write(p []byte) error {
	if _, err := g.f.Write(p); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(g.final), err)
	}
	g.sum.Write(p)
	g.bytes += int64(len(p))
	return nil
}
