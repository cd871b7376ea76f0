package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

func TestFindProfilesFollowsPages(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		if r.URL.Query().Get("after") == "" {
			_, _ = io.WriteString(w, `{"profiles":[{"id":"c","state":"complete"},{"id":"b","state":"complete"}],"next":"x.b"}`)
			return
		}
		_, _ = io.WriteString(w, `{"profiles":[{"id":"a","state":"failed"}],"next":null}`)
	})
	none, yes := "", true
	list, err := c.FindProfiles(t.Context(), client.ListQuery{States: []string{"complete", "failed"}, Trigger: &none, Pinned: &yes, Since: time.Unix(1e9, 0)})
	if err != nil || len(list.Profiles) != 3 || string(list.Raw) != `{"profiles":[{"id":"c","state":"complete"},{"id":"b","state":"complete"},{"id":"a","state":"failed"}],"next":null}` {
		t.Fatalf("%s, %v", list.Raw, err)
	}
	query := "limit=1000&pinned=true&since=2001-09-09T01%3A46%3A40Z&state=complete%2Cfailed&trigger="
	if diff := cmp.Diff([]string{query, "after=x.b&" + query}, asked); diff != "" {
		t.Error(diff)
	}
	asked = nil
	if list, err := c.FindProfiles(t.Context(), client.ListQuery{Limit: 2}); err != nil || len(list.Profiles) != 2 || len(asked) != 1 {
		t.Errorf("%s, %v, %q", list.Raw, err, asked)
	}
}

func TestWatchProfile(t *testing.T) {
	enough := errors.New("enough")
	const progress = "retry: 5\n\nid: 1\nevent: progress\ndata: {\"id\":\"a\",\"state\":\"recording\",\"requests\":2}\n\n: still there\n\n"
	for name, tt := range map[string]struct {
		body string
		stop error
		want error
		seen int
	}{
		"to its end":      {progress + "event: end\ndata: {\"state\":\"complete\"}\n\nevent: progress\ndata: {}\n\n", nil, nil, 2},
		"the server ends": {progress, nil, client.ErrStreamEnded, 1},
		"the caller ends": {progress, enough, enough, 1},
		"nothing at all":  {"", nil, client.ErrStreamEnded, 0},
	} {
		c := serve(t, answer(200, "text/event-stream", tt.body))
		seen := 0
		err := c.WatchProfile(t.Context(), "a", func(p client.Progress) error { seen++; return tt.stop })
		if !errors.Is(err, tt.want) || seen != tt.seen {
			t.Errorf("%s: %d events, %v", name, seen, err)
		}
	}
	c := serve(t, answer(200, "text/event-stream", "data: {\n\n"))
	if err := c.WatchProfile(t.Context(), "a", func(client.Progress) error { return nil }); err == nil {
		t.Error("an event that is no JSON")
	}
}

func TestTickets(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, `{"url":"/v1/profiles/a/artifacts/merged/b.gz?ticket=T"}`)
			return
		}
		fmt.Fprintf(w, "%s %s", r.URL.RequestURI(), r.Header.Get("Authorization"))
	})
	ticket, err := c.CreateTicket(t.Context(), "a", "merged/b.gz")
	if err != nil || ticket.Secret() != "T" {
		t.Fatal(ticket, err)
	}
	body, size, err := c.OpenTicket(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, _ := io.ReadAll(body); string(text) != "/v1/profiles/a/artifacts/merged/b.gz?ticket=T " || size != int64(len(text)) {
		t.Errorf("%q of %d: the token must not go with a ticket", text, size)
	}
	for name, reply := range map[string]string{"no ticket": `{"url":"/v1/x"}`, "another server": `{"url":"https://evil.example/x?ticket=T"}`} {
		if _, err := serve(t, answer(200, "", reply)).CreateTicket(t.Context(), "a", "b"); err == nil {
			t.Errorf("%s is taken for a link", name)
		}
	}
}
