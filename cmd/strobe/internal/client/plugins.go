package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Plugin is a row of GET /v1/plugins: a process, or a profiler that has none.
type Plugin struct {
	Name         string         `json:"name"`
	Kind         string         `json:"kind"`
	Version      string         `json:"version"`
	APIVersions  []int          `json:"api_versions"`
	Capabilities []string       `json:"capabilities"`
	Origin       string         `json:"origin"`
	Checksum     string         `json:"checksum"`
	Stage        string         `json:"stage"`
	Rank         *int           `json:"rank"`
	State        string         `json:"state"`
	Restarts     int            `json:"restarts"`
	Deaths       map[string]int `json:"deaths"`
	LastError    string         `json:"last_error"`
	LastErrorAt  *time.Time     `json:"last_error_at"`
	RetryAt      *time.Time     `json:"retry_at"`
}

// PluginList is the reply of the plugin routes.
type PluginList struct {
	Plugins []Plugin `json:"plugins"`

	Raw json.RawMessage `json:"-"` // as it came
}

// Plugins lists the server's plugins.
func (c *Client) Plugins(ctx context.Context) (PluginList, error) {
	return c.plugins(ctx, call{method: http.MethodGet, path: "/v1/plugins"})
}

// RestartPlugin restarts the processes of a name and gives them as they are afterwards.
func (c *Client) RestartPlugin(ctx context.Context, name string) (PluginList, error) {
	return c.plugins(ctx, call{method: http.MethodPost, path: "/v1/plugins/" + url.PathEscape(name) + "/restart"})
}

func (c *Client) plugins(ctx context.Context, how call) (PluginList, error) {
	var list PluginList
	raw, err := c.ask(ctx, how, &list)
	list.Raw = raw
	return list, err
}
