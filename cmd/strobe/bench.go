//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/atomicfile"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/bench"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

// upstreamFlags are flags of vLLM-Omni's benchmark that are not taken here. They are refused by name, so that nobody
// compares figures of runs that differ.
var upstreamFlags = []string{
	"num-frames", "fps", "warmup-concurrency", "disable-tqdm", "enable-negative-prompt", "random-request-config",
	"num-input-images", "bot-task", "return-stage-metrics", "enable-profiler", "profiler-stages",
	"enable-diffusion-pipeline-profiler", "random-request-seed", "video-job-timeout",
}

// benchCommand is `strobe bench`.
type benchCommand struct {
	io      stdio
	remote  remote
	config  bench.Config
	baseURL string
	host    string
	port    int
	seed    int64
	extra   string
	saveDir string
	outFile string
	profile bool
	options profileOptions // of the profile
}

func newBenchCommand(io stdio) *cobra.Command {
	b := &benchCommand{io: io}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a running server, with a profile if wanted",
		Long: `Measure a running server with the image flags, the requests and the figures of
vLLM-Omni's diffusion_benchmark_serving.py.

The exit status is 1 when a request or the profile failed.`,
		Example: `  strobe bench --dataset vbench --task t2i --num-prompts 10 --profile
  strobe bench --dataset random --max-concurrency 4 --width 256 --height 256
  strobe bench --dataset trace --dataset-path trace.txt --request-rate 2 --slo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.check(cmd.Flags()); err != nil {
				return usage(err)
			}
			return failed(b.run(cmd.Context()))
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) && slices.Contains(upstreamFlags, unknown.GetSpecifiedName()) {
			err = fmt.Errorf("--%s is a flag of vLLM-Omni's benchmark that strobe bench does not support: leave it out", unknown.GetSpecifiedName())
		}
		return usage(err)
	})
	b.remote.addTokenFlags(cmd)
	b.addFlags(cmd.Flags())
	return cmd
}

func (b *benchCommand) addFlags(f *pflag.FlagSet) {
	c := &b.config
	f.SortFlags = false
	f.StringVar(&b.baseURL, "base-url", "", "`URL` of the server; wins over --host and --port (default: "+envServer+")")
	f.StringVar(&b.host, "host", "localhost", "`name` of the server's machine")
	f.IntVar(&b.port, "port", 8091, "the server's `port`")
	f.StringVar(&c.Model, "model", "default", "`name` of the model; default is the one that is served")
	f.StringVar(&c.Endpoint, "endpoint", "", "`path`: "+bench.Chat+" (default of t2i), "+bench.Edits+" (of i2i, ti2i) or "+bench.Generations)
	f.StringVar(&c.Backend, "backend", "", "older `name` of an endpoint: vllm-omni (chat completions) or openai (generations)")
	f.StringVar(&c.Dataset, "dataset", bench.VBench, "`name` of the data set: vbench, random, trace or custom")
	f.StringVar(&c.DatasetPath, "dataset-path", "", "`path` of the data set's file or folder")
	f.StringVar(&c.Task, "task", bench.TextToImage, "`task`: t2i, i2i or ti2i")
	f.IntVar(&c.NumPrompts, "num-prompts", 10, "how many requests, `N`")
	f.IntVar(&c.MaxConcurrency, "max-concurrency", 1, "how many requests at a time, `N`")
	f.Float64Var(&c.RequestRate, "request-rate", math.Inf(1), "requests per second on `average`, arriving at random; inf: all at once")
	f.IntVar(&c.WarmupRequests, "warmup-requests", 1, "requests before the measurement, `N`")
	f.IntVar(&c.WarmupSteps, "warmup-num-inference-steps", 2, "denoise steps of those, `N`")
	f.IntVar(&c.Width, "width", 0, "`pixels` (default: the server's)")
	f.IntVar(&c.Height, "height", 0, "`pixels` (default: the server's)")
	f.IntVar(&c.Steps, "num-inference-steps", 50, "denoise steps, `N`")
	f.Int64Var(&b.seed, "seed", 0, "`number` that each request's noise is made from (default: random)")
	f.BoolVar(&c.SLO, "slo", false, "report how many requests were fast enough: by the trace's slo_ms, else by the warm-ups")
	f.Float64Var(&c.SLOScale, "slo-scale", 3, "`factor` on the warm-ups' latency that is fast enough")
	f.StringVar(&b.saveDir, "save-dir", "", "`folder` to write the pictures to")
	f.StringVar(&b.outFile, "output-file", "", "`file` to write the figures to, as JSON")
	f.StringVar(&b.extra, "extra-body", "", "`JSON` object merged into each request")
	f.BoolVar(&b.profile, "profile", false, "profile the measured requests and print where the time went")
	b.options.addFlags(f, "profile-")
}

// check finds what is wrong with the flags before anything is asked of the server.
func (b *benchCommand) check(f *pflag.FlagSet) error {
	if f.Changed("seed") {
		b.config.Seed = &b.seed
	}
	if b.extra != "" {
		if err := json.Unmarshal([]byte(b.extra), &b.config.Extra); err != nil {
			return fmt.Errorf(`--extra-body must be a JSON object such as {"guidance_scale": 1.5}: %w`, err)
		}
	}
	switch {
	case b.baseURL != "":
		b.remote.server = b.baseURL
	case !f.Changed("host") && !f.Changed("port") && os.Getenv(envServer) != "":
		b.remote.server = os.Getenv(envServer)
	default:
		b.remote.server = "http://" + net.JoinHostPort(b.host, strconv.Itoa(b.port))
	}
	if b.options.given() && !b.profile {
		return errors.New("the --profile-… flags are about the profile of --profile: give that, too")
	}
	if _, err := b.options.request(); err != nil {
		return err
	}
	if b.port < 1 || b.port > 65535 {
		return fmt.Errorf("--port is %d: it must be from 1 to 65535", b.port)
	}
	return b.config.Check()
}

// client has a connection for each request in flight, so that none is opened while the clock runs.
func (b *benchCommand) client() (*client.Client, error) {
	token, err := b.remote.token()
	if err != nil {
		return nil, usage(err)
	}
	c, err := client.New(client.Options{Server: b.remote.server, Token: token, CA: b.remote.ca, IdleConns: b.config.MaxConcurrency})
	if err != nil {
		return nil, usage(err)
	}
	return c, nil
}

// say prints to people: beside the JSON when that is what standard output is for.
func (b *benchCommand) say(format string, args ...any) {
	w := b.io.out
	if b.remote.json {
		w = b.io.err
	}
	_, _ = fmt.Fprintf(w, format+"\n", args...) // the result is what counts, and its writing is checked
}

// complain prints what went wrong and does not end the run.
func (b *benchCommand) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(b.io.err, format+"\n", args...) // nowhere else to say it
}

func (b *benchCommand) run(ctx context.Context) error {
	c, err := b.client()
	if err != nil {
		return err
	}
	synthetic, err := b.look(ctx, c)
	if err != nil {
		return err
	}
	b.say("Loading requests...")
	requests, notes, err := bench.Load(&b.config)
	if err != nil {
		return usage(err)
	}
	for _, note := range notes {
		b.say("%s", strings.TrimSuffix(render.Wrap("", note), "\n"))
	}
	b.say("Prepared %d requests from %s dataset.", len(requests), b.config.Dataset)

	sender := &bench.Sender{Client: c, Endpoint: b.config.Endpoint, Model: b.config.Model}
	run := &bench.Run{Config: &b.config, Send: sender.Send}
	warmupFailures := b.warmup(ctx, run, requests)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	profile := &benchProfile{bench: b, client: c}
	profile.start(ctx)
	bar := newProgress(b.io.err, len(requests))
	run.Done = bar.step
	outcomes, took := run.Measure(ctx, requests)
	bar.end()
	profile.stop(ctx)

	m := bench.Compute(&b.config, requests, outcomes, took)
	m.Synthetic = synthetic
	m.Profile = profile.metrics()
	return errors.Join(b.show(m, outcomes), profile.report(ctx), warmupFailures, requestFailures(m))
}

// look asks what is served: whether anything is, and whether its weights are made up. A server of another kind may not
// tell, which is no error.
func (b *benchCommand) look(ctx context.Context, c *client.Client) (synthetic bool, err error) {
	models, err := c.Models(ctx)
	var gone *client.ConnectError
	if errors.As(err, &gone) {
		return false, gone
	}
	for _, m := range models {
		if m.ID == b.config.Model || b.config.Model == "default" {
			synthetic = synthetic || m.Strobe.Synthetic
		}
	}
	return synthetic, nil
}

func (b *benchCommand) warmup(ctx context.Context, run *bench.Run, requests []bench.Request) error {
	if b.config.WarmupRequests > 0 {
		b.say("Running %d warmup request(s) with num_inference_steps=%d...", b.config.WarmupRequests, b.config.WarmupSteps)
	}
	warmups, outcomes := run.Warmup(ctx, requests)
	failures := 0
	for i, o := range outcomes {
		if o.Err != nil {
			failures++
			b.complain("warm-up request %d: %s", i+1, o.Err)
		}
	}
	if b.config.SLO {
		bench.SetSLO(requests, warmups, outcomes, b.config.SLOScale)
	}
	if failures == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d warm-up requests failed", failures, len(warmups))
}

// show prints and writes the result.
func (b *benchCommand) show(m *bench.Metrics, outcomes []bench.Outcome) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the figures: %w", err)
	}
	if b.remote.json {
		err = printJSON(b.io.out, text)
	} else {
		_, err = io.WriteString(b.io.out, m.Table(&b.config))
	}
	var all []error
	if b.saveDir != "" {
		n, err := bench.Save(b.saveDir, outcomes)
		b.say("Saved %d picture(s) to %s", n, b.saveDir)
		all = append(all, err)
	}
	if b.outFile != "" {
		if err := atomicfile.Bytes(b.outFile, append(text, '\n')); err != nil {
			all = append(all, err)
		} else {
			b.say("Metrics saved to %s", b.outFile)
		}
	}
	for _, t := range m.Errors {
		b.complain("%d request(s): %s", t.Count, strings.TrimSpace(t.Error))
	}
	return errors.Join(append(all, err)...)
}

func requestFailures(m *bench.Metrics) error {
	if m.Failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d requests failed", m.Failed, m.Failed+m.Completed)
}
