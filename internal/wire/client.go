package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
	"github.com/strobe-dev/strobe/sdk/schema"
)

// deathWait is how long a broken connection waits for the process's end before it is called something else. The kernel takes
// seconds for that where every processor is wanted by many.
const deathWait = 5 * time.Second

// Client calls a plugin over a connection: a process's, or one in memory. Every call has a deadline, and every error
// names the plugin.
type Client struct {
	Plugin   string // "model(dit)", how errors begin
	conn     *grpc.ClientConn
	timeouts Timeouts
	// died says how the process ended, waiting a moment for it; nil when there is no process.
	died func(wait time.Duration) error
}

// Description is what a plugin says of itself.
type Description struct {
	Kind         string // "model", "profiler"
	Name         string // the plugin's own name
	Version      string
	Summary      string
	APIVersions  []int
	Capabilities []string // "recording", "source", "probe", "cpu_profile"; unknown ones as "capability#9"
	Config       []schema.Attribute
}

// Has tells whether the plugin has a capability.
func (d Description) Has(capability string) bool {
	for _, c := range d.Capabilities {
		if c == capability {
			return true
		}
	}
	return false
}

// Serves tells whether the plugin serves a version of its kind's service.
func (d Description) Serves(version int) bool {
	for _, v := range d.APIVersions {
		if v == version {
			return true
		}
	}
	return false
}

// Describe asks the plugin what it is.
func (c *Client) Describe(ctx context.Context) (Description, error) {
	var d Description
	err := c.call(ctx, "describe", c.timeouts.Describe, func(ctx context.Context) error {
		r, err := pluginv1.NewPluginServiceClient(c.conn).Describe(ctx, &pluginv1.DescribeRequest{})
		if err != nil {
			return err
		}
		d, err = describedFrom(r)
		return err
	})
	return d, err
}

// Configure gives the plugin its values. Findings are no error; see [diag.List.HasErrors].
func (c *Client) Configure(ctx context.Context, values map[string]any) (diag.List, error) {
	var found diag.List
	err := c.call(ctx, "configure", c.timeouts.Configure, func(ctx context.Context) error {
		object, err := toObject(values)
		if err != nil {
			return err
		}
		r, err := pluginv1.NewPluginServiceClient(c.conn).Configure(ctx, &pluginv1.ConfigureRequest{Config: object})
		found = diagFrom(r.GetDiagnostics())
		return err
	})
	return found, err
}

// Probe asks whether the configured plugin could work here and now.
func (c *Client) Probe(ctx context.Context) (diag.List, error) {
	var found diag.List
	err := c.call(ctx, "probe", c.timeouts.Configure, func(ctx context.Context) error {
		r, err := pluginv1.NewPluginServiceClient(c.conn).Probe(ctx, &pluginv1.ProbeRequest{})
		found = diagFrom(r.GetDiagnostics())
		return err
	})
	return found, err
}

// close lets the plugin flush. A plugin that does not know the call has nothing to flush.
func (c *Client) close(ctx context.Context) error {
	err := c.call(ctx, "close", c.timeouts.Close, func(ctx context.Context) error {
		_, err := pluginv1.NewPluginServiceClient(c.conn).Close(ctx, &pluginv1.CloseRequest{})
		return err
	})
	if errors.Is(err, ErrUnimplemented) {
		return nil
	}
	return err
}

// call runs one RPC under a deadline and names what goes wrong.
func (c *Client) call(ctx context.Context, op string, limit time.Duration, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(bounded)
	if err == nil {
		return nil
	}
	return c.explain(ctx, op, limit, err)
}

// explain turns a call's error into one that says which plugin, what it was doing and whether it is the caller's, the
// plugin's or the process's fault.
func (c *Client) explain(ctx context.Context, op string, limit time.Duration, err error) error {
	wrap := func(err error) error { return &Error{Plugin: c.Plugin, Op: op, Err: err} }
	if cause := context.Cause(ctx); cause != nil {
		return wrap(cause)
	}
	s, ok := status.FromError(err)
	if !ok {
		return wrap(err)
	}
	switch s.Code() {
	case codes.Unavailable, codes.Canceled:
		if dead := c.died(deathWait); dead != nil {
			return dead
		}
		return wrap(fmt.Errorf("the connection is broken: %s", clip(s.Message(), 200)))
	case codes.DeadlineExceeded:
		if dead := c.died(0); dead != nil {
			return dead
		}
		return wrap(fmt.Errorf("%w (%s)", ErrTimeout, limit))
	case codes.Unimplemented:
		return wrap(ErrUnimplemented)
	}
	for _, d := range s.Details() {
		if r, ok := d.(*modelv1.RequestError); ok {
			return wrap(&model.RequestError{Field: r.GetField(), Message: r.GetMessage()})
		}
	}
	return wrap(&PluginError{Message: clip(s.Message(), 4<<10)})
}
