package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Latest stands for the newest profile wherever a profile's id is asked for.
const Latest = "latest"

// ErrNoProfile says that the server has no profile that Latest could stand for.
var ErrNoProfile = errors.New("the server has no profile yet: make one with `strobe profile start`")

// StartRequest says what to profile. The zero value is the server's profilers until the profile is stopped.
type StartRequest struct {
	Profilers     []string `json:"profilers,omitempty"`
	Label         string   `json:"label,omitempty"`
	Model         string   `json:"model,omitempty"`
	Stages        []int    `json:"stages,omitempty"`
	Ranks         []int    `json:"ranks,omitempty"`
	Activities    []string `json:"activities,omitempty"`
	MinDurationUs int64    `json:"min_duration_us,omitempty"` // leave spans out of the export that took less
	NumRequests   int      `json:"num_requests,omitempty"`    // end after so many requests; 0: do not
	NumSteps      int      `json:"num_steps,omitempty"`       // end after so many denoise steps; 0: do not
	StartStep     int      `json:"start_step,omitempty"`      // record after so many denoise steps
	DurationS     float64  `json:"duration_s,omitempty"`      // end after so many seconds; 0: do not
	StartAfterS   float64  `json:"start_after_s,omitempty"`   // record after so many seconds
	MaxBytes      int64    `json:"max_bytes,omitempty"`
	RecordPrompts bool     `json:"record_prompts,omitempty"`
}

// Waiting is what a profile waits for before it records: the time, then the steps.
type Waiting struct {
	Until *time.Time `json:"until"`
	Steps int        `json:"steps"`
	Seen  int        `json:"steps_seen"`
}

// States of a profile that its user may wait for.
const (
	StateExporting = "exporting"
	StateComplete  = "complete"
	StateFailed    = "failed"
	StateRecovered = "recovered"
)

// Profile is a profile as the server shows it.
type Profile struct {
	ID        string     `json:"id"`
	Dir       string     `json:"dir"` // on the server's machine; empty when it does not tell
	State     string     `json:"state"`
	Model     string     `json:"model"`
	Label     string     `json:"label"`
	Pinned    bool       `json:"pinned"`
	Profilers []string   `json:"profilers"`
	StartedAt time.Time  `json:"started_at"`
	StoppedAt *time.Time `json:"stopped_at"`
	DurationS float64    `json:"duration_s"`
	Requests  int64      `json:"requests"`
	Events    uint64     `json:"events"`
	Bytes     int64      `json:"bytes"`
	Processes []Process  `json:"processes"`
	Exports   []Export   `json:"exports"`
	Artifacts []Artifact `json:"artifacts"`
	Losses    Losses     `json:"losses"`
	Warnings  []string   `json:"warnings"`
	Error     string     `json:"error"`
	EndedBy   string     `json:"ended_by"`
	Steps     int64      `json:"steps"`
	Filtered  uint64     `json:"filtered"` // events that the profile's options leave out
	Waiting   *Waiting   `json:"waiting"`  // nil when it does not

	Raw json.RawMessage `json:"-"` // the reply as it came
}

// Final tells that nothing more will happen to the profile.
func (p *Profile) Final() bool {
	return p.State == StateComplete || p.State == StateFailed || p.State == StateRecovered
}

// Failed tells that the profile, one of its processes or one of its exports failed.
func (p *Profile) Failed() bool {
	if p.State == StateFailed || p.Error != "" {
		return true
	}
	for _, e := range p.Exports {
		if e.Error != "" {
			return true
		}
	}
	return false
}

// Process is one process that recorded.
type Process struct {
	Process string `json:"process"`
	PID     int    `json:"pid"`
	Events  uint64 `json:"events"`
	Bytes   int64  `json:"bytes"`
	Losses  Losses `json:"losses"`
	Error   string `json:"error"`
}

// Export is what became of one profiler's export.
type Export struct {
	Profiler string  `json:"profiler"`
	State    string  `json:"state"`
	Error    string  `json:"error"`
	Seconds  float64 `json:"seconds"`
}

