package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Bounds on what a plugin can make us log. What is beyond is counted and said.
const (
	maxLogLine   = 64 << 10 // bytes of a line
	maxLogPairs  = 64       // of a line
	maxLogValue  = 4 << 10  // bytes of a value or of a plain line
	linesASecond = 500
)

// Keys of hclog's JSON format.
const (
	keyMessage   = "@message"
	keyLevel     = "@level"
	keyTimestamp = "@timestamp"
	keyModule    = "@module"
	keyCaller    = "@caller"
)

// LevelTrace is hclog's trace, below slog's debug.
const LevelTrace = slog.LevelDebug - 4

// lineLog takes a plugin's output and logs it, line by line: hclog's JSON with level, name and pairs, anything else as
// it is. It treats the lines as hostile. It is an io.Writer that never fails.
type lineLog struct {
	log    *slog.Logger
	stream string // "stderr" or "stdout", shown with plain lines
	now    func() time.Time

	mu      sync.Mutex
	buf     []byte
	cut     bool // the line is beyond its bound; the rest is thrown away
	window  time.Time
	lines   int // in this window
	dropped int
	lost    atomic.Int64 // dropped since the beginning
	crash   string       // first line of a crash of a Go program
	last    string       // last plain line or error
}

func newLineLog(log *slog.Logger, stream string) *lineLog {
	return &lineLog{log: log, stream: stream, now: time.Now}
}

// Write implements io.Writer.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.take(p)
			break
		}
		l.take(p[:i])
		l.line()
		p = p[i+1:]
	}
	return n, nil
}

// take adds to the line as far as its bound goes.
func (l *lineLog) take(p []byte) {
	if room := maxLogLine - len(l.buf); len(p) > room {
		l.cut, p = true, p[:room]
	}
	l.buf = append(l.buf, p...)
}

// flush logs a last line that has no end.
func (l *lineLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buf) > 0 {
		l.line()
	}
	l.sayDropped()
}

// line logs what is in buf.
func (l *lineLog) line() {
	line := bytes.TrimRight(l.buf, "\r")
	cut := l.cut
	l.buf, l.cut = l.buf[:0], false
	if len(bytes.TrimSpace(line)) == 0 || !l.admit() {
		return
	}
	if rec, ok := parseLine(line); ok && !cut {
		if rec.level >= slog.LevelError {
			l.last = clip(rec.message, 200)
		}
		l.log.LogAttrs(context.Background(), rec.level, rec.message, rec.attrs...)
		return
	}
	l.plain(string(line), cut)
}

// plain logs a line that is no hclog JSON. The first line of a Go crash and all that follow it are errors.
func (l *lineLog) plain(line string, cut bool) {
	line = strings.ToValidUTF8(line, "?")
	if l.crash == "" && slices.ContainsFunc(crashes, func(s string) bool { return strings.HasPrefix(line, s) }) {
		l.crash = clip(line, 200)
	}
	l.last = clip(line, 200)
	level := plainLevel(line)
	if l.crash != "" {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("stream", l.stream)}
	if cut {
		attrs = append(attrs, slog.Bool("cut", true))
	}
	l.log.LogAttrs(context.Background(), level, clip(line, maxLogValue), attrs...)
}

// crashes is how a Go program's last words begin.
var crashes = []string{"panic: ", "fatal error: ", "SIGSEGV: ", "SIGABRT: ", "SIGBUS: ", "SIGQUIT: "}

func plainLevel(line string) slog.Level {
	for tag, level := range map[string]slog.Level{"[TRACE]": LevelTrace, "[DEBUG]": slog.LevelDebug, "[WARN]": slog.LevelWarn, "[ERROR]": slog.LevelError} {
		if strings.Contains(line[:min(len(line), 60)], tag) {
			return level
		}
	}
	return slog.LevelInfo
}

// admit keeps an endless writer from filling our log and from taking our time.
func (l *lineLog) admit() bool {
	if now := l.now(); now.Sub(l.window) >= time.Second {
		l.sayDropped()
		l.window, l.lines = now, 0
	}
	l.lines++
	if l.lines > linesASecond {
		l.dropped++
		l.lost.Add(1)
		return false
	}
	return true
}

