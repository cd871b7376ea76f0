package wire

import (
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// The cookie tells a plugin that a host started it, and a host that it runs inside a plugin. No secret.
const (
	cookieKey   = "STROBE_PLUGIN"
	cookieValue = "3f2b7d0c-strobe"
)

// ProtocolVersion of handshake and services together. It changes only when an old plugin could not even be described.
const ProtocolVersion = 1

// APIVersion of the services strobe.model.v1 and strobe.profiler.v1.
const APIVersion = 1

// MaxMessageBytes bounds one gRPC message, both ways: ten images of 1024x1024 as input of one request fit twice.
const MaxMessageBytes = 64 << 20

// Windows of HTTP/2 flow control. The default of 64 KiB costs a round trip for every 64 KiB of an image.
const (
	streamWindow = 4 << 20
	connWindow   = 8 << 20
)

var handshake = goplugin.HandshakeConfig{ProtocolVersion: ProtocolVersion, MagicCookieKey: cookieKey, MagicCookieValue: cookieValue}

// dispensed is the one name in go-plugin's plugin set; what kind a plugin is, Describe says.
const dispensed = "plugin"

func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessageBytes), grpc.MaxCallSendMsgSize(MaxMessageBytes)),
		grpc.WithInitialWindowSize(streamWindow), grpc.WithInitialConnWindowSize(connWindow),
	}
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessageBytes), grpc.MaxSendMsgSize(MaxMessageBytes),
		grpc.InitialWindowSize(streamWindow), grpc.InitialConnWindowSize(connWindow),
	}
}
