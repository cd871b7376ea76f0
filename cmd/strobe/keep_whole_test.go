package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/core/profile"
)

// TestProfilesAreKept takes profiles of a real server through their lives: a client that starts one and vanishes, one that
// watches, pins, lists and downloads, and the bound on what is kept.
func TestProfilesAreKept(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join("..", "..", "plugins.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	set := strings.NewReplacer(`max_duration = "10m"`, `max_duration = "1s"`, "keep         = 20", "keep         = 2",
		`profilers = ["chrome"]`, "profilers = [\"chrome\"]\n  control_token_file = \"token\"")
	if err := os.WriteFile(filepath.Join(dir, "plugins.hcl"), []byte(set.Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "a-token-of-this-test-alone-0123456789"
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startServerIn(t, dir)
	c, err := client.New(client.Options{Server: p.url, Token: secret})
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for range 3 {
		gone := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		var v profile.View
		if err := json.Unmarshal(withToken(t, gone, "POST", p.url+"/v1/profiles", secret, "").body, &v); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		var seen []client.Progress
		err := c.WatchProfile(ctx, v.ID, func(p client.Progress) error { seen = append(seen, p); return nil })
		cancel()
		if err != nil || len(seen) < 2 || seen[0].State != "recording" || seen[len(seen)-1].State != "complete" || seen[len(seen)-1].EndedBy != "max_duration" {
			t.Fatalf("a profile whose client vanished: %+v, %v", seen, err)
		}
		made = append(made, v.ID)
		if len(made) == 1 {
			yes := true
			if _, err := c.ChangeProfile(t.Context(), v.ID, client.ProfileChange{Pinned: &yes}); err != nil {
				t.Fatal(err)
			}
		}
	}
	list, err := c.FindProfiles(t.Context(), client.ListQuery{})
	if err != nil || len(list.Profiles) != 2 || list.Profiles[0].ID != made[2] || list.Profiles[1].ID != made[0] || !list.Profiles[1].Pinned {
		t.Fatalf("kept: %s, %v", list.Raw, err)
	}
	got := withToken(t, http.DefaultClient, "GET", p.url+"/v1/profiles/"+made[0]+"/artifacts.zip", secret, "")
	z, err := zip.NewReader(bytes.NewReader(got.body), int64(len(got.body)))
	if err != nil || len(z.File) != len(list.Profiles[1].Artifacts) {
		t.Errorf("%d: %v", got.status, err)
	}
	ticket, err := c.CreateTicket(t.Context(), made[0], list.Profiles[1].Artifacts[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{200, 401} {
		if got := withToken(t, http.DefaultClient, "GET", p.url+ticket.URL, "", ""); got.status != want {
			t.Errorf("ticket, time %d: %d %s", i+1, got.status, got.body)
		}
	}
	if strings.Contains(p.stderr.String(), ticket.Secret()) {
		t.Error("the log has the ticket")
	}
}
