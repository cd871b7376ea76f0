package catalog_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
)

// TestDaemonsOfPluginsAreEnded: a process that left its plugin's group and session does not outlive the plugin, though it threw
// the environment away that says whose it is; and it is told.
func TestDaemonsOfPluginsAreEnded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("adopts what plugins leave behind, which Linux can")
	}
	tests := map[string]func(h *hurt){
		"of one that dies":              func(h *hurt) { _, _ = h.rank(0).Generate(t.Context(), &model.Request{Prompt: "exit"}, nil) },
		"of one that is restarted":      func(h *hurt) { _ = h.c.Restart(context.Background(), "evil") },
		"of one that is closed":         func(h *hurt) { _ = h.c.Close(context.Background()) },
		"hidden, of one that dies":      func(h *hurt) { _, _ = h.rank(0).Generate(t.Context(), &model.Request{Prompt: "exit"}, nil) },
		"hidden, of one that is closed": func(h *hurt) { _ = h.c.Close(context.Background()) },
	}
	for name, end := range tests { // one after the other: one without a mark may go with any plugin
		t.Run(name, func(t *testing.T) {
			h := newHurt(t, "evil", "", nil)
			prompt := "daemon"
			if strings.HasPrefix(name, "hidden") {
				prompt = "hidden daemon"
			}
			if _, err := h.rank(0).Generate(t.Context(), &model.Request{Prompt: prompt}, nil); err != nil {
				t.Fatal(err)
			}
			var pid int
			eventually(t, "the daemon is named", func() bool {
				_, after, ok := strings.Cut(h.log.String(), "daemon=")
				number, _, _ := strings.Cut(after, " ")
				pid = atoi(number)
				return ok && pid > 0
			})
			if gone(pid) {
				t.Fatal("the daemon does not run")
			}
			end(h)
			eventually(t, "the daemon is gone", func() bool { return gone(pid) })
			eventually(t, "it is told", func() bool {
				return strings.Contains(h.log.String(), "plugin left processes behind") && strings.Contains(h.log.String(), itoa(pid))
			})
			if !strings.HasPrefix(name, "hidden") {
				eventually(t, "it is counted", func() bool { return h.row(h.rank(0)).ProcessesLeft == 1 })
			}
		})
	}
}

// TestBreaker: a plugin that keeps dying is left down by name while the others serve, until somebody restarts it or for a while.
func TestBreaker(t *testing.T) {
	h := newHurt(t, "evil", "", func(o *catalog.Options) {
		o.Restarts = catalog.Restarts{Deaths: 2, Window: time.Minute, Rest: time.Hour}
	})
	die := func() {
		t.Helper()
		h.up()
		if _, err := h.rank(0).Generate(t.Context(), &model.Request{Prompt: "exit"}, nil); err == nil {
			t.Fatal("it lives")
		}
	}
	die()
	eventually(t, "it is restarted", func() bool { return h.rank(0).Restarts() == 1 })
	die()
	eventually(t, "it is left down", func() bool { return h.info("evil").State == catalog.StateBroken })
	h.serves()
	var exit *wire.ExitError
	if err := h.rank(0).Err(); !errors.Is(err, catalog.ErrBroken) || !errors.As(err, &exit) {
		t.Errorf("Err = %v", err)
	}
	if i := h.info("evil"); i.RetryAt == nil || i.LastError == "" || i.PID != 0 {
		t.Errorf("%+v", i)
	}
	if err := h.c.Restart(t.Context(), "evil"); err != nil {
		t.Fatal(err)
	}
	h.up()
	if _, err := h.rank(0).Generate(t.Context(), &model.Request{}, nil); err != nil {
		t.Error(err)
	}

	for range 2 {
		if _, err := h.profile("evil", "open exit"); err == nil {
			t.Fatal("it lives")
		}
	}
	if _, err := h.profile("evil", ""); !errors.Is(err, catalog.ErrBroken) {
		t.Errorf("open of a profiler that died too often = %v", err)
	}
	for _, i := range h.c.Plugins() {
		if i.Name == "evil" && i.Kind == "profiler" && (i.State != catalog.StateBroken || i.Deaths[catalog.DeathExit] != 2) {
			t.Errorf("%+v", i)
		}
	}
	h.serves()
	if err := h.c.Restart(t.Context(), "evil"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.profile("evil", ""); err != nil {
		t.Error(err)
	}
}

func TestBreakerTriesAgain(t *testing.T) {
	h := newHurt(t, "evil", "", func(o *catalog.Options) {
		o.Restarts = catalog.Restarts{Deaths: 1, Window: time.Minute, Rest: 300 * time.Millisecond}
	})
	_, _ = h.rank(0).Generate(t.Context(), &model.Request{Prompt: "exit"}, nil)
	h.up()
}

// TestRestartsLeakNothing restarts a rank many times.
func TestRestartsLeakNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts /proc/self/fd")
	}
	rounds := 10
	if os.Getenv("STROBE_TEST") == "full" {
		rounds = 1000
	}
	c := load(t, "model \"m\" {\n  stage \"tint\" {\n  }\n}", nil)
	restart := func() {
		if err := c.Restart(t.Context(), "tint"); err != nil {
			t.Fatal(err)
		}
	}
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for range 3 {
		restart()
	}
	files, goroutines, bytes := open(), runtime.NumGoroutine(), heap()
	for range rounds {
		restart()
	}
	eventually(t, "files and goroutines are back", func() bool { return open() <= files+2 && runtime.NumGoroutine() <= goroutines+4 })
	if grown := int64(heap()) - int64(bytes); grown > 8<<20 {
		t.Errorf("%d restarts left %d bytes", rounds, grown)
	}
}
