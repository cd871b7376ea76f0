package httpapi

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// maxZips bounds how many are sent at once: each holds its files open.
const maxZips = 8

// packed are the endings of files that are compressed already.
var packed = []string{".gz", ".zst", ".xz", ".bz2", ".zip", ".br", ".lz4", ".png", ".jpg"}

// getArtifactsZip is GET /v1/profiles/{id}/artifacts.zip: all artifacts in a folder named like the profile, made while it is
// sent. The files are opened before the first byte goes out, so a profile that is deleted meanwhile comes whole. One that
// is no more what the list says ends the connection: a zip without its end opens nowhere.
func (s *Server) getArtifactsZip(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	if _, err := strictQuery(r); err != nil {
		return err
	}
	v, err := s.profiles.Get(id)
	switch {
	case err != nil:
		return err
	case !v.State.Final():
		return failf(codeProfileActive, "", "profile %s is %s: stop it first, or wait: its artifacts come when it has ended", id, v.State)
	case len(v.Artifacts) == 0:
		return failf(codeNotFound, "id", "profile %s has no artifacts: GET /v1/profiles/%s says why", id, id)
	}
	if !s.zips.enter() {
		return busy(w, "%d zips are being sent, which is all that may: try again, or download the artifacts one by one", maxZips)
	}
	defer s.zips.leave()
	files, err := s.openArtifacts(v)
	defer closeAll(files)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", attachment(id+".zip"))
	h.Set("Cache-Control", "no-store")
	h.Set("Accept-Ranges", "none")
	if r.Method == http.MethodHead {
		return nil
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the time for a request's arrival is over
	if err := writeZip(w, v, files); err != nil {
		st := stateOf(r)
		st.code, st.cause = codeInternal, err
		panic(http.ErrAbortHandler) // the reply has begun: only a broken connection tells
	}
	return nil
}

// openArtifacts opens all files of a profile, in the order of its list. With an error come those that are open.
func (s *Server) openArtifacts(v profile.View) ([]*os.File, error) {
	var files []*os.File
	for _, a := range v.Artifacts {
		f, _, err := s.artifact(v.ID, a.Name)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // they were only read
	}
}

// writeZip writes a zip of the files. Its memory does not depend on their sizes.
func writeZip(w io.Writer, v profile.View, files []*os.File) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for i, a := range v.Artifacts {
		head := &zip.FileHeader{Name: v.ID + "/" + a.Name, Method: zip.Deflate, Modified: v.StartedAt}
		if v.StoppedAt != nil {
			head.Modified = *v.StoppedAt
		}
		if slices.Contains(packed, path.Ext(a.Name)) {
			head.Method = zip.Store
		}
		head.SetMode(0o600)
		part, err := z.CreateHeader(head)
		if err != nil {
			return fmt.Errorf("begin %s in the zip: %w", a.Name, err)
		}
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(part, sum), io.LimitReader(files[i], a.Bytes+1))
		if err != nil {
			return fmt.Errorf("send %s in the zip: %w", a.Name, err)
		}
		if n != a.Bytes || a.SHA256 != "" && !isSum(sum.Sum(nil), a.SHA256) {
			return fmt.Errorf("artifact %s of profile %s is not the file that the list says it is", a.Name, v.ID)
		}
	}
	return z.Close()
}

func isSum(got []byte, want string) bool {
	b, err := hex.DecodeString(want)
	return err == nil && bytes.Equal(got, b)
}
