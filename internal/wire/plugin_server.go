package wire

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/diag"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
	"github.com/strobe-dev/strobe/sdk/schema"
)

// Prober is an optional companion of a model or a profiler: after Configure it says what stands in the way of working
// here and now, such as a collector that cannot be reached. Warnings never stop a server.
type Prober interface {
	Probe(ctx context.Context) diag.List
}

// identity is what both kinds describe.
type identity struct {
	kind                   pluginv1.Kind
	name, version, summary string
	config                 any
	capabilities           []pluginv1.Capability
}

// pluginServer serves PluginService for both kinds.
type pluginServer struct {
	pluginv1.UnimplementedPluginServiceServer
	log      *slog.Logger
	identity func() identity
	prober   Prober                // nil when the author has none
	end      func(context.Context) // ends what runs, idempotent

	mu         sync.Mutex
	pristine   reflect.Value // the configuration struct as the author made it
	configured bool
}

func (s *pluginServer) register(g *grpc.Server) { pluginv1.RegisterPluginServiceServer(g, s) }

// Describe implements pluginv1.PluginServiceServer.
func (s *pluginServer) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	id := s.identity()
	attributes, err := schema.From(id.config)
	if err != nil {
		return nil, status.Error(codes.Internal, text(err.Error()))
	}
	return &pluginv1.DescribeResponse{
		Kind: id.kind, Name: text(id.name), Version: text(id.version), Summary: text(id.summary),
		ApiVersions: []uint32{APIVersion}, Capabilities: id.capabilities, Config: toAttributes(attributes),
	}, nil
}

// Configure implements pluginv1.PluginServiceServer. Called again, it begins with the author's own struct, not with
// what the last call left there.
func (s *pluginServer) Configure(_ context.Context, r *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	config := s.identity().config
	if v := reflect.ValueOf(config); v.Kind() == reflect.Pointer && !v.IsNil() {
		if !s.pristine.IsValid() {
			s.pristine = reflect.New(v.Type().Elem()).Elem()
			s.pristine.Set(v.Elem())
		}
		v.Elem().Set(s.pristine)
	}
	found := schema.Decode(fromObject(r.GetConfig()), config)
	s.configured = !found.HasErrors()
	return &pluginv1.ConfigureResponse{Diagnostics: toDiag(found)}, nil
}

// ready is an error until the plugin is configured; one that takes no configuration always is.
func (s *pluginServer) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.configured && s.identity().config != nil {
		return status.Error(codes.FailedPrecondition, "the plugin is not configured")
	}
	return nil
}

// Probe implements pluginv1.PluginServiceServer.
func (s *pluginServer) Probe(ctx context.Context, _ *pluginv1.ProbeRequest) (*pluginv1.ProbeResponse, error) {
	if s.prober == nil {
		return &pluginv1.ProbeResponse{}, nil
	}
	return &pluginv1.ProbeResponse{Diagnostics: toDiag(s.prober.Probe(ctx))}, nil
}

// Close implements pluginv1.PluginServiceServer.
func (s *pluginServer) Close(ctx context.Context, _ *pluginv1.CloseRequest) (*pluginv1.CloseResponse, error) {
	s.end(ctx)
	if err := ctx.Err(); err != nil { // something still runs
		return nil, status.FromContextError(err).Err()
	}
	return &pluginv1.CloseResponse{}, nil
}

// asProber finds the companion.
func asProber(v any) (Prober, []pluginv1.Capability) {
	p, ok := v.(Prober)
	if !ok {
		return nil, nil
	}
	return p, []pluginv1.Capability{pluginv1.Capability_CAPABILITY_PROBE}
}

// blockFor is a sample of plugins.hcl for a plugin run by hand.
func blockFor(kind, name, command string) string {
	s := fmt.Sprintf("  plugin %q {\n    kind    = %q\n    command = [%q]\n  }\n", name, kind, command)
	if kind == KindProfiler {
		return s + fmt.Sprintf("  profiler %q {\n  }\n", name)
	}
	return s + fmt.Sprintf("  model \"mine\" {\n    stage %q {\n    }\n  }\n", name)
}
