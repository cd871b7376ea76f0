package wire

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/strobe-dev/strobe/sdk/model"
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
)

// hostileModel is a plugin that was made without the SDK: it says what no SDK would.
type hostileModel struct {
	goplugin.NetRPCUnsupportedPlugin
	pluginv1.UnimplementedPluginServiceServer
	modelv1.UnimplementedModelServiceServer
}

func (h hostileModel) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(s, h)
	modelv1.RegisterModelServiceServer(s, h)
	return nil
}

func (hostileModel) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func (hostileModel) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return &pluginv1.DescribeResponse{Kind: pluginv1.Kind_KIND_MODEL, Name: "hostile", ApiVersions: []uint32{1, 7},
		Capabilities: []pluginv1.Capability{pluginv1.Capability_CAPABILITY_RECORDING, 99}}, nil
}

// Generate answers with one message of 2 GiB.
func (hostileModel) Generate(_ *modelv1.GenerateRequest, s grpc.ServerStreamingServer[modelv1.GenerateResponse]) error {
	return s.Send(&modelv1.GenerateResponse{Kind: &modelv1.GenerateResponse_Image{Image: &modelv1.Image{Width: 1 << 30}}})
}

// hugeCodec is proto, but for an image: that is 2 GiB, of one MiB that is sent again and again.
type hugeCodec struct{}

func (hugeCodec) Name() string { return "proto" }

func (hugeCodec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*modelv1.GenerateResponse); ok && m.GetImage() != nil {
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

func (hugeCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return proto.Unmarshal(data.Materialize(), v.(proto.Message))
}

// serveHostile serves it.
func serveHostile() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         goplugin.PluginSet{dispensed: hostileModel{}},
		Logger:          hclog.NewNullLogger(),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.ForceServerCodecV2(hugeCodec{}), grpc.MaxSendMsgSize(1<<31-1))...)
		},
	})
}

func TestUnknownCapability(t *testing.T) {
	d, err := launch(t, testHost(t), testSpec("hostile", nil)).Describe(t.Context())
	if err != nil || !d.Has("recording") || !d.Has("capability#99") || !d.Serves(1) || !d.Serves(7) {
		t.Errorf("%+v %v", d, err)
	}
}

// TestHugeMessage: a message of 2 GiB is refused by what it says of its length; its bytes are never held.
func TestHugeMessage(t *testing.T) {
	p := launch(t, testHost(t), testSpec("hostile", nil))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.Generate(t.Context(), &model.Request{}, nil)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("Generate = %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
		t.Errorf("it took %d bytes", grown)
	}
	if _, err := p.Describe(t.Context()); err != nil {
		t.Error("afterwards:", err)
	}
	if err := p.AwaitIdle(t.Context(), endGrace); err == nil || !strings.Contains(err.Error(), fmt.Sprint(ErrUnimplemented)) {
		t.Errorf("AwaitIdle = %v", err)
	}
}
