package httpapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/engine"
)

func TestReady(t *testing.T) {
	stage := func(name string, ranks, up int) engine.StageStats {
		return engine.StageStats{Name: name, Plugin: "dit", Ranks: ranks, RanksUp: up}
	}
	for _, c := range []struct {
		name   string
		stats  engine.Stats
		status int
		want   readyReply
	}{
		{"all is up", engine.Stats{Stages: []engine.StageStats{stage("diffusion", 2, 2), stage("resize", 1, 1)}}, 200,
			readyReply{"ready", []string{}}},
		{"one of two ranks is down", engine.Stats{Stages: []engine.StageStats{stage("diffusion", 2, 1)}}, 200,
			readyReply{"ready", []string{"stage diffusion (plugin dit): 1 of its 2 ranks is down and being restarted"}}},
		{"a stage is down", engine.Stats{Stages: []engine.StageStats{stage("diffusion", 2, 0), stage("resize", 1, 1)}}, 503,
			readyReply{"not_ready", []string{"stage diffusion (plugin dit): none of its 2 ranks is up; they are being restarted"}}},
		{"shutting down", engine.Stats{Draining: true, Stages: []engine.StageStats{stage("diffusion", 1, 1)}}, 503,
			readyReply{"not_ready", []string{"the server is shutting down and takes no new requests"}}},
		{"no model", engine.Stats{Stages: []engine.StageStats{}}, 503, readyReply{"not_ready", []string{"no model is loaded"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			h.engine.stats = c.stats
			w := h.get("/ready")
			if diff := cmp.Diff(c.want, decode[readyReply](t, w)); diff != "" || w.Code != c.status {
				t.Error(w.Code, diff)
			}
			if w := h.get("/health"); w.Code != 200 || w.Body.String() != "{\"status\":\"healthy\"}\n" {
				t.Errorf("/health: %d %s", w.Code, w.Body)
			}
		})
	}
	if w := newHarness(t).get("/version"); w.Body.String() != "{\"version\":\"0.1.0\"}\n" {
		t.Error(w.Body)
	}
}
