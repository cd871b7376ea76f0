package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

const artifactBody = "\x1f\x8b01234567"

// locked is a server with an artifact and tokens of both roles.
func locked(t *testing.T) *harness {
	t.Helper()
	h, file := artifactHarness(t)
	o := h.server.o
	o.Metrics = nil
	o.ControlToken, o.ReadToken = "control-secret", "read-secret"
	h.server = New(o)
	h.profiles.files = map[string]string{artifactName: file}
	return h
}

func askTicket(t *testing.T, h *harness, headers ...string) ticketReply {
	t.Helper()
	w := h.postJSON("/v1/profiles/"+idOne+"/tickets", `{"artifact":"`+artifactName+`"}`, headers...)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return decode[ticketReply](t, w)
}

func TestTicketOpensOnce(t *testing.T) {
	for _, token := range []string{"read-secret", "control-secret"} {
		h := locked(t)
		wantError(t, h.get("/v1/profiles/"+idOne+"/artifacts/"+artifactName), 401, codeBadToken, "")
		ticket := askTicket(t, h, "Authorization", "Bearer "+token)
		if !strings.HasPrefix(ticket.URL, "/v1/profiles/"+idOne+"/artifacts/"+artifactName+"?ticket=") || ticket.Artifact != artifactName || time.Until(ticket.ExpiresAt) > ticketLife {
			t.Errorf("%+v", ticket)
		}
		for range 2 { // looking does not spend it
			if w := h.do(request(http.MethodHead, ticket.URL, "", nil)); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "10" {
				t.Errorf("HEAD: %d %v", w.Code, w.Header())
			}
		}
		// A foreign page is refused with a ticket, too, and does not spend it: strobe profile open stands between.
		wantError(t, h.get(ticket.URL, "Origin", "https://ui.perfetto.dev"), 403, codeCrossSite, "")
		// A part, or "you have it", would spend the ticket for nothing.
		w := h.get(ticket.URL, "Range", "bytes=2-4", "If-None-Match", `"`+shaText+`"`)
		if w.Code != 200 || w.Body.String() != artifactBody || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("GET: %d %q %v", w.Code, w.Body, w.Header())
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Error("another origin is allowed")
		}
		wantError(t, h.get(ticket.URL), 401, codeBadTicket, "ticket")
		wantError(t, h.do(request(http.MethodOptions, ticket.URL, "", nil, "Origin", "https://ui.perfetto.dev", "Access-Control-Request-Method", "GET")), 405, codeMethod, "")
		_, secret, _ := strings.Cut(ticket.URL, "ticket=")
		if strings.Contains(h.log.String(), secret) {
			t.Error("the log has the ticket")
		}
		if !strings.Contains(h.log.String(), "who=ticket") {
			t.Error("the audit does not say that a ticket opened the artifact")
		}
	}
}

