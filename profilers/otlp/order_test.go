package otlp

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// TestOrderIsTheSameLater checks what numbering spans by their order on a track rests on: a reader that follows a recording gets
// them in the order in which one gets them that reads it later.
func TestOrderIsTheSameLater(t *testing.T) {
	f := record(t)
	var done atomic.Bool
	order := func(into map[string][]uint64) func(*recording.Batch) error {
		return func(b *recording.Batch) error {
			for e := range b.All() {
				if e.Kind == recording.Span {
					key := fmt.Sprint(processKey(b.Process), e.Track.ID)
					into[key] = append(into[key], e.Seq)
				}
			}
			return nil
		}
	}
	live, later := map[string][]uint64{}, map[string][]uint64{}
	go func() {
		requests(f, 300, 30)
		f.worker.Begin(nStage)
		f.worker.Begin(nStep)
		done.Store(true)
	}()
	fo := recording.Follow(f.dir, recording.Options{})
	defer fo.Close()
	for !done.Load() {
		if _, err := fo.Poll(context.Background(), order(live)); err != nil {
			t.Fatal(err)
		}
	}
	f.stop(t)
	if _, err := fo.Finish(context.Background(), order(live)); err != nil {
		t.Fatal(err)
	}
	if _, err := recording.Read(context.Background(), f.dir, order(later)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(later, live); diff != "" {
		t.Errorf("%.2000s", diff)
	}
}
