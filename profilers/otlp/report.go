package otlp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// reportName is the one artifact: what was sent where, and what was not.
const reportName = "otlp-report.json"

// report is the artifact.
type report struct {
	Profile  string      `json:"profile"`
	Endpoint string      `json:"endpoint"`
	Detail   string      `json:"detail"`
	Spans    spanReport  `json:"spans"`
	Events   eventReport `json:"events"`   // instants: events of the spans around them
	Counters uint64      `json:"counters"` // samples; traces have no place for them
	Unlinked uint64      `json:"unlinked"` // spans whose parent in another process is not known
	// Unanswered are spans of uploads that nobody answered: each was sent again, or will be by a later export.
	Unanswered uint64       `json:"unanswered"`
	Uploads    uint64       `json:"uploads"`
	Bytes      uint64       `json:"bytes"`   // of spans, before compression
	Problem    string       `json:"problem"` // the last one; empty: none
	Notice     string       `json:"notice"`  // what the receiver said beside taking spans
	Done       []trackRange `json:"done"`    // what was delivered; only while something was not
}

// spanReport counts spans, with those that tell of losses. Recorded is the sum of the others.
type spanReport struct {
	Recorded    uint64 `json:"recorded"`
	Sent        uint64 `json:"sent"`        // the receiver took them
	SentBefore  uint64 `json:"sent_before"` // by an export before this one, which was not completed
	LeftOut     uint64 `json:"left_out"`    // finer than the level of detail
	Rejected    uint64 `json:"rejected"`    // lost: the receiver refused them in uploads that it took
	TooLarge    uint64 `json:"too_large"`   // lost: the receiver takes none that large
	Undelivered uint64 `json:"undelivered"` // a later export sends them
}

// eventReport counts instants. Those that are not left out fare as the spans do that they are events of.
type eventReport struct {
	Recorded uint64 `json:"recorded"`
	LeftOut  uint64 `json:"left_out"` // finer than the level of detail, outside any span, or too many of one
}

// trackRange names spans of a track by their numbers among those to be sent, in order of their ends: runs [from, to).
type trackRange struct {
	Process string `json:"process"`
	Track   uint32 `json:"track"`
	Spans   ranges `json:"spans"`
}

// unfinished is the report of an export of the same recording, to the same receiver, that could not deliver everything. A
// report that is whole, or another's, or damaged, is nil: then everything is sent.
func unfinished(p profiler.Profile, endpoint, detail string) *report {
	if p.Previous == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(p.Previous, reportName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var r report
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		if p.Log != nil {
			p.Log.Warn("read what was delivered before: everything is sent again", "error", err.Error())
		}
		return nil
	}
	if r.Profile != p.ID || r.Endpoint != endpoint || r.Detail != detail || r.Spans.Undelivered == 0 {
		return nil
	}
	return &r
}

// ranges is what was delivered of a track.
func (r *report) ranges(process string, track uint32) ranges {
	if r == nil {
		return nil
	}
	for _, d := range r.Done {
		if d.Process == process && d.Track == track && d.Spans.valid() {
			return d.Spans
		}
	}
	return nil
}

// newReport says what became of everything.
func (s *sink) newReport(t tally) *report {
	c := &s.counts
	r := &report{
		Profile: s.profile.ID, Endpoint: s.client.endpoint, Detail: s.config.Detail,
		Spans:  spanReport{Recorded: c.Spans, Sent: t.sent, SentBefore: c.Before, LeftOut: c.LeftOut, Rejected: t.rejected, TooLarge: t.tooLarge, Undelivered: t.undelivered},
		Events: eventReport{Recorded: c.Events, LeftOut: c.EventsLeft}, Counters: c.Counters, Unlinked: c.Unlinked, Unanswered: t.unanswered,
		Uploads: t.uploads, Bytes: t.bytes, Problem: t.problem, Notice: t.notice,
	}
	if t.undelivered == 0 {
		return r
	}
	for _, p := range s.order {
		for _, tr := range p.tracks {
			if len(tr.delivered) > 0 {
				r.Done = append(r.Done, trackRange{Process: processKey(p.recorded), Track: tr.recorded.ID, Spans: tr.delivered})
			}
		}
	}
	return r
}

// write makes the artifact. When there is no room for it, what was delivered is left out first, then all of it.
func (r *report) write(p profiler.Profile) ([]profiler.Artifact, error) {
	text, err := r.encode()
	if err == nil && p.MaxBytes > 0 && int64(len(text)) > p.MaxBytes {
		short := *r
		short.Done = nil
		text, err = short.encode()
	}
	if err != nil {
		return nil, err
	}
	if p.MaxBytes > 0 && int64(len(text)) > p.MaxBytes {
		return nil, nil
	}
	f, err := profiler.CreateFile(p, reportName)
	if err != nil {
		return nil, err
	}
	_, _ = f.Write(text) // Publish says what is wrong
	a, err := f.Publish(profiler.Artifact{MediaType: "application/json", Events: r.Spans.Sent})
	if err != nil {
		return nil, err
	}
	return []profiler.Artifact{a}, nil
}

func (r *report) encode() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	return append(text, '\n'), nil
}

// failure is an error when the receiver has nothing of what it should have.
func (r *report) failure() error {
	s := &r.Spans
	if s.Undelivered == 0 || s.Sent+s.SentBefore+s.Rejected+s.TooLarge > 0 {
		return nil
	}
	return fmt.Errorf("none of %d spans was delivered to %s%s; the recording is kept: export it once more when that is there", s.Undelivered, r.Endpoint, r.because())
}

func (r *report) because() string {
	if r.Problem == "" {
		return ""
	}
	return " (" + r.Problem + ")"
}

// warnings are sentences for the user.
func (r *report) warnings() (list []string) {
	s := &r.Spans
	say := func(n uint64, format string, args ...any) {
		if n > 0 {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	if r.failure() == nil {
		say(s.Undelivered, "%d spans were delivered to %s, %d were not%s: export the profile with this profiler once more to send the rest", s.Sent+s.SentBefore, r.Endpoint, s.Undelivered, r.because())
	}
	if r.failure() == nil {
		say(r.Unanswered, "%d spans were sent to %s without an answer, and again, or will be by the next export: it may have them more than once, with the same ids; raise timeout if it is slow", r.Unanswered, r.Endpoint)
	}
	say(s.Rejected, "%d spans were lost: %s took the uploads and rejected them%s", s.Rejected, r.Endpoint, quoted(r.Notice))
	say(s.TooLarge, "%d spans were lost: each is larger than what %s takes at once%s", s.TooLarge, r.Endpoint, r.because())
	finer := s.LeftOut + r.Events.LeftOut
	say(finer, "%d spans and instants were left out: they are finer than detail = %q", finer, r.Detail)
	return list
}

func quoted(notice string) string {
	if notice == "" {
		return ""
	}
	return fmt.Sprintf(": %q", notice)
}
