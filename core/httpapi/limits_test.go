package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// tick is the unit of the limits in these tests; what must happen within it is waited for a hundred times as long.
const tick = 200 * time.Millisecond

// real serves the harness on a real socket, with limits.
func (h *harness) real(limits ConnLimits) string {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	limits.Log = h.server.log
	srv := h.server.HTTPServer(Exposure{Loopback: true}, nil)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(LimitConns(l, limits)) }()
	h.t.Cleanup(func() {
		_ = srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			h.t.Error(err)
		}
	})
	return l.Addr().String()
}

func limited(o *Options) {
	o.Limits = Limits{HeaderTimeout: tick, BodyTimeout: tick, IdleTimeout: tick, StallTimeout: tick, MaxHeaderBytes: 4 << 10}
	o.Log = slog.New(slog.DiscardHandler)
}

// ends tells of requests that have ended: the audit's lines, as they are written.
type ends chan struct{}

func (e ends) Write(p []byte) (int, error) {
	if strings.Contains(string(p), auditMessage) {
		close(e)
	}
	return len(p), nil
}

var manyConns = ConnLimits{Total: 100, PerClient: 100}

// slowClient is a connection whose requests are written by hand.
type slowClient struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dialSlow(t *testing.T, address string) *slowClient {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(100 * tick)); err != nil {
		t.Fatal(err)
	}
	return &slowClient{t: t, Conn: c, in: bufio.NewReader(c)}
}

func (c *slowClient) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// closed waits until the server has closed the connection, and gives what it said before.
func (c *slowClient) closed() string {
	c.t.Helper()
	text, err := io.ReadAll(c.in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("the connection is still open after %s; the server said %q", 100*tick, clip(string(text), 300))
	}
	return string(text)
}

// TestSlowClients: nobody holds a connection by being slow.
func TestSlowClients(t *testing.T) {
	const post = "POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
	for name, c := range map[string]struct {
		says string
		drip string // sent again and again afterwards
		want string
	}{
		"no header":                       {"", "", ""},
		"half a header":                   {"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n", "", ""},
		"a header that drips":             {"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n", "X-A: b\r\n", ""},
		"no body":                         {post + "Content-Length: 100\r\n\r\n", "", `"code":"slow_body"`},
		"a body that drips":               {post + "Content-Length: 100000\r\n\r\n{", " ", `"code":"slow_body"`},
		"chunks that drip":                {post + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", `"code":"slow_body"`},
		"a body that nobody reads":        {"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n", "", `{"status":"healthy"}`},
		"a body for a route that refuses": {"PUT /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n", "", `"code":"method_not_allowed"`},
		"a form that drips":               {"POST /start_profile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\n", "a", `"code":"slow_body"`},
		"idle after an answer":            {"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "", `{"status":"healthy"}`},
		"a huge header":                   {"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "", "431 Request Header Fields Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, limited)
			client := dialSlow(t, h.real(manyConns))
			client.say(c.says)
			ended := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for c.drip != "" {
					select {
					case <-ended:
						return
					case <-time.After(tick / 10):
						if _, err := io.WriteString(client, c.drip); err != nil {
							return
						}
					}
				}
			})
			got := client.closed()
			close(ended)
			wg.Wait()
			if !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "HTTP/1.1 2") {
				t.Errorf("the server said %q, want %q", got, c.want)
			}
		})
	}
}