func TestTicketIsForOneArtifact(t *testing.T) {
	h := locked(t)
	v := fakeView(idOne)
	other := v.Artifacts[0]
	other.Name = "other.gz"
	v.Artifacts = append(v.Artifacts, other)
	h.profiles.put(v)
	h.profiles.files["other.gz"] = h.profiles.files[artifactName]
	h.profiles.put(fakeViewAs("20261123-100312-ffffff"))
	_, query, _ := strings.Cut(askTicket(t, h, "Authorization", "Bearer read-secret").URL, "?")
	for _, path := range []string{
		"/v1/profiles/" + idOne + "/artifacts/other.gz?" + query,
		"/v1/profiles/" + idOne + "/artifacts/..%2f" + idOne + "%2f" + artifactName + "?" + query,
		"/v1/profiles/20261123-100312-ffffff/artifacts/" + artifactName + "?" + query,
		"/v1/profiles/" + idOne + "/artifacts/" + artifactName + "?ticket=",
		"/v1/profiles/" + idOne + "/artifacts/" + artifactName + "?ticket=" + strings.Repeat("A", 52),
		"/v1/profiles/" + idOne + "/artifacts/" + artifactName + "?ticket=" + strings.Repeat("A", 50_000),
	} {
		if w := h.get(path); w.Code != 401 {
			t.Errorf("%s: %d %s", clip(path, 120), w.Code, clip(w.Body.String(), 200))
		}
	}
	for _, path := range []string{"", "/artifacts", "/summary", "/events", "/artifacts.zip"} { // it opens no other route
		if w := h.get("/v1/profiles/" + idOne + path + "?" + query); w.Code != 401 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := h.get("/v1/profiles/" + idOne + "/artifacts/" + artifactName + "?" + query); w.Code != 200 {
		t.Errorf("what did not open anything spent the ticket: %d", w.Code)
	}
}

func fakeViewAs(id string) profile.View { return fakeView(id) }

func TestTicketErrors(t *testing.T) {
	h := locked(t)
	path := "/v1/profiles/" + idOne + "/tickets"
	auth := []string{"Authorization", "Bearer read-secret"}
	wantError(t, h.postJSON(path, `{"artifact":"x"}`), 401, codeBadToken, "")
	wantError(t, h.postJSON(path, `{"artifact":"x"}`, append(auth, "Sec-Fetch-Site", "cross-site")...), 403, codeCrossSite, "")
	wantError(t, h.postJSON(path, `{}`, auth...), 400, codeMissing, "artifact")
	wantError(t, h.postJSON(path, `{"artifact":5}`, auth...), 400, codeInvalidValue, "artifact")
	wantError(t, h.postJSON(path, `{"name":"x"}`, auth...), 400, codeUnknownParam, "name")
	for _, name := range []string{"nothing.gz", "../secret", "/etc/passwd", "merged/../../x", ".", "recording/profile.json", "a\\u0000b"} {
		wantError(t, h.postJSON(path, `{"artifact":"`+name+`"}`, auth...), 404, codeNotFound, "artifact")
	}
	wantError(t, h.postJSON("/v1/profiles/none/tickets", `{"artifact":"x"}`, auth...), 404, codeNotFound, "id")
	wantError(t, h.do(request("POST", path, typeForm, strings.NewReader("artifact=x"), auth...)), 415, codeMediaType, "")
	small := newHarness(t, func(o *Options) { o.MaxBodyBytes = 4 })
	wantError(t, small.postJSON(path, `{"artifact":"x"}`), 413, codeTooLarge, "")
	file := h.profiles.files[artifactName]
	ticket := askTicket(t, h, auth...)
	v := fakeView(idOne)
	v.Artifacts[0].SHA256 = strings.Repeat("0", 64) // exported again meanwhile
	h.profiles.put(v)
	wantError(t, h.get(ticket.URL), 404, codeNotFound, "name")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.get("/v1/profiles/"+idOne+"/artifacts/"+artifactName, auth...), 500, codeInternal, "")
}

// TestTicketExpires, and there are never more than so many.
func TestTicketExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b ticketBox
		a := profile.Artifact{Name: "a", SHA256: shaText}
		first, expires := b.issue(idOne, a, time.Now())
		if got := time.Until(expires); got != ticketLife || len(first) != 52 {
			t.Errorf("%v, %d characters", got, len(first))
		}
		time.Sleep(ticketLife - 1)
		if _, ok := b.redeem(first, idOne, "a", false, time.Now()); !ok {
			t.Error("it is gone before its time")
		}
		time.Sleep(time.Nanosecond)
		if _, ok := b.redeem(first, idOne, "a", true, time.Now()); ok || len(b.list) != 0 {
			t.Error("it is there after its time")
		}
		oldest, _ := b.issue(idOne, a, time.Now())
		secrets := map[string]bool{oldest: true}
		for range maxTickets {
			s, _ := b.issue(idOne, a, time.Now())
			secrets[s] = true
		}
		if len(b.list) != maxTickets || len(secrets) != maxTickets+1 {
			t.Errorf("%d tickets, %d of them different", len(b.list), len(secrets))
		}
		if _, ok := b.redeem(oldest, idOne, "a", true, time.Now()); ok {
			t.Error("the oldest is there")
		}
	})
}

// TestTicketIsSpentOnce: of many who come at once with it, one gets the file.
func TestTicketIsSpentOnce(t *testing.T) {
	h := locked(t)
	ticket := askTicket(t, h, "Authorization", "Bearer read-secret")
	var mu sync.Mutex
	var wg sync.WaitGroup
	statuses := map[int]int{}
	for range 32 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			h.server.ServeHTTP(w, request(http.MethodGet, ticket.URL, "", nil))
			mu.Lock()
			defer mu.Unlock()
			statuses[w.Code]++
		})
	}
	wg.Wait()
	if text, _ := json.Marshal(statuses); fmt.Sprint(statuses) != "map[200:1 401:31]" {
		t.Errorf("%s", text)
	}
}
