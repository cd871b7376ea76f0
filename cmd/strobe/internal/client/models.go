package client

import (
	"context"
	"net/http"
)

// Model is one entry of GET /v1/models.
type Model struct {
	ID     string `json:"id"`
	Strobe struct {
		Synthetic bool         `json:"synthetic"` // made-up weights: the costs are real, the pictures are not
		Stages    []ModelStage `json:"stages"`
	} `json:"strobe"` // zero when the server is another
}

// ModelStage is what a stage says of itself.
type ModelStage struct {
	Name      string            `json:"name"`
	Plugin    string            `json:"plugin"`
	Replicas  int               `json:"replicas"`
	Synthetic bool              `json:"synthetic"`
	Details   map[string]string `json:"details"`
}

// Models lists what the server serves.
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	var reply struct {
		Data []Model `json:"data"`
	}
	_, err := c.ask(ctx, call{method: http.MethodGet, path: "/v1/models"}, &reply)
	return reply.Data, err
}
