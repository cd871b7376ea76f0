package engine_test

import (
	"context"
	"testing"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
)

// instant makes a stage whose ranks answer at once with the same image.
func instant(replicas int) engine.Stage {
	res := &model.Result{Images: []model.Image{coretest.Image(32, 32)}}
	var ranks []*coretest.Rank
	for i := range replicas {
		r := coretest.NewRank(0, "diffusion", i)
		r.OnGenerate = func(context.Context, *model.Request, func(model.Progress)) (*model.Result, error) { return res, nil }
		ranks = append(ranks, r)
	}
	return coretest.Diffusion(ranks...)
}

// BenchmarkDispatch is what the engine itself adds to a request.
func BenchmarkDispatch(b *testing.B) {
	for _, tt := range []struct {
		name     string
		replicas int
		parallel int
	}{{"one_client", 1, 0}, {"16_clients_2_ranks", 2, 16}, {"1000_clients_2_ranks", 2, 1000}} {
		b.Run(tt.name, func(b *testing.B) {
			e := engine.New("emoji", []engine.Stage{instant(tt.replicas)}, engine.Options{QueueSize: 2000, Timeout: 1 << 40})
			b.ReportAllocs()
			one := func() {
				if _, err := e.Generate(context.Background(), nil, &model.Request{}, nil); err != nil {
					b.Error(err)
				}
			}
			if tt.parallel == 0 {
				for b.Loop() {
					one()
				}
				return
			}
			b.SetParallelism(tt.parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
}
