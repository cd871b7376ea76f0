package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxReply bounds what is read of a JSON reply: ten 1024x1024 PNG pictures in base64 fit with room to spare.
const maxReply = 256 << 20

// Time limits of calls that have none of their own. The server's are shorter and say more.
const (
	askTimeout   = 30 * time.Second // what the server knows at once
	imageTimeout = time.Hour        // what it has to draw
)

// Options of a [Client].
type Options struct {
	// Server is the base address, "http://127.0.0.1:8091", or a socket, "unix:///run/strobe/admin.sock".
	Server string
	// Token is sent as a bearer token with every call; empty sends none.
	Token string
	// CA is a PEM file of certificates that sign the server's; empty: those that this machine trusts.
	CA string
	// IdleConns is how many connections are kept for later calls; Go's default when 0.
	IdleConns int
	// HTTP makes the calls; nil: one made of the rest. Neither sets a time limit: the context of a call does.
	HTTP *http.Client
}

// Client calls one server. It is safe for use by several goroutines.
type Client struct {
	name  string   // the address as it was given, without a slash at its end
	base  *url.URL // of every call
	token string
	http  *http.Client
}

// New makes a client. It makes no connection; an address that is no http, https or unix URL is an error.
func New(o Options) (*Client, error) {
	base, socket, err := address(o.Server)
	if err != nil {
		return nil, err
	}
	c := &Client{name: strings.TrimRight(o.Server, "/"), base: base, token: o.Token, http: o.HTTP}
	if c.http == nil {
		t, err := o.transport(socket)
		if err != nil {
			return nil, err
		}
		c.http = &http.Client{Transport: t}
	}
	return c, nil
}

// Server is the base address, without a slash at its end.
func (c *Client) Server() string { return c.name }

// call is one HTTP request in the words of this package.
type call struct {
	method      string
	path        string // escaped, from the root of the API: "/v1/profiles"
	query       url.Values
	body        []byte
	contentType string
	header      http.Header // added to the usual ones
}

// open makes the call and returns the reply with its body open. A status other than 2xx is an [*Error].
func (c *Client) open(ctx context.Context, in call) (*http.Response, error) {
	target := c.base.String() + in.path
	if len(in.query) > 0 {
		target += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, in.method, target, bytes.NewReader(in.body))
	if err != nil {
		return nil, fmt.Errorf("make the request %s %s: %w", in.method, in.path, err)
	}
	if in.contentType != "" {
		req.Header.Set("Content-Type", in.contentType)
	}
	for k, v := range in.header {
		req.Header[k] = v
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportError(ctx, c.Server(), err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, readError(in.method, in.path, resp)
	}
	return resp, nil
}

// bytes makes the call and reads the whole reply.
func (c *Client) bytes(ctx context.Context, in call) ([]byte, error) {
	resp, err := c.open(ctx, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return readReply(in, resp.Body)
}

func readReply(in call, body io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxReply+1))
	if err != nil {
		return nil, fmt.Errorf("read the reply to %s %s: %w", in.method, in.path, err)
	}
	if len(raw) > maxReply {
		return nil, fmt.Errorf("the reply to %s %s is larger than %d bytes", in.method, in.path, maxReply)
	}
	return raw, nil
}

// ask is json for what the server knows at once.
func (c *Client) ask(ctx context.Context, in call, out any) (json.RawMessage, error) {
	ctx, cancel := within(ctx, askTimeout)
	defer cancel()
	return c.json(ctx, in, out)
}

// within bounds a call and says so when the time is over.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("the server did not answer within %s", limit))
}

// json makes the call, decodes the reply into out and returns it as it came.
func (c *Client) json(ctx context.Context, in call, out any) (json.RawMessage, error) {
	raw, err := c.bytes(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("decode the reply to %s %s: %w", in.method, in.path, err)
	}
	return raw, nil
}

// jsonCall is a call whose body is v as JSON.
func jsonCall(method, path string, v any) (call, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return call{}, fmt.Errorf("encode the request %s %s: %w", method, path, err)
	}
	return call{method: method, path: path, body: body, contentType: "application/json"}, nil
}

// Post sends a body and gives the reply, which must be 200: any other status is an [*Error]. It is for calls that have no
// method of their own because what is sent must be exactly what another client sends.
func (c *Client) Post(ctx context.Context, path, contentType string, body []byte, header http.Header) ([]byte, error) {
	in := call{method: http.MethodPost, path: path, body: body, contentType: contentType, header: header}
	resp, err := c.open(ctx, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &Error{Status: resp.StatusCode, Message: in.method + " " + path + " answered " + resp.Status}
	}
	return readReply(in, resp.Body)
}
