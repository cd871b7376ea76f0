package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
)

// TestRemovedFolders: a profile whose folder somebody removed is not shown any more, and one can be made when the folder of
// all is gone.
func TestRemovedFolders(t *testing.T) {
	for name, minFree := range map[string]int64{"free disk is watched": 1, "it is not": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs syncBuffer
				c := coretest.New(t, keeping(&logs, func(o *profile.Options) { o.MinFreeBytes, o.MaxAge = minFree, time.Hour }))
				first, second := one(t, c), one(t, c)
				remove := func(path string) {
					t.Helper()
					if err := os.RemoveAll(path); err != nil {
						t.Fatal(err)
					}
				}
				remove(filepath.Join(c.Dir, first))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{second}) {
					t.Errorf("listed %v", got)
				}
				if text := logs.String(); !strings.Contains(text, "id="+first+" state=removed why=\"its folder is gone") {
					t.Errorf("nothing in the log:\n%s", text)
				}
				remove(c.Dir)
				third := one(t, c)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{third}) {
					t.Errorf("listed %v", got)
				}
				if v, err := c.Profiles.Get(third); err != nil || v.State != profile.StateComplete {
					t.Errorf("%+v, %v", v, err)
				}
			})
		})
	}
}