// Artifact is a file that a profiler made.
type Artifact struct {
	Name     string `json:"name"`
	Profiler string `json:"profiler"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	Dropped  uint64 `json:"dropped"`
	Path     string `json:"path"` // relative to the profile's directory
	// Description says what reads the file; empty when its profiler did not say.
	Description string `json:"description"`
}

// Losses counts events that were not recorded.
type Losses struct {
	Total    uint64            `json:"total"`
	ByReason map[string]uint64 `json:"by_reason"`
}

// StartProfile starts a profile.
func (c *Client) StartProfile(ctx context.Context, in StartRequest) (*Profile, error) {
	how, err := jsonCall(http.MethodPost, "/v1/profiles", in)
	if err != nil {
		return nil, err
	}
	return c.profile(ctx, how)
}

// StopProfile ends a profile, if it has not ended, and gives its result. Its export may still run: see WaitProfile.
func (c *Client) StopProfile(ctx context.Context, id string) (*Profile, error) {
	return c.profile(ctx, call{method: http.MethodPost, path: profilePath(id, "stop")})
}

// StopProfileNow ends a profile without waiting for its result: see WaitProfile.
func (c *Client) StopProfileNow(ctx context.Context, id string) (*Profile, error) {
	return c.profile(ctx, call{method: http.MethodPost, path: profilePath(id, "stop"), query: url.Values{"wait": {"false"}}})
}

// ExportProfile exports a profile that has ended with a profiler. The export may still run: see WaitProfile.
func (c *Client) ExportProfile(ctx context.Context, id, profiler string) (*Profile, error) {
	how, err := jsonCall(http.MethodPost, profilePath(id, "export"), struct {
		Profiler string `json:"profiler"`
	}{profiler})
	if err != nil {
		return nil, err
	}
	return c.profile(ctx, how)
}

// SnapshotRequest says how much of the past becomes a profile.
type SnapshotRequest struct {
	LastS     float64  `json:"last_s,omitempty"` // all that the server remembers when 0
	Label     string   `json:"label,omitempty"`
	Profilers []string `json:"profilers,omitempty"`
	Wait      bool     `json:"wait"` // for the export, as long as the server lets a call wait
}

// SnapshotProfile makes a profile of the last seconds. Its export may still run: see WaitProfile.
func (c *Client) SnapshotProfile(ctx context.Context, in SnapshotRequest) (*Profile, error) {
	how, err := jsonCall(http.MethodPost, profilePath("snapshot"), in)
	if err != nil {
		return nil, err
	}
	return c.profile(ctx, how)
}

// CollectProfile gives the result of a profile that ended by itself and that nobody has asked for yet, once. When there
// is none, the server's error says that no profile is recording.
func (c *Client) CollectProfile(ctx context.Context) (*Profile, error) {
	return c.profile(ctx, call{method: http.MethodPost, path: "/stop_profile"})
}

// GetProfile gives a profile; id may be [Latest].
func (c *Client) GetProfile(ctx context.Context, id string) (*Profile, error) {
	if id != Latest {
		ctx, cancel := within(ctx, askTimeout)
		defer cancel()
		return c.profile(ctx, call{method: http.MethodGet, path: profilePath(id)})
	}
	list, err := c.ListProfiles(ctx)
	if err != nil {
		return nil, err
	}
	if len(list.Profiles) == 0 {
		return nil, ErrNoProfile
	}
	return &list.Profiles[0], nil
}

// DeleteProfile deletes a profile and its files. It returns the reply as it came.
func (c *Client) DeleteProfile(ctx context.Context, id string) (json.RawMessage, error) {
	ctx, cancel := within(ctx, askTimeout)
	defer cancel()
	return c.bytes(ctx, call{method: http.MethodDelete, path: profilePath(id)})
}

// SummaryText is the profile's table as text, 80 columns wide.
func (c *Client) SummaryText(ctx context.Context, id string) (string, error) {
	ctx, cancel := within(ctx, askTimeout)
	defer cancel()
	text, err := c.bytes(ctx, call{
		method: http.MethodGet, path: profilePath(id, "summary"), query: url.Values{"format": {"text"}},
	})
	return string(text), err
}

// WaitProfile asks for the profile until it is final, first at once, then each interval.
func (c *Client) WaitProfile(ctx context.Context, id string, interval time.Duration) (*Profile, error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		p, err := c.GetProfile(ctx, id)
		if err != nil || p.Final() {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the export of profile %s: %w", id, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (c *Client) profile(ctx context.Context, in call) (*Profile, error) {
	p := &Profile{}
	raw, err := c.json(ctx, in, p)
	if err != nil {
		return nil, err
	}
	if p.ID == "" {
		return nil, fmt.Errorf("the reply to %s %s names no profile: is %s a Strobe server?", in.method, in.path, c.Server())
	}
	p.Raw = raw
	return p, nil
}

// profilePath is /v1/profiles/{id}/parts…, escaped.
func profilePath(id string, parts ...string) string {
	path := "/v1/profiles/" + url.PathEscape(id)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}
