package otlp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// Retries of one upload, within its timeout. A receiver that comes back is used again within a few seconds.
var retries = otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: time.Minute}

// oneAttempt is for those that want an answer now.
var oneAttempt = otlptracegrpc.RetryConfig{}

// redial bounds how long a lost connection is left alone.
const redial = 3 * time.Second

// client uploads spans. It may be used from several goroutines.
type client struct {
	otlp     otlptrace.Client
	endpoint string // for people
}

func newClient(ctx context.Context, c Config, retry otlptracegrpc.RetryConfig) (*client, error) {
	options, endpoint, err := c.options()
	if err != nil {
		return nil, err
	}
	options = append(options, otlptracegrpc.WithRetry(retry))
	cl := &client{otlp: otlptracegrpc.NewClient(options...), endpoint: endpoint}
	if err := cl.otlp.Start(ctx); err != nil {
		return nil, fmt.Errorf("use endpoint %s: %w", endpoint, err)
	}
	return cl, nil
}

// options are the client's: of the block only what it says, as an option wins over the environment.
func (c *Config) options() (options []otlptracegrpc.Option, endpoint string, err error) {
	options = []otlptracegrpc.Option{
		otlptracegrpc.WithDialOption(
			grpc.WithChainUnaryInterceptor(seeReply),
			grpc.WithStatsHandler(wireEvents{}),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 500 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: redial}, MinConnectTimeout: 5 * time.Second}),
		),
	}
	insecure := c.Insecure != nil && *c.Insecure
	endpoint = c.Endpoint
	switch {
	case strings.Contains(c.Endpoint, "://"):
		options = append(options, otlptracegrpc.WithEndpointURL(c.Endpoint))
	case c.Endpoint != "":
		options = append(options, otlptracegrpc.WithEndpoint(c.Endpoint))
	default:
		if endpoint = environment("ENDPOINT"); endpoint == "" {
			endpoint = defaultEndpoint
			options = append(options, otlptracegrpc.WithEndpoint(endpoint))
			insecure = insecure || c.Insecure == nil && !c.secured() && environment("INSECURE") == "" && environment("CERTIFICATE") == ""
		}
	}
	switch {
	case insecure:
		options = append(options, otlptracegrpc.WithInsecure())
	case c.secured() || c.Insecure != nil:
		tls, err := c.tls()
		if err != nil {
			return nil, "", err
		}
		options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(tls)))
	}
	if len(c.Headers) > 0 {
		options = append(options, otlptracegrpc.WithHeaders(c.Headers))
	}
	if c.Compression != "" {
		options = append(options, otlptracegrpc.WithCompressor(c.Compression)) // all but gzip is none
	}
	if c.Timeout > 0 {
		options = append(options, otlptracegrpc.WithTimeout(c.Timeout))
	}
	return options, plainEndpoint(endpoint), nil
}

// environment is what OTEL_EXPORTER_OTLP_… says, for traces before for all signals.
func environment(key string) string {
	if v := strings.TrimSpace(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_" + key)); v != "" {
		return v
	}
	return strings.TrimSpace(os.Getenv("OTEL_EXPORTER_OTLP_" + key))
}

// plainEndpoint is host:port without anything secret that a URL may carry.
func plainEndpoint(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	s, _, _ = strings.Cut(s, "/")
	s, _, _ = strings.Cut(s, "?")
	return s
}

// verdict is what became of an upload.
type verdict uint8

const (
	taken    verdict = iota // by the receiver, but for those that it rejected
	again                   // nobody took it, and that may change
	tooLarge                // the receiver takes less at once
	refused                 // the receiver does not want it
)

// upload sends spans once, with the retries of the client. limit is the receiver's, in bytes, when it named one.
func (c *client) upload(ctx context.Context, spans []*tracepb.ResourceSpans) (v verdict, r reply, limit int, err error) {
	err = c.otlp.UploadTraces(context.WithValue(ctx, replyKey{}, &r), spans)
	switch s := status.Convert(rpcError(err)); {
	case err == nil || r.rejected > 0 || r.message != "":
		return taken, r, 0, nil
	case s.Code() == codes.ResourceExhausted && strings.Contains(s.Message(), "larger than max"):
		return tooLarge, r, namedLimit(s.Message()), err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return again, r, 0, err
	default:
		return judge(s.Code()), r, 0, err
	}
}

// judge says what a status means for an upload that the client retries no more.
func judge(c codes.Code) verdict {
	switch c {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss, codes.ResourceExhausted:
		return again
	}
	return refused
}

// rpcError is the error with a status within err, or err.
func rpcError(err error) error {
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		return s.GRPCStatus().Err()
	}
	return err
}

// problem is an error in words for people, without those of the layers in between.
func problem(err error) string {
	s, ok := status.FromError(rpcError(err))
	if !ok || err == nil {
		return fmt.Sprint(err)
	}
	switch {
	case s.Code() == codes.DeadlineExceeded:
		return "no answer in time: " + s.Message()
	case s.Code() == codes.Unknown:
		return s.Message()
	}
	return strings.ToLower(s.Code().String()) + ": " + s.Message()
}

// namedLimit reads "received message larger than max (5643939 vs. 4194304)"; 0 when there is no number.
func namedLimit(message string) int {
	_, rest, _ := strings.Cut(message, " vs. ")
	digits := strings.TrimRight(rest, ")")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (c *client) stop(ctx context.Context) error {
	if err := c.otlp.Stop(ctx); err != nil {
		return fmt.Errorf("close the connection to %s: %w", c.endpoint, err)
	}
	return nil
}