func (l *lineLog) sayDropped() {
	if l.dropped > 0 {
		l.log.Warn("plugin logs too much, lines were dropped", "stream", l.stream, "lines", l.dropped)
		l.dropped = 0
	}
}

// why is the line that best explains a death: the crash's first line, else the last one.
func (l *lineLog) why() (crash, last string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.crash, l.last
}

// parsedLine is a line in hclog's JSON.
type parsedLine struct {
	level   slog.Level
	message string
	attrs   []slog.Attr
}

// parseLine reads hclog's JSON. Message and level must be text: go-plugin's own parser takes that for granted and a line
// with a number there ends the host.
func parseLine(line []byte) (parsedLine, bool) {
	if len(line) == 0 || line[0] != '{' {
		return parsedLine{}, false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(line, &fields) != nil {
		return parsedLine{}, false
	}
	message, ok := jsonText(fields[keyMessage])
	levelText, okLevel := jsonText(fields[keyLevel])
	level, known := slogLevel(hclog.LevelFromString(levelText))
	if !ok || !okLevel || !known {
		return parsedLine{}, false
	}
	rec := parsedLine{level: level, message: clip(message, maxLogValue)}
	if module, ok := jsonText(fields[keyModule]); ok {
		rec.attrs = append(rec.attrs, slog.String("module", clip(module, 200)))
	}
	for _, k := range []string{keyMessage, keyLevel, keyModule, keyTimestamp, keyCaller} {
		delete(fields, k)
	}
	keys := make([]string, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys[:min(len(keys), maxLogPairs)] {
		rec.attrs = append(rec.attrs, slog.Attr{Key: pairKey(k), Value: jsonValue(fields[k])})
	}
	return rec, true
}

// ours are the keys that core's own attributes have; a plugin's pair of such a name must not pass for one.
var ours = []string{slog.TimeKey, slog.LevelKey, slog.MessageKey, "plugin", "stage", "rank", "module", "stream"}

func pairKey(k string) string {
	if slices.Contains(ours, k) {
		return "its_" + k
	}
	return clip(k, 200)
}

func jsonText(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// jsonValue keeps text, whole numbers, numbers and truth values; lists and objects stay JSON.
func jsonValue(raw json.RawMessage) slog.Value {
	if s, ok := jsonText(raw); ok {
		return slog.StringValue(clip(s, maxLogValue))
	}
	var i int64
	var f float64
	var b bool
	switch {
	case json.Unmarshal(raw, &i) == nil && string(raw) != "null":
		return slog.Int64Value(i)
	case json.Unmarshal(raw, &f) == nil && string(raw) != "null":
		return slog.Float64Value(f)
	case json.Unmarshal(raw, &b) == nil && string(raw) != "null":
		return slog.BoolValue(b)
	}
	return slog.StringValue(clip(string(raw), maxLogValue))
}

func slogLevel(l hclog.Level) (slog.Level, bool) {
	switch l {
	case hclog.Trace:
		return LevelTrace, true
	case hclog.Debug:
		return slog.LevelDebug, true
	case hclog.Info:
		return slog.LevelInfo, true
	case hclog.Warn:
		return slog.LevelWarn, true
	case hclog.Error:
		return slog.LevelError, true
	}
	return 0, false
}

// libraryLogger is what go-plugin itself logs to: nothing, unless the host logs at debug.
func libraryLogger(log *slog.Logger) hclog.Logger {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return hclog.NewNullLogger()
	}
	h := demoted{log.Handler()}
	return hclog.New(&hclog.LoggerOptions{Name: "go-plugin", JSONFormat: true, Level: hclog.Debug, Output: newLineLog(slog.New(h), "go-plugin")})
}

// demoted makes every record a debug record: what go-plugin calls an error, such as an exit, we report ourselves.
type demoted struct{ slog.Handler }

// Handle implements slog.Handler.
func (d demoted) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return d.Handler.Handle(ctx, r)
}

// Enabled implements slog.Handler.
func (d demoted) Enabled(ctx context.Context, _ slog.Level) bool {
	return d.Handler.Enabled(ctx, slog.LevelDebug)
}
