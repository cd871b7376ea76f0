package wire

import (
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// toPicos keeps the unknown, 0.
func toPicos(ns float64) uint32 { return uint32(max(0, min(math.Round(1000*ns), math.MaxUint32))) }

func fromPicos(ps uint32) float64 { return float64(ps) / 1000 }

func toArtifacts(as []profiler.Artifact) []*profilerv1.Artifact {
	var out []*profilerv1.Artifact
	for _, a := range as {
		out = append(out, &profilerv1.Artifact{
			Name: text(a.Name), MediaType: text(a.MediaType), Bytes: a.Bytes, Sha256: a.SHA256, Stage: toInt32(a.Stage), Rank: toInt32(a.Rank),
			StageName: text(a.StageName), Events: a.Events, Dropped: a.Dropped, Description: text(a.Description),
		})
	}
	return out
}

// artifactsFrom refuses a name that leads out of the profile's folder: it becomes a path and a URL.
func artifactsFrom(ms []*profilerv1.Artifact) ([]profiler.Artifact, error) {
	var out []profiler.Artifact
	for _, m := range ms {
		if !filepath.IsLocal(filepath.FromSlash(m.GetName())) {
			return out, fmt.Errorf("artifact %q is not within the profile's folder", clip(m.GetName(), 200))
		}
		out = append(out, profiler.Artifact{
			Name: m.GetName(), MediaType: m.GetMediaType(), Bytes: m.GetBytes(), SHA256: m.GetSha256(), Stage: fromInt32(m.Stage), Rank: fromInt32(m.Rank),
			StageName: m.GetStageName(), Events: m.GetEvents(), Dropped: m.GetDropped(), Description: text(m.GetDescription()),
		})
	}
	return out, nil
}

func toInt32(v *int) *int32 {
	if v == nil {
		return nil
	}
	n := int32(*v)
	return &n
}

func fromInt32(v *int32) *int {
	if v == nil {
		return nil
	}
	n := int(*v)
	return &n
}

func toRecorded(ps []recording.Process) []*profilerv1.RecordedProcess {
	var out []*profilerv1.RecordedProcess
	for _, p := range ps {
		out = append(out, &profilerv1.RecordedProcess{Kind: uint32(p.Kind), Name: text(p.Name), Stage: int32(p.Stage),
			StageName: text(p.StageName), Rank: int32(p.Rank), Pid: int64(p.PID)})
	}
	return out
}

func recordedFrom(ms []*profilerv1.RecordedProcess) []recording.Process {
	var out []recording.Process
	for _, m := range ms {
		out = append(out, recording.Process{PID: int(m.GetPid()), Process: trace.Process{
			Kind: trace.ProcessKind(m.GetKind()), Name: m.GetName(), Stage: int(m.GetStage()), StageName: m.GetStageName(), Rank: int(m.GetRank())}})
	}
	return out
}

func toProcesses(ss []recording.Summary) []*profilerv1.ProcessSummary {
	var out []*profilerv1.ProcessSummary
	for _, s := range ss {
		m := &profilerv1.ProcessSummary{Events: s.Events, Filtered: s.Filtered, Bytes: s.Bytes, Open: s.Open, Error: text(s.Error), Lost: &profilerv1.Losses{
			Full: s.Lost.Full, NotReady: s.Lost.NotReady, Names: s.Lost.Names, Truncated: s.Lost.Truncated, Depth: s.Lost.Depth, Device: s.Lost.Device, Corrupt: s.Lost.Corrupt, Unknown: s.Lost.Unknown},
			RecordedNs: int64(s.Recorded)}
		if p := s.Process; p != nil {
			m.Kind, m.Name, m.Model, m.Stage, m.StageName = uint32(p.Kind), text(p.Name), text(p.Model), int32(p.Stage), text(p.StageName)
			m.Rank, m.Synthetic, m.Pid, m.Host, m.BootId = int32(p.Rank), p.Synthetic, int64(p.PID), text(p.Host), text(p.BootID)
			m.EventCostPs, m.Cores = toPicos(p.EventNs), int32(p.Cores)
			for _, name := range p.Segments {
				m.Segments = append(m.Segments, text(name))
			}
		}
		out = append(out, m)
	}
	return out
}

func processesFrom(ms []*profilerv1.ProcessSummary) []recording.Summary {
	var out []recording.Summary
	for _, m := range ms {
		l := m.GetLost()
		out = append(out, recording.Summary{
			Process: &recording.Process{
				Process: trace.Process{
					Kind: trace.ProcessKind(m.GetKind()), Name: m.GetName(), Model: m.GetModel(), Stage: int(m.GetStage()),
					StageName: m.GetStageName(), Rank: int(m.GetRank()), Synthetic: m.GetSynthetic(),
				},
				PID: int(m.GetPid()), Host: m.GetHost(), BootID: m.GetBootId(), Segments: m.GetSegments(),
				EventNs: fromPicos(m.GetEventCostPs()), Cores: int(m.GetCores()),
			},
			Recorded: time.Duration(m.GetRecordedNs()),
			Events:   m.GetEvents(), Filtered: m.GetFiltered(), Bytes: m.GetBytes(), Open: m.GetOpen(), Error: m.GetError(),
			Lost: recording.Losses{Corrupt: l.GetCorrupt(), Unknown: l.GetUnknown(), Losses: lossesFrom(l)},
		})
	}
	return out
}
