package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ListQuery says which profiles a list has. The zero value is all.
type ListQuery struct {
	States   []string
	Label    string // a part of it
	Model    string
	Profiler string
	Trigger  *string // "" is none; nil: any
	Pinned   *bool
	Since    time.Time // zero: no bound
	Until    time.Time
	Limit    int // at most so many; 0: all, in as many calls as it takes
}

// pageSize is what one call asks for at most.
const pageSize = 1000

func (q ListQuery) values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	for _, s := range q.States {
		if v.Has("state") {
			s = v.Get("state") + "," + s
		}
		v.Set("state", s)
	}
	set("label", q.Label)
	set("model", q.Model)
	set("profiler", q.Profiler)
	if q.Trigger != nil {
		v.Set("trigger", *q.Trigger)
	}
	if q.Pinned != nil {
		v.Set("pinned", strconv.FormatBool(*q.Pinned))
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if !q.Until.IsZero() {
		v.Set("until", q.Until.UTC().Format(time.RFC3339Nano))
	}
	return v
}

// ProfileList is the profiles that a list has, the newest first.
type ProfileList struct {
	Profiles []Profile
	Raw      json.RawMessage // as the server has it: {"profiles":[…],"next":…}
}

// Active is the profile that has not ended, or nil.
func (l *ProfileList) Active() *Profile {
	for i := range l.Profiles {
		if !l.Profiles[i].Final() {
			return &l.Profiles[i]
		}
	}
	return nil
}

// ListProfiles lists the newest profiles that the server keeps, as many as it tells of without being asked for more.
func (c *Client) ListProfiles(ctx context.Context) (*ProfileList, error) {
	list, _, err := c.listPage(ctx, url.Values{})
	return list, err
}

// FindProfiles lists the profiles that match.
func (c *Client) FindProfiles(ctx context.Context, q ListQuery) (*ProfileList, error) {
	values := q.values()
	all := &ProfileList{}
	var next *string
	for {
		size := pageSize
		if q.Limit > 0 {
			size = min(size, q.Limit-len(all.Profiles))
		}
		values.Set("limit", strconv.Itoa(size))
		page, after, err := c.listPage(ctx, values)
		if err != nil {
			return nil, err
		}
		all.Profiles = append(all.Profiles, page.Profiles...)
		next = after
		if after == nil || len(page.Profiles) == 0 || q.Limit > 0 && len(all.Profiles) >= q.Limit {
			break
		}
		values.Set("after", *after)
	}
	raws := make([]json.RawMessage, len(all.Profiles))
	for i := range all.Profiles {
		raws[i] = bytes.TrimSpace(all.Profiles[i].Raw)
	}
	var err error
	all.Raw, err = json.Marshal(struct {
		Profiles []json.RawMessage `json:"profiles"`
		Next     *string           `json:"next"`
	}{raws, next})
	return all, err
}

func (c *Client) listPage(ctx context.Context, query url.Values) (*ProfileList, *string, error) {
	var reply struct {
		Profiles []json.RawMessage `json:"profiles"`
		Next     *string           `json:"next"`
	}
	raw, err := c.ask(ctx, call{method: http.MethodGet, path: "/v1/profiles", query: query}, &reply)
	if err != nil {
		return nil, nil, err
	}
	list := &ProfileList{Profiles: make([]Profile, len(reply.Profiles)), Raw: raw}
	for i, one := range reply.Profiles {
		if err := json.Unmarshal(one, &list.Profiles[i]); err != nil {
			return nil, nil, fmt.Errorf("decode profile %d of the list: %w", i, err)
		}
		list.Profiles[i].Raw = one
	}
	return list, reply.Next, nil
}

// ProfileChange is what is changed of a profile; nil fields stay.
type ProfileChange struct {
	Label  *string `json:"label,omitempty"`
	Pinned *bool   `json:"pinned,omitempty"`
}

// ChangeProfile changes a profile's label or pin.
func (c *Client) ChangeProfile(ctx context.Context, id string, change ProfileChange) (*Profile, error) {
	how, err := jsonCall(http.MethodPatch, profilePath(id), change)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, askTimeout)
	defer cancel()
	return c.profile(ctx, how)
}
