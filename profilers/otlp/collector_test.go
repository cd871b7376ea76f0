package otlp

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// collector is an OpenTelemetry Collector that writes what it gets to a file.
type collector struct {
	t       testing.TB
	program string
	dir     string
	address string
	file    string
	process *exec.Cmd
}

// startCollector builds the collector, unless STROBE_COLLECTOR names one, and runs it. receiver is more of its receiver's
// configuration, indented by ten.
func startCollector(t testing.TB, receiver string) *collector {
	t.Helper()
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs the OpenTelemetry Collector; .ci/collector.sh builds it, a minute or two the first time")
	}
	c := &collector{t: t, program: os.Getenv("STROBE_COLLECTOR"), dir: t.TempDir()}
	if c.program == "" {
		c.program = filepath.Join(c.dir, "collector")
		build := exec.Command("go", "build", "-o", c.program, ".")
		build.Dir, build.Stderr = filepath.Join("internal", "collector"), os.Stderr
		build.Env = append(os.Environ(), "GOWORK=off")
		if err := build.Run(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = l.Addr().String()
	l.Close()
	c.file = filepath.Join(c.dir, "spans.jsonl")
	config := fmt.Sprintf(`receivers:
  otlp:
    protocols:
      grpc:
        endpoint: %s
%s
exporters:
  file:
    path: %s
    append: true
    flush_interval: 50ms
service:
  telemetry:
    metrics:
      level: none
    logs:
      level: error
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [file]
`, c.address, receiver, c.file)
	if err := os.WriteFile(filepath.Join(c.dir, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start()
	t.Cleanup(c.kill)
	return c
}

// start runs it until it listens.
func (c *collector) start() {
	c.t.Helper()
	c.process = exec.Command(c.program, "--config", filepath.Join(c.dir, "config.yaml"))
	c.process.Stderr = os.Stderr
	if err := c.process.Start(); err != nil {
		c.t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", c.address); err == nil {
			conn.Close()
			return
		}
		if time.Since(began) > 30*time.Second {
			c.t.Fatal("the collector does not listen")
		}
	}
}

// end stops it in order: what it has is in its file.
func (c *collector) end() {
	_ = c.process.Process.Signal(syscall.SIGTERM)
	_ = c.process.Wait()
}

func (c *collector) kill() {
	_ = c.process.Process.Kill()
	_ = c.process.Wait()
}

// collected is a span as the collector writes it.
type collected struct {
	TraceID, SpanID, ParentSpanID, Name string
	StartTimeUnixNano, EndTimeUnixNano  string
	Attributes                          []struct{ Key string }
}

func (c *collector) spans() (all []collected) {
	c.t.Helper()
	f, err := os.Open(c.file)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 {
			return all
		}
		var m struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []collected }
			}
		}
		if json.Unmarshal(line, &m) != nil && err == nil {
			c.t.Fatalf("the collector wrote %.200s", line)
		}
		for _, rs := range m.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				all = append(all, ss.Spans...)
			}
		}
	}
}

