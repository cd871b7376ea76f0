package otlp

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// traceID and spanID are OpenTelemetry's, as bytes on the wire. The zero value is none.
type (
	traceID [16]byte
	spanID  [8]byte
)

// Ids are worked out from what a span is, so that every export of a recording gives the same: a trace from the profile and
// the request, a span from its process, its track and its number there.

// requestTrace is the trace of a request whose client named none.
func requestTrace(profile, request string) traceID { return hashTrace("request", profile, request) }

// trackTrace is the trace of what a track did for no request.
func trackTrace(profile string, p *recording.Process, track uint32) traceID {
	return hashTrace("track", profile, processKey(p), fmt.Sprint(track))
}

func hashTrace(parts ...string) (id traceID) {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	copy(id[:], h.Sum(nil))
	id[15] |= 1 // not all zero
	return id
}

// processKey names a process in all exports of a recording.
func processKey(p *recording.Process) string {
	return fmt.Sprintf("%s/%d/%d/%d/%s/%d/%s", p.BootID, p.PID, p.Kind, p.Stage, p.StageName, p.Rank, p.Name)
}

// trackSeed is what the span ids of a track are made from.
func trackSeed(p *recording.Process, track uint32) uint64 {
	sum := sha256.Sum256([]byte(processKey(p)))
	return mix(binary.LittleEndian.Uint64(sum[:]) + uint64(track)*0x9e3779b97f4a7c15)
}

// spanOf is the id of the span with that number on a track.
func spanOf(seed, seq uint64) (id spanID) {
	n := mix(seed + seq*0x9e3779b97f4a7c15)
	if n == 0 {
		n = 1
	}
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

// mix is the finaliser of splitmix64: it is one-to-one, so spans of one track never share an id.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
