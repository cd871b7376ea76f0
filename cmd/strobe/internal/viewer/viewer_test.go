package viewer_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/viewer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const content = "not really gzip"

// serve runs a server for a trace and gives the channel with Serve's result.
func serve(t *testing.T, timeout time.Duration) (*viewer.Server, <-chan error, context.CancelFunc) {
	t.Helper()
	return serveFrom(t, timeout, func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(strings.NewReader(content)), int64(len(content)), nil
	})
}

func serveFrom(t *testing.T, timeout time.Duration, open viewer.Source) (*viewer.Server, <-chan error, context.CancelFunc) {
	t.Helper()
	s, err := viewer.Listen("127.0.0.1:0", "p 1.trace.json.gz", "SECRET", open)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, timeout) }()
	t.Cleanup(cancel)
	return s, ended, cancel
}

// TestBrokenTransfer: what came in part only is an error, and so is what could not be opened.
func TestBrokenTransfer(t *testing.T) {
	for name, open := range map[string]viewer.Source{
		"cut short": func(context.Context) (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader(content)), int64(len(content)) + 1, nil
		},
		"refused": func(context.Context) (io.ReadCloser, int64, error) { return nil, 0, errors.New("the ticket is spent") },
	} {
		t.Run(name, func(t *testing.T) {
			s, ended, _ := serveFrom(t, time.Minute, open)
			c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if resp, err := c.Get(s.FileURL()); err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				if err == nil && resp.StatusCode == 200 {
					t.Error("the page does not notice")
				}
			}
			if err := <-ended; err == nil {
				t.Error("no error")
			}
		})
	}
}

// ask makes one call on a connection of its own.
func ask(t *testing.T, method, url string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestFetchedOnce(t *testing.T) {
	s, ended, _ := serve(t, time.Minute)
	if want := viewer.Origin + "/#!/?url=http://127.0.0.1:"; !strings.HasPrefix(s.PageURL(), want) || !strings.HasSuffix(s.PageURL(), "/SECRET/p%201.trace.json.gz") {
		t.Error(s.PageURL())
	}
	resp, body := ask(t, "GET", s.FileURL(), func(r *http.Request) { r.Header.Set("Origin", viewer.Origin) })
	if resp.StatusCode != 200 || body != content || resp.Header.Get("Access-Control-Allow-Origin") != viewer.Origin {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
	if resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("Content-Type") != "application/gzip" {
		t.Error(resp.Header)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.FileURL(), "http://"), "/SECRET/p%201.trace.json.gz")); err == nil {
		c.Close()
		t.Error("the port is still open")
	}
}

func TestRefuses(t *testing.T) {
	s, ended, cancel := serve(t, time.Minute)
	base := strings.TrimSuffix(s.FileURL(), "/SECRET/p%201.trace.json.gz")
	cases := map[string]struct {
		method, url string
		change      func(*http.Request)
		status      int
	}{
		"another page":   {"GET", s.FileURL(), func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		"a null origin":  {"GET", s.FileURL(), func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		"a rebound name": {"GET", s.FileURL(), func(r *http.Request) { r.Host = "evil.example:9001" }, 403},
		"another file":   {"GET", base + "/etc/passwd", nil, 404},
		"the root":       {"GET", base + "/", nil, 404},
		"no secret":      {"GET", base + "/p%201.trace.json.gz", nil, 404},
		"another secret": {"GET", base + "/SECRES/p%201.trace.json.gz", nil, 404},
		"a post":         {"POST", s.FileURL(), nil, 405},
	}
	for name, tc := range cases {
		resp, body := ask(t, tc.method, tc.url, tc.change)
		if resp.StatusCode != tc.status || strings.Contains(body, content) {
			t.Errorf("%s: %d %q", name, resp.StatusCode, body)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestPreflightAndHeadAreNoFetch(t *testing.T) {
	s, ended, cancel := serve(t, time.Minute)
	resp, _ := ask(t, "OPTIONS", s.FileURL(), func(r *http.Request) {
		r.Header.Set("Origin", viewer.Origin)
		r.Header.Set("Access-Control-Request-Private-Network", "true")
	})
	if resp.StatusCode != 204 || resp.Header.Get("Access-Control-Allow-Private-Network") != "true" {
		t.Error(resp.StatusCode, resp.Header)
	}
	if resp, body := ask(t, "HEAD", s.FileURL(), nil); resp.StatusCode != 200 || body != "" {
		t.Error(resp.StatusCode, body)
	}
	select {
	case err := <-ended:
		t.Error("ended by a preflight:", err)
	default:
	}
	cancel()
	<-ended
}

func TestNobodyComes(t *testing.T) {
	_, ended, _ := serve(t, time.Millisecond)
	if err := <-ended; !errors.Is(err, viewer.ErrNotFetched) {
		t.Error(err)
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := viewer.Listen(l.Addr().String(), "a", "b", nil); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Error(err)
	}
}

func TestNoOpener(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := viewer.OpenBrowser("https://example.org"); !errors.Is(err, viewer.ErrNoBrowser) {
		t.Error(err)
	}
}