// expected are the spans of a recording, by id: name and times, and the id of their parent where it is on their track.
func expected(t testing.TB, f *fixture) map[string]string {
	all := map[string]string{}
	_, err := recording.Read(context.Background(), f.dir, func(b *recording.Batch) error {
		for e := range b.All() {
			if e.Kind != recording.Span {
				continue
			}
			id, name, parent := spanOf(trackSeed(b.Process, e.Track.ID), e.Seq), e.Name.Text, ""
			if name == "http" {
				name = "generate_content emoji"
			}
			if e.Parent != 0 {
				p := spanOf(trackSeed(b.Process, e.Track.ID), e.Parent)
				parent = hex.EncodeToString(p[:])
			}
			all[hex.EncodeToString(id[:])] = fmt.Sprintf("%s %d %d %s", name, e.Start, e.End, parent)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// compare holds what the collector wrote against a recording, span for span.
func (c *collector) compare(f *fixture) {
	c.t.Helper()
	want, got := expected(c.t, f), map[string]string{}
	spans := c.spans()
	for _, s := range spans {
		text := want[s.SpanID]
		parent := s.ParentSpanID
		if strings.HasSuffix(text, " ") { // its parent is in another process
			parent = ""
		}
		got[s.SpanID] = strings.Join([]string{s.Name, s.StartTimeUnixNano, s.EndTimeUnixNano, parent}, " ")
	}
	if len(spans) != len(got) {
		c.t.Errorf("%d spans came twice", len(spans)-len(got))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("recorded and collected differ:\n%.2000s", diff)
	}
}

func TestCollector(t *testing.T) {
	c := startCollector(t, "")
	f := record(t)
	requests(f, 20, 50)
	f.stop(t)
	if o := f.export(t, to(c.address), f.profile(t, "p")); o.err != nil || len(o.warnings) > 0 {
		t.Error(o.err, o.warnings)
	}
	c.end()
	c.compare(f)
}

// TestCollectorKilled kills the collector in the middle of a live export and starts it again.
func TestCollectorKilled(t *testing.T) {
	c := startCollector(t, "")
	f := record(t)
	p := f.profile(t, "p")
	config := to(c.address)
	config.MaxRequest = 16 << 10
	opened, err := (&Profiler{config: config}).Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	requests(f, 20, 50)
	f.stop(t)
	batches := 0
	processes := follow(t, f, func(b *recording.Batch) error {
		if batches++; batches == 50 {
			opened.(*sink).quiesce()
			c.kill()
			go func() {
				time.Sleep(time.Second)
				c.start()
			}()
		}
		return opened.Consume(context.Background(), b)
	})
	o := finish(t, opened, p, profiler.Summary{Stopped: time.Now(), Processes: processes})
	if o.err != nil || o.report.Spans.Undelivered > 0 {
		t.Error(o.err, o.warnings)
	}
	c.end()
	c.compare(f)
}

// TestCollectorHangs stops the collector's process after a part of the spans, has it go on after the export has given up, and sends the
// rest: what came more than once was said to be in doubt.
func TestCollectorHangs(t *testing.T) {
	c := startCollector(t, "")
	f := record(t)
	requests(f, 20, 50)
	f.stop(t)
	p := f.profile(t, "p")
	config := to(c.address)
	config.MaxRequest, config.Timeout, config.Patience = 16<<10, 500*time.Millisecond, time.Second
	opened, err := (&Profiler{config: config}).Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	batches := 0
	processes := follow(t, f, func(b *recording.Batch) error {
		if batches++; batches == 50 {
			opened.(*sink).quiesce()
			_ = c.process.Process.Signal(syscall.SIGSTOP)
			opened.(profiler.Stopper).Stopping(context.Background())
		}
		return opened.Consume(context.Background(), b)
	})
	first := finish(t, opened, p, profiler.Summary{Stopped: time.Now(), Processes: processes})
	_ = c.process.Process.Signal(syscall.SIGCONT)
	if s := first.report.Spans; first.err != nil || s.Sent == 0 || s.Undelivered == 0 || first.report.Unanswered == 0 || first.report.Unanswered > s.Undelivered {
		t.Errorf("first export: %v, %+v", first.err, first.report)
	}
	again := f.profile(t, "p")
	again.Previous, config.Timeout, config.Patience = p.Dir, 10*time.Second, 20*time.Second
	if o := f.export(t, config, again); o.err != nil || len(o.warnings) > 0 {
		t.Error(o.err, o.warnings)
	}
	c.end()
	seen, repeated := map[string]int{}, 0
	for _, s := range c.spans() {
		if seen[s.SpanID]++; seen[s.SpanID] == 2 {
			repeated++
		}
	}
	if len(seen) != 20*154 || repeated > int(first.report.Unanswered) {
		t.Errorf("%d different spans arrived, %d of them more than once, %d were in doubt", len(seen), repeated, first.report.Unanswered)
	}
}

// quiesce waits until nothing is in flight: what a receiver that is killed had half taken nobody knows.
func (s *sink) quiesce() {
	for {
		s.mu.Lock()
		waiting := uint64(0)
		for _, p := range s.order {
			if p.open != nil {
				waiting += uint64(len(p.open.spans))
			}
		}
		spans := s.counts.Spans
		s.sender.mu.Lock()
		sent := s.sender.tally.sent
		s.sender.mu.Unlock()
		s.mu.Unlock()
		if sent+waiting == spans {
			time.Sleep(500 * time.Millisecond) // the collector writes every 50 ms
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestCollectorTLS(t *testing.T) {
	mine, other := newAuthority(t, "mine"), newAuthority(t, "other")
	certFile, keyFile := mine.issue("server", false)
	c := startCollector(t, fmt.Sprintf("        tls:\n          cert_file: %s\n          key_file: %s", certFile, keyFile))
	f := record(t)
	requests(f, 1, 10)
	f.stop(t)
	config := to(c.address)
	config.Insecure, config.CAFile, config.Timeout, config.Patience = nil, other.file, time.Second, 1500*time.Millisecond
	o := f.export(t, config, f.profile(t, "p"))
	if o.err == nil || !strings.Contains(o.err.Error(), "certificate") {
		t.Errorf("with the wrong CA: %v", o.err)
	}
	config.CAFile, config.Compression = mine.file, "gzip"
	if o := f.export(t, config, f.profile(t, "p")); o.err != nil {
		t.Error(o.err)
	}
	c.end()
	c.compare(f)
}
