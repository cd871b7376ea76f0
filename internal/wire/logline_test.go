package wire

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestPluginLogsArrive(t *testing.T) {
	h := testHost(t)
	for _, test := range []struct{ plugin, want string }{
		{"hclog", `level=WARN msg="from hclog" plugin=model(hclog) module=mine count=3 name=x ok=true`},
		{"slog", `level=WARN msg="from slog" plugin=model(slog) g.count=3 g.error=bad name=x`},
	} {
		t.Run(test.plugin, func(t *testing.T) {
			var log logBuffer
			launch(t, h, testSpec(test.plugin, log.logger()))
			eventually(t, test.want, func() bool { return strings.Contains(log.String(), test.want) })
		})
	}
}

func TestHostileStderr(t *testing.T) {
	var log logBuffer
	p := launch(t, testHost(t), testSpec("hostile-stderr", log.logger()))
	eventually(t, "the last line", func() bool { return strings.Contains(log.String(), `level=ERROR msg="still here"`) })
	if _, err := p.Describe(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(log.String()); n > 100_000 {
		t.Errorf("%d bytes of log", n)
	}
}

func TestEndlessStderr(t *testing.T) {
	var log logBuffer
	p := launch(t, testHost(t), testSpec("endless-stderr", log.logger()))
	for range 20 {
		if _, err := p.Describe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "dropped lines", func() bool { return strings.Contains(log.String(), "lines were dropped") })
	if n := len(log.String()); n > 20*linesASecond*maxLogValue {
		t.Errorf("%d bytes of log", n)
	}
}

// lines feeds text to a lineLog and returns what was logged, without times.
func lines(l *lineLog, b *bytes.Buffer, text string) string {
	l.Write([]byte(text))
	l.flush()
	return b.String()
}

func testLineLog() (*lineLog, *bytes.Buffer) {
	var b bytes.Buffer
	h := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: LevelTrace, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return newLineLog(slog.New(h), "stderr"), &b
}

func TestLineLog(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"hclog", `{"@level":"debug","@message":"m","@timestamp":"2026-01-01T00:00:00Z","@module":"a.b","b":2,"a":"x","f":1.5,"t":true,"o":{"k":[1]},"n":null}`,
			`level=DEBUG msg=m module=a.b a=x b=2 f=1.5 n=null o="{\"k\":[1]}" t=true`},
		{"names of ours", `{"@level":"info","@message":"m","plugin":"other","level":"error"}`, `level=INFO msg=m its_level=error its_plugin=other`},
		{"trace", `{"@level":"trace","@message":"m"}`, `level=DEBUG-4 msg=m`},
		{"level a number", `{"@level":30,"@message":"hi"}`, `level=INFO msg="{\"@level\":30,\"@message\":\"hi\"}" stream=stderr`},
		{"message a number", `{"@level":"info","@message":1}`, `level=INFO msg="{\"@level\":\"info\",\"@message\":1}" stream=stderr`},
		{"unknown level", `{"@level":"loud","@message":"m"}`, `level=INFO msg="{\"@level\":\"loud\",\"@message\":\"m\"}" stream=stderr`},
		{"plain", "hello\r\n\n \nthere", "level=INFO msg=hello stream=stderr\nlevel=INFO msg=there stream=stderr"},
		{"tagged", "2026/01/01 [WARN] careful\n[ERROR] bad", "level=WARN msg=\"2026/01/01 [WARN] careful\" stream=stderr\nlevel=ERROR msg=\"[ERROR] bad\" stream=stderr"},
		{"panic", "panic: oh\n\ngoroutine 1 [running]:\n", "level=ERROR msg=\"panic: oh\" stream=stderr\nlevel=ERROR msg=\"goroutine 1 [running]:\" stream=stderr"},
		{"not UTF-8", "\xff\xfe", "level=INFO msg=? stream=stderr"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, b := testLineLog()
			if got := strings.TrimSpace(lines(l, b, test.in)); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLineLogIsBounded(t *testing.T) {
	l, b := testLineLog()
	out := lines(l, b, strings.Repeat("x", 10*maxLogLine)+"\nnext\n")
	if len(out) > 2*maxLogValue || !strings.Contains(out, "cut=true") || !strings.Contains(out, "msg=next") {
		t.Errorf("%d bytes: %.200s", len(out), out)
	}
	l, b = testLineLog()
	now := time.Unix(0, 0)
	l.now = func() time.Time { return now }
	l.Write(bytes.Repeat([]byte("y\n"), 3*linesASecond))
	now = now.Add(time.Second)
	out = lines(l, b, "later\n")
	if n := strings.Count(out, "msg=y"); n != linesASecond || !strings.Contains(out, "lines=1000") || !strings.Contains(out, "msg=later") {
		t.Errorf("%d lines: %s", n, out[len(out)-300:])
	}
}

func TestLoggerRoundTrip(t *testing.T) {
	l, b := testLineLog()
	t.Setenv(envLogLevel, "DEBUG-4")
	log := NewLogger(l).With("a", 1).WithGroup("g").With("b", time.Second)
	log.Log(context.Background(), LevelTrace, "t")
	log.Error("e", "level", "own", "msg", "own", slog.Group("h", "c", true), "@level", "x")
	l.flush()
	want := "level=DEBUG-4 msg=t a=1 g.b=1s\nlevel=ERROR msg=e a=1 g.@level=x g.b=1s g.h.c=true g.level=own g.msg=own\n"
	if b.String() != want {
		t.Errorf("\n got %s\nwant %s", b.String(), want)
	}
	t.Setenv(envLogLevel, "WARN")
	if NewLogger(l).Enabled(context.Background(), slog.LevelInfo) {
		t.Error("logs what the host throws away")
	}
}

func FuzzLineLog(f *testing.F) {
	for _, l := range hostileLines {
		f.Add([]byte(l + "\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLineLog(slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)), "stderr")
		l.Write(b)
		l.flush()
		checkGreeting(string(b))
	})
}
