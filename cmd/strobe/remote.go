//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

// Where a client command looks for a server and its token when no flag says it.
const (
	defaultServer = "http://127.0.0.1:8091"
	envServer     = "STROBE_SERVER"
	envToken      = "STROBE_TOKEN"
	envCA         = "STROBE_CA"
)

// Time limits of calls. The server's own limits are shorter, and its answers say more than a limit here.
const (
	startTimeout  = 30 * time.Second
	stopTimeout   = 60 * time.Second
	exportTimeout = 15 * time.Minute
	exportPoll    = 250 * time.Millisecond
)

// remote are the flags of every command that calls a server.
type remote struct {
	server    string
	tokenFile string
	ca        string
	json      bool
}

func (r *remote) addFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&r.server, "server", envOr(envServer, defaultServer), "`URL` of the server, http, https or unix:///PATH ("+envServer+")")
	r.addTokenFlags(cmd)
}

func (r *remote) addTokenFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&r.tokenFile, "token-file", "", "`file` with the server's token; else the variable "+envToken)
	f.StringVar(&r.ca, "ca", os.Getenv(envCA), "PEM `file` of certificates that sign an https server's ("+envCA+")")
	f.BoolVar(&r.json, "json", false, "print JSON, for programs")
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// client makes the client that the flags describe. What is wrong with the flags is a usage error.
func (r *remote) client() (*client.Client, error) {
	token, err := r.token()
	if err != nil {
		return nil, usage(err)
	}
	c, err := client.New(client.Options{Server: r.server, Token: token, CA: r.ca})
	if err != nil {
		return nil, usage(err)
	}
	return c, nil
}

func (r *remote) token() (string, error) {
	if r.tokenFile == "" {
		return os.Getenv(envToken), nil
	}
	text, err := os.ReadFile(r.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read the token (--token-file): %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("the token file %s is empty", r.tokenFile)
	}
	return token, nil
}

// usage is an error in how the command was used.
func usage(err error) error { return &exitError{code: 2, err: err} }

// failed is an error of the request; nil stays nil, and an error that chose its status keeps it.
func failed(err error) error {
	var exit *exitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return &exitError{code: 1, err: err}
}

// printJSON prints the server's reply as it came, ending in one newline.
func printJSON(w io.Writer, raw []byte) error {
	_, err := fmt.Fprintf(w, "%s\n", strings.TrimRight(string(raw), "\n"))
	return failed(err)
}

// startProfile starts a profile within the time that a start may take.
func startProfile(ctx context.Context, c *client.Client, in client.StartRequest) (*client.Profile, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the profile did not start within %s", startTimeout))
	defer cancel()
	return c.StartProfile(ctx, in)
}

// stopProfile ends a profile and waits for its export. It goes on when ctx has ended: what was started is stopped.
func stopProfile(ctx context.Context, c *client.Client, id string) (*client.Profile, error) {
	ctx = context.WithoutCancel(ctx)
	stop, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("profile %s did not stop within %s", id, stopTimeout))
	defer cancel()
	p, err := c.StopProfile(stop, id)
	if err != nil || p.Final() {
		return p, err
	}
	return waitProfile(ctx, c, id)
}

func waitProfile(ctx context.Context, c *client.Client, id string) (*client.Profile, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, exportTimeout, fmt.Errorf("not done after %s", exportTimeout))
	defer cancel()
	return c.WaitProfile(ctx, id, exportPoll)
}

// report prints what a finished profile has: its table, losses, warnings and artifacts. A failed one is an error.
func report(ctx context.Context, w io.Writer, c *client.Client, p *client.Profile) error {
	ctx = context.WithoutCancel(ctx) // an interrupted command still shows what it has
	text := render.Title(p)
	table, err := c.SummaryText(ctx, p.ID)
	if err == nil {
		text += strings.TrimRight(client.Printable(table), "\n") + "\n"
	} else {
		text += render.Wrap("no table: ", err.Error()) + render.Losses(p.Losses)
	}
	text += render.Findings(p) + "\n" + render.Artifacts(p) + render.Again(p)
	if _, err := io.WriteString(w, text); err != nil {
		return failed(err)
	}
	return failed(profileFailure(p))
}

// profileFailure is the error that a failed profile amounts to.
func profileFailure(p *client.Profile) error {
	if !p.Failed() {
		return nil
	}
	return fmt.Errorf("profile %s failed", p.ID)
}
