package wire

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// NewLogger logs to the host: one line of hclog's JSON a record on w, a plugin's standard error. Below the level that
// the host shows nothing is written.
func NewLogger(w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(os.Getenv(envLogLevel))) // a plugin run by other hosts logs from info
	return slog.New(&hostHandler{mu: &sync.Mutex{}, w: w, level: level})
}

// hostHandler is a slog.Handler that writes hclog's JSON. Groups become dotted keys.
type hostHandler struct {
	mu     *sync.Mutex
	w      io.Writer
	level  slog.Level
	prefix string
	attrs  []byte // `,"key":value` for each attribute of With
}

// Enabled implements slog.Handler.
func (h *hostHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *hostHandler) Handle(_ context.Context, r slog.Record) error {
	b := []byte(`{"@level":"` + hclogName(r.Level) + `","@message":`)
	b = appendJSON(b, r.Message)
	if !r.Time.IsZero() {
		b = append(b, `,"@timestamp":"`+r.Time.Format(time.RFC3339Nano)+`"`...)
	}
	b = append(b, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, h.prefix, a)
		return true
	})
	b = append(b, "}\n"...)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(b)
	return err
}

// WithAttrs implements slog.Handler.
func (h *hostHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clip(h.attrs)
	for _, a := range attrs {
		c.attrs = appendAttr(c.attrs, h.prefix, a)
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *hostHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix = h.prefix + name + "."
	return &c
}

func appendAttr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			b = appendAttr(b, prefix, inner)
		}
		return b
	}
	if a.Equal(slog.Attr{}) {
		return b
	}
	b = append(b, ',')
	b = appendJSON(b, prefix+a.Key)
	b = append(b, ':')
	return appendJSON(b, jsonable(v))
}

// jsonable is what a value is in JSON: errors and durations as text.
func jsonable(v slog.Value) any {
	switch v.Kind() {
	case slog.KindDuration:
		return v.Duration().String()
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			return x.Error()
		case json.Marshaler:
			return x
		case interface{ String() string }:
			return x.String()
		}
	}
	return v.Any()
}

func appendJSON(b []byte, v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		out, _ = json.Marshal("!" + err.Error())
	}
	return append(b, out...)
}

func hclogName(l slog.Level) string {
	switch {
	case l < slog.LevelDebug:
		return "trace"
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}
