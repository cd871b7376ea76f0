package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Ticket opens one artifact once, without a token.
type Ticket struct {
	URL       string    `json:"url"` // from the root of the server
	ExpiresAt time.Time `json:"expires_at"`
}

// Secret is the ticket without the rest of the link.
func (t Ticket) Secret() string {
	_, query, _ := strings.Cut(t.URL, "?")
	values, _ := url.ParseQuery(query) // what cannot be parsed is no ticket
	return values.Get("ticket")
}

// CreateTicket asks for a ticket for an artifact.
func (c *Client) CreateTicket(ctx context.Context, id, artifact string) (Ticket, error) {
	how, err := jsonCall(http.MethodPost, profilePath(id, "tickets"), struct {
		Artifact string `json:"artifact"`
	}{artifact})
	if err != nil {
		return Ticket{}, err
	}
	var t Ticket
	if _, err := c.ask(ctx, how, &t); err != nil {
		return Ticket{}, err
	}
	if t.Secret() == "" || !strings.HasPrefix(t.URL, "/") {
		return Ticket{}, fmt.Errorf("the reply to %s %s has no link with a ticket", how.method, how.path)
	}
	return t, nil
}

// OpenTicket downloads with a ticket, which is spent by that. It gives the file and its size, -1 when the server does not
// say. The token is not sent.
func (c *Client) OpenTicket(ctx context.Context, t Ticket) (io.ReadCloser, int64, error) {
	path, query, _ := strings.Cut(t.URL, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, 0, fmt.Errorf("read the link of a ticket: %w", err)
	}
	bare := *c
	bare.token = ""
	resp, err := bare.open(ctx, call{method: http.MethodGet, path: path, query: values})
	if err != nil {
		return nil, 0, err
	}
	return resp.Body, resp.ContentLength, nil
}
