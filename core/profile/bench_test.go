package profile_test

import (
	"testing"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
)

// BenchmarkStartStop is what the manager itself adds to a start and a stop, its files included.
func BenchmarkStartStop(b *testing.B) {
	c := coretest.New(b, coretest.Options{Replicas: 2, Profile: func(o *profile.Options) { o.Keep = 20 }})
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			v, err := c.Profiles.Start(b.Context(), profile.StartRequest{})
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if _, err := c.Profiles.Stop(b.Context(), v.ID); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.Run("stop", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			v, err := c.Profiles.Start(b.Context(), profile.StartRequest{})
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if _, err := c.Profiles.Stop(b.Context(), v.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
