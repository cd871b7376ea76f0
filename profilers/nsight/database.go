package nsight

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // SQLite in Go
)

const (
	pageBytes  = 4096 // of SQLite, as Nsight Systems has it
	smallPage  = 512  // when the bound is below smallLimit: a table has a page at least
	smallLimit = 4 << 20
	cacheBytes = 8 << 20
)

// database is a file that is being written, under a hidden name, in one transaction without a journal: it is published
// whole or not at all.
type database struct {
	final, hidden string
	db            *sql.DB
	conn          *sql.Conn
	raw           driver.Conn
	made          map[string]*inserter
	err           error // the first one; nothing is written after it

	limit int64 // bytes; 0 for none
	page  int64 // bytes
	bytes int64 // estimate, never below what the rows take
}

func openDatabase(ctx context.Context, final string, limit int64) (_ *database, err error) {
	d := &database{
		final: final, hidden: filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".partial"),
		made: map[string]*inserter{}, limit: limit, page: pageBytes,
	}
	if limit > 0 && limit < smallLimit {
		d.page = smallPage
	}
	if err := os.Remove(d.hidden); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err // of an export that did not end
	}
	f, err := os.OpenFile(d.hidden, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if d.db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: d.hidden}).EscapedPath()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.discard())
		}
	}()
	d.db.SetMaxOpenConns(1)
	if d.conn, err = d.db.Conn(ctx); err != nil {
		return nil, err
	}
	for _, pragma := range []string{
		fmt.Sprintf("page_size=%d", d.page), "journal_mode=off", "synchronous=off", "locking_mode=exclusive", "temp_store=memory",
		fmt.Sprintf("cache_size=-%d", cacheBytes>>10),
	} {
		if _, err := d.conn.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return nil, err
		}
	}
	if _, err := d.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	err = d.conn.Raw(func(c any) error { d.raw = c.(driver.Conn); return nil })
	return d, err
}

// rowsAtOnce is how many rows of a table are inserted by one statement, which costs each a fifth less.
const rowsAtOnce = 16

// inserter adds rows to a table.
type inserter struct {
	table   table
	many    driver.Stmt // rowsAtOnce rows
	waiting []driver.NamedValue
}

// put adds a row. Values are int64, float64, string or nil. database/sql would take a microsecond more for each row.
func (d *database) put(t table, row ...driver.Value) {
	if d.err != nil {
		return
	}
	in := d.made[t.name]
	if in == nil {
		if in, d.err = d.make(t); d.err != nil {
			return
		}
	}
	for _, v := range row {
		d.bytes += d.size(v)
	}
	d.bytes += 8 // rowid, lengths
	for _, v := range row {
		in.waiting = append(in.waiting, driver.NamedValue{Ordinal: len(in.waiting) + 1, Value: v})
	}
	if len(in.waiting) == rowsAtOnce*len(row) {
		d.err = in.flush(in.many)
	}
}

// flush inserts the waiting rows.
func (in *inserter) flush(stmt driver.Stmt) error {
	_, err := stmt.(driver.StmtExecContext).ExecContext(context.Background(), in.waiting) // nothing waits here
	clear(in.waiting)
	in.waiting = in.waiting[:0]
	if err != nil {
		return fmt.Errorf("write %s: %w", in.table.name, err)
	}
	return nil
}

// flush inserts all rows that wait.
func (d *database) flush() error {
	err := d.err
	for _, in := range d.made {
		if rows := len(in.waiting) / in.table.width(); rows > 0 && err == nil {
			var stmt driver.Stmt
			if stmt, err = d.raw.Prepare(in.table.insert(rows)); err == nil {
				err = errors.Join(in.flush(stmt), stmt.Close())
			}
		}
		err = errors.Join(err, in.many.Close())
	}
	return err
}

// size bounds what a value takes in a row.
func (d *database) size(v driver.Value) int64 {
	switch v := v.(type) {
	case nil:
		return 1
	case int64:
		return 1 + (int64(bits.Len64(uint64(max(v, -v-1))))/8+1)*5/4 // integers have 1, 2, 3, 4, 6 or 8 bytes
	case string:
		if int64(len(v)) > d.page/8 { // long rows leave pages half empty
			return 2*int64(len(v)) + 3
		}
		return int64(len(v)) + 3
	}
	return 9
}

// make makes a table.
func (d *database) make(t table) (*inserter, error) {
	create := t.create()
	if _, err := d.exec(create); err != nil {
		return nil, fmt.Errorf("make table %s: %w", t.name, err)
	}
	d.bytes += d.page + d.size(create)
	stmt, err := d.raw.Prepare(t.insert(rowsAtOnce))
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", t.name, err)
	}
	d.made[t.name] = &inserter{table: t, many: stmt}
	return d.made[t.name], nil
}

func (d *database) exec(text string) (driver.Result, error) {
	stmt, err := d.raw.Prepare(text)
	if err != nil {
		return nil, err
	}
	r, err := stmt.(driver.StmtExecContext).ExecContext(context.Background(), nil)
	return r, errors.Join(err, stmt.Close())
}

// room tells whether a row of so many bytes fits, with what is still to come.
func (d *database) room(bytes int64) bool {
	return d.limit <= 0 || d.pages(d.bytes+bytes) <= d.limit
}

// pages is what rows take in a file: pages are filled to nine tenths at least.
func (d *database) pages(bytes int64) int64 { return bytes + bytes/8 + 4*d.page }

// publish completes the file and names it.
func (d *database) publish() (bytes int64, sum string, err error) {
	if err = d.flush(); err == nil {
		_, err = d.exec("COMMIT")
	}
	if err = errors.Join(err, d.close()); err != nil {
		return 0, "", err
	}
	f, err := os.Open(d.hidden)
	if err != nil {
		return 0, "", err
	}
	h := sha256.New()
	bytes, err = io.Copy(h, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, "", err
	}
	return bytes, hex.EncodeToString(h.Sum(nil)), os.Rename(d.hidden, d.final)
}

func (d *database) close() (err error) {
	if d.conn != nil {
		err = d.conn.Close()
	}
	return errors.Join(err, d.db.Close())
}

// discard removes the unfinished file.
func (d *database) discard() error {
	_ = d.close()
	if err := os.Remove(d.hidden); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