// TestSlowGeneration: what limits a body does not limit the model.
func TestSlowGeneration(t *testing.T) {
	h := newHarness(t, limited)
	h.engine.hook = func(ctx context.Context, _ *trace.Track, _ *model.Request) error {
		select {
		case <-time.After(3 * tick):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	res, err := http.Post("http://"+h.real(manyConns)+generations, typeJSON, strings.NewReader(`{"prompt":"cat"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != 200 {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

// TestSlowReader: a client that does not take its download loses the connection; one that takes it slowly does not.
func TestSlowReader(t *testing.T) {
	const size = 32 << 20
	file := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pause time.Duration // before each MiB; 0: nothing is read
		stall time.Duration
	}{"takes nothing": {0, tick}, "takes its time": {tick / 4, 5 * tick}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(ends)
			h := newHarness(t, limited, func(o *Options) {
				o.Limits.StallTimeout, o.Log = c.stall, slog.New(slog.NewTextHandler(ended, nil))
			})
			v := fakeView(idOne)
			v.Artifacts = []profile.Artifact{{Name: "big", Bytes: size, MediaType: "application/octet-stream"}}
			h.profiles.put(v)
			h.profiles.files = map[string]string{"big": file}
			c1 := dialSlow(t, h.real(manyConns))
			c1.say("GET /v1/profiles/" + idOne + "/artifacts/big HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
			if c.pause == 0 {
				select {
				case <-ended:
				case <-time.After(100 * tick):
					t.Fatal("the server still waits for a client that takes nothing")
				}
				if n := len(c1.closed()); n >= size {
					t.Errorf("all %d bytes came", n)
				}
				return
			}
			total := 0
			for {
				n, err := io.CopyN(io.Discard, c1.in, 1<<20)
				total += int(n)
				if err != nil {
					break
				}
				time.Sleep(c.pause)
			}
			if total < size {
				t.Errorf("%d bytes came of %d", total, size)
			}
		})
	}
}

// TestConnections: more than the total wait, more than a client's share are closed, and what closes makes room.
func TestConnections(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) }) // the last of the clean-ups
	h := newHarness(t, func(o *Options) { o.Log = slog.New(slog.DiscardHandler) })
	const ask, answered = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 200 OK"
	speak := func(c *slowClient) (string, error) {
		c.say(ask)
		line, err := c.in.ReadString('\n')
		return strings.TrimSpace(line), err
	}
	address := h.real(ConnLimits{Total: 10, PerClient: 2})
	one, two, three := dialSlow(t, address), dialSlow(t, address), dialSlow(t, address)
	for _, c := range []*slowClient{one, two} {
		if line, err := speak(c); line != answered {
			t.Fatal(line, err)
		}
	}
	if got := three.closed(); got != "" {
		t.Errorf("the third got %q", got)
	}
	_ = one.Close()
	for end := time.Now().Add(100 * tick); ; time.Sleep(tick / 20) {
		four := dialSlow(t, address)
		_, _ = io.WriteString(four, ask)
		line, _ := four.in.ReadString('\n')
		if strings.TrimSpace(line) == answered {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no room after a close")
		}
	}

	address = h.real(ConnLimits{Total: 1, PerClient: 10})
	first, waiting := dialSlow(t, address), dialSlow(t, address)
	if line, err := speak(first); line != answered {
		t.Fatal(line, err)
	}
	waiting.say(ask)
	if err := waiting.SetReadDeadline(time.Now().Add(tick)); err != nil {
		t.Fatal(err)
	}
	if line, err := waiting.in.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("over the total: %q, %v", line, err)
	}
	_ = first.Close()
	if err := waiting.SetReadDeadline(time.Now().Add(100 * tick)); err != nil {
		t.Fatal(err)
	}
	if line, err := waiting.in.ReadString('\n'); strings.TrimSpace(line) != answered {
		t.Fatal(line, err)
	}
	_ = waiting.Close()
	http.DefaultClient.CloseIdleConnections()
}

func TestClientOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::", "[2001:db8:1:2:ffff::]:9": "2001:db8:1:2::",
	} {
		if got := clientOf(fakeConn{addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}); got.String() != want {
			t.Errorf("%s counts for %s, want %s", address, got, want)
		}
	}
	if got := clientOf(fakeConn{addr: &net.UnixAddr{}}); got.IsValid() {
		t.Error(got)
	}
}

type fakeConn struct {
	net.Conn
	addr net.Addr
}

func (c fakeConn) RemoteAddr() net.Addr { return c.addr }

// TestRates: what comes too often is 429 with the seconds to wait, and comes through after them.
func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(o *Options) {
			o.Limits = Limits{StartsPerMinute: 8, GenerationsPerMinute: 12}
			o.APIKey, o.ControlToken = "k", "c"
		})
		start := func(path string) int {
			h.profiles.active = ""
			w := h.do(request("POST", path, "", nil, "Authorization", "Bearer c"))
			if w.Code == 429 {
				e := wantError(t, w, 429, codeRateLimited, "")
				if after := w.Header().Get("Retry-After"); !strings.HasSuffix(e.Message, "try again in "+after+"s") {
					t.Errorf("Retry-After is %s: %s", after, e.Message)
				}
				if s, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || s < 1 || s > 8 {
					t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
				}
			}
			return w.Code
		}
		codes := fmt.Sprint(start("/v1/profiles"), start(snapshotPath), start("/start_profile"), start("/v1/profiles"))
		if codes != "200 200 429 429" { // a quarter of eight at once, all kinds together
			t.Error(codes)
		}
		time.Sleep(7500 * time.Millisecond)
		if codes := fmt.Sprint(start("/start_profile"), start("/v1/profiles")); codes != "200 429" {
			t.Error(codes)
		}
		draw := func(secret string) int {
			return h.postJSON(generations, `{"prompt":"cat"}`, "Authorization", "Bearer "+secret).Code
		}
		if codes := fmt.Sprint(draw("k"), draw("k"), draw("k"), draw("k"), draw("c"), draw("x")); codes != "200 200 200 429 200 401" {
			t.Error(codes) // each key has its own, and who may not draw takes nothing
		}
		time.Sleep(5 * time.Second)
		if codes := fmt.Sprint(draw("k"), draw("k")); codes != "200 429" {
			t.Error(codes)
		}
	})
}
