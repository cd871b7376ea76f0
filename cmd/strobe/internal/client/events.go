package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrStreamEnded says that the server ended a stream of events before the profile had ended: it goes down.
var ErrStreamEnded = errors.New("the server ended the stream before the profile had ended")

// Progress is a profile's figures at a moment.
type Progress struct {
	ID        string  `json:"id"`
	State     string  `json:"state"`
	DurationS float64 `json:"duration_s"`
	Requests  int64   `json:"requests"`
	Events    uint64  `json:"events"`
	Bytes     int64   `json:"bytes"`
	Losses    Losses  `json:"losses"`
	EndedBy   string  `json:"ended_by"`
	Error     string  `json:"error"`

	Raw json.RawMessage `json:"-"` // as it came
}

// WatchProfile calls each with a profile's figures whenever they have changed, until the profile has ended or each returns an
// error, which comes back.
func (c *Client) WatchProfile(ctx context.Context, id string, each func(Progress) error) error {
	resp, err := c.open(ctx, call{method: http.MethodGet, path: profilePath(id, "events")})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	name := ""
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch key {
		case "event":
			name = value
		case "data":
			p := Progress{Raw: json.RawMessage(value)}
			if err := json.Unmarshal(p.Raw, &p); err != nil {
				return fmt.Errorf("decode an event of profile %s: %w", id, err)
			}
			if err := each(p); err != nil || name == "end" {
				return err
			}
		}
	}
	switch err := lines.Err(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("watch profile %s: %w", id, err)
	}
	return ErrStreamEnded
}
