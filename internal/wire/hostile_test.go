package wire

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/internal/wire/hostile"
	"github.com/strobe-dev/strobe/sdk/model"
)

func TestUnknownCapability(t *testing.T) {
	d, err := launch(t, testHost(t), testSpec("hostile", nil)).Describe(t.Context())
	if err != nil || !d.Has("recording") || !d.Has(hostile.Capability) || !d.Serves(1) || !d.Serves(7) {
		t.Errorf("%+v %v", d, err)
	}
}

// TestHugeMessage: a message of 2 GiB is refused by what it says of its length; its bytes are never held.
func TestHugeMessage(t *testing.T) {
	p := launch(t, testHost(t), testSpec("hostile", nil))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.Generate(t.Context(), &model.Request{Prompt: hostile.Huge}, nil)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("Generate = %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
		t.Errorf("it took %d bytes", grown)
	}
	if _, err := p.Describe(t.Context()); err != nil {
		t.Error("afterwards:", err)
	}
	if err := p.AwaitIdle(t.Context(), endGrace); err == nil || !strings.Contains(err.Error(), fmt.Sprint(ErrUnimplemented)) {
		t.Errorf("AwaitIdle = %v", err)
	}
}
