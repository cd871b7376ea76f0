// Package hostile is a model plugin for tests, made without the SDK: it says what no plugin of the SDK would.
package hostile

import (
	"context"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
)

// Huge is the prompt that is answered with one message of 2 GiB. Others get an image.
const Huge = "huge"

// Capability is one that no host knows.
const Capability = "capability#99"

// Serve serves the plugin until the host ends it.
func Serve() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "STROBE_PLUGIN", MagicCookieValue: "3f2b7d0c-strobe"},
		Plugins:         goplugin.PluginSet{"plugin": hostile{}},
		Logger:          hclog.NewNullLogger(),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.ForceServerCodecV2(hugeCodec{}), grpc.MaxSendMsgSize(1<<31-1))...)
		},
	})
}

type hostile struct {
	goplugin.NetRPCUnsupportedPlugin
	pluginv1.UnimplementedPluginServiceServer
	modelv1.UnimplementedModelServiceServer
}

// GRPCServer implements goplugin.GRPCPlugin.
func (h hostile) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(s, h)
	modelv1.RegisterModelServiceServer(s, h)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin.
func (hostile) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

// Describe implements pluginv1.PluginServiceServer.
func (hostile) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return &pluginv1.DescribeResponse{Kind: pluginv1.Kind_KIND_MODEL, Name: "hostile", ApiVersions: []uint32{1, 7},
		Capabilities: []pluginv1.Capability{pluginv1.Capability_CAPABILITY_RECORDING, 99}}, nil
}

// Configure implements pluginv1.PluginServiceServer.
func (hostile) Configure(context.Context, *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	return &pluginv1.ConfigureResponse{}, nil
}

// Load implements modelv1.ModelServiceServer.
func (hostile) Load(context.Context, *modelv1.LoadRequest) (*modelv1.LoadResponse, error) {
	return &modelv1.LoadResponse{Info: &modelv1.Info{}}, nil
}

// Generate implements modelv1.ModelServiceServer.
func (hostile) Generate(r *modelv1.GenerateRequest, s grpc.ServerStreamingServer[modelv1.GenerateResponse]) error {
	image := &modelv1.Image{Width: 1, Height: 1, Pixels: make([]byte, 3)}
	if r.GetPrompt() == Huge {
		image.Width = hugeWidth
	}
	if err := s.Send(&modelv1.GenerateResponse{Kind: &modelv1.GenerateResponse_Image{Image: image}}); err != nil {
		return err
	}
	return s.Send(&modelv1.GenerateResponse{Kind: &modelv1.GenerateResponse_Result{Result: &modelv1.Result{Images: 1}}})
}

// hugeWidth marks the image whose message is to be huge.
const hugeWidth = 1 << 30

// hugeCodec is proto, but for an image that is to be huge: that is 2 GiB, of one MiB that is sent again and again.
type hugeCodec struct{}

// Name implements encoding.CodecV2.
func (hugeCodec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (hugeCodec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*modelv1.GenerateResponse); ok && m.GetImage().GetWidth() == hugeWidth {
		var all mem.BufferSlice
		part := mem.SliceBuffer(make([]byte, 1<<20))
		for range 2047 {
			all = append(all, part)
		}
		return all, nil
	}
	b, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

// Unmarshal implements encoding.CodecV2.
func (hugeCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return proto.Unmarshal(data.Materialize(), v.(proto.Message))
}
