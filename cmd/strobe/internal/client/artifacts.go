package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
)

// ChecksumError says that a download is not what the server's list says it is.
type ChecksumError struct {
	Name      string
	Got, Want string // sha256, hexadecimal
	Bytes     int64  // that came
	Size      int64  // that the list says
}

// Error names the file and the difference.
func (e *ChecksumError) Error() string {
	if e.Bytes != e.Size {
		return fmt.Sprintf("artifact %s came with %d bytes, the server's list says %d: download it again", e.Name, e.Bytes, e.Size)
	}
	return fmt.Sprintf("artifact %s came with sha256 %s, the server's list says %s: download it again", e.Name, e.Got, e.Want)
}

// DownloadArtifact writes an artifact to w and holds it against its size and sha256. What was written before an error
// is not to be used.
func (c *Client) DownloadArtifact(ctx context.Context, id string, a Artifact, w io.Writer) error {
	resp, err := c.open(ctx, call{method: http.MethodGet, path: profilePath(id, append([]string{"artifacts"}, strings.Split(a.Name, "/")...)...)})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), resp.Body)
	if err != nil {
		return fmt.Errorf("download artifact %s: %w", a.Name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != a.Bytes || (a.SHA256 != "" && got != a.SHA256) {
		return &ChecksumError{Name: a.Name, Got: got, Want: a.SHA256, Bytes: n, Size: a.Bytes}
	}
	return nil
}

// Merged is the artifact that has core and all ranks in one file, which is what a viewer shows.
func (p *Profile) Merged() (Artifact, bool) {
	for _, a := range p.Artifacts {
		if strings.HasPrefix(a.Name, "merged/") {
			return a, true
		}
	}
	return Artifact{}, false
}

// FindArtifacts picks artifacts by name: the whole name, or what follows its last slash. No name picks all.
func (p *Profile) FindArtifacts(names []string) ([]Artifact, error) {
	if len(names) == 0 {
		return p.Artifacts, nil
	}
	var found []Artifact
	for _, name := range names {
		a, ok := p.findArtifact(name)
		if !ok {
			return nil, fmt.Errorf("profile %s has no artifact %q: `strobe profile show %s` lists them", p.ID, name, p.ID)
		}
		found = append(found, a)
	}
	return found, nil
}

func (p *Profile) findArtifact(name string) (Artifact, bool) {
	for _, a := range p.Artifacts {
		if a.Name == name || path.Base(a.Name) == name {
			return a, true
		}
	}
	return Artifact{}, false
}
