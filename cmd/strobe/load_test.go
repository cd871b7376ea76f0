package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// crowdSize is how many clients ask at once, of a server whose queue is 64.
const crowdSize = 1000

// crowdMemory is what core may take at most while they do: ten times what it does.
const crowdMemory = 1 << 30

// TestThousandClients has a thousand clients ask at the same moment, again and again. Each gets its own picture or a 503 that
// says when to come back, no request is lost or served twice, and core's memory stays bounded.
func TestThousandClients(t *testing.T) {
	waves := 2
	if os.Getenv("STROBE_TEST") == "full" {
		waves = 20
	}
	c := newCrowd(t)
	for range waves {
		c.wave()
	}
	c.check()
	t.Logf("%d answered, %d refused; core took %d MiB at most, %d MiB before", len(c.served), len(c.refused), c.peak()>>20, c.before>>20)
}

// BenchmarkThousandClients tells how fast those that find no place are refused, and what memory the crowd costs.
func BenchmarkThousandClients(b *testing.B) {
	c := newCrowd(b)
	c.wave() // connections are made
	c.took = nil
	b.ResetTimer()
	for range b.N {
		c.wave()
	}
	b.StopTimer()
	c.check()
	slices.Sort(c.took)
	b.ReportMetric(c.took[len(c.took)/2].Seconds()*1000, "refused-p50-ms")
	b.ReportMetric(c.took[len(c.took)*99/100].Seconds()*1000, "refused-p99-ms")
	b.ReportMetric(float64(c.peak()>>20), "core-MiB")
	b.ReportMetric(float64(c.before>>20), "before-MiB")
	b.ReportMetric(float64(len(c.refused))/float64(len(c.refused)+len(c.served)), "refused-share")
}

// crowd is a thousand clients of one server.
type crowd struct {
	t      testing.TB
	p      *process
	client *http.Client
	lists  string // folder: whom the model served
	before int64  // bytes of core before anybody came
	waves  int

	mu              sync.Mutex
	served, refused map[string]bool // ids of requests
	took            []time.Duration // of those refused
}

func newCrowd(t testing.TB) *crowd {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max < 4*crowdSize {
		t.Skipf("%d files may be open at once (ulimit -Hn), %d are needed", limit.Max, 4*crowdSize)
	}
	c := &crowd{t: t, lists: t.TempDir(), served: map[string]bool{}, refused: map[string]bool{}}
	c.p = startInstant(t, instant{delay: 5 * time.Millisecond, served: c.lists, server: `access_log = "off"`})
	tr := &http.Transport{MaxIdleConnsPerHost: crowdSize}
	t.Cleanup(tr.CloseIdleConnections)
	c.client = &http.Client{Transport: tr}
	c.ask("warm", 1)
	c.before = c.peak()
	return c
}

// wave has every client ask once, all at the same moment.
func (c *crowd) wave() {
	c.waves++
	start := make(chan struct{})
	var wg sync.WaitGroup
	for n := range crowdSize {
		wg.Go(func() {
			<-start
			c.ask(fmt.Sprintf("crowd-%d-%d", c.waves, n), uint64(c.waves)<<32+uint64(n))
		})
	}
	close(start)
	wg.Wait()
}

// ask makes one request and judges its answer.
func (c *crowd) ask(id string, seed uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", c.p.url+"/v1/images/generations",
		strings.NewReader(fmt.Sprintf(`{"prompt":"x","seed":%d,"response_format":"file"}`, seed)))
	if err != nil {
		c.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-Id", id)
	began := time.Now()
	res, err := c.client.Do(req)
	if err != nil {
		c.t.Errorf("request %s is lost: %s", id, err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	took := time.Since(began)
	if err == nil {
		err = judge(res, body, id, seed)
	}
	if err != nil {
		c.t.Errorf("request %s: %s", id, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if res.StatusCode == http.StatusOK {
		c.served[id] = true
		return
	}
	c.refused[id], c.took = true, append(c.took, took)
}

// judge says what is wrong with an answer.
func judge(res *http.Response, body []byte, id string, seed uint64) error {
	if got := res.Header.Get("X-Request-Id"); got != id {
		return fmt.Errorf("answered as %q", got)
	}
	switch res.StatusCode {
	case http.StatusOK:
		img, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			return err
		}
		var pixels []byte
		for x := range 3 {
			r, g, b, _ := img.At(x, 0).RGBA()
			pixels = append(pixels, byte(r), byte(g), byte(b))
		}
		if got := binary.LittleEndian.Uint64(pixels); got != seed {
			return fmt.Errorf("got the picture of seed %d, not of %d", got, seed)
		}
	case http.StatusServiceUnavailable:
		var e struct{ Error struct{ Code string } }
		after, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if json.Unmarshal(body, &e) != nil || e.Error.Code != "queue_full" || err != nil || after < 1 {
			return fmt.Errorf("refused with Retry-After %q: %s", res.Header.Get("Retry-After"), body)
		}
	default:
		return fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	return nil
}

// check holds what the clients got against what the model did.
func (c *crowd) check() {
	c.t.Helper()
	times := map[string]int{}
	files, err := filepath.Glob(filepath.Join(c.lists, "*"))
	if err != nil || len(files) != 1 {
		c.t.Fatalf("lists of the model: %v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		c.t.Fatal(err)
	}
	for id := range strings.Lines(string(text)) {
		times[strings.TrimSpace(id)]++
	}
	for id, n := range times {
		if n != 1 || !c.served[id] {
			c.t.Errorf("the model served request %s %d times, and its client heard of it: %v", id, n, c.served[id])
		}
	}
	for id := range maps.Keys(c.served) {
		if times[id] == 0 {
			c.t.Errorf("request %s was answered, and the model did not serve it", id)
		}
	}
	if all := len(c.served) + len(c.refused); all != c.waves*crowdSize+1 {
		c.t.Errorf("%d requests have an answer, %d were made", all, c.waves*crowdSize+1)
	}
	if len(c.refused) == 0 || len(c.served) < 65 {
		c.t.Errorf("%d served, %d refused: the queue of 64 was not full", len(c.served), len(c.refused))
	}
	if peak := c.peak(); peak > crowdMemory {
		c.t.Errorf("core took %d MiB", peak>>20)
	}
}

// peak is the most that core has had in memory so far, in bytes; 0 where the system does not tell.
func (c *crowd) peak() int64 { return statusOf(c.p.cmd.Process.Pid, "VmHWM") }

// statusOf is a size in bytes of /proc/PID/status.
func statusOf(pid int, name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), name+":"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
