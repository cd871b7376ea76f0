package main

import (
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // senders may compress
	"google.golang.org/protobuf/types/known/emptypb"
)

// receiver takes OTLP traces and counts kernels in them.
type receiver struct {
	address string
	server  *grpc.Server

	mu      sync.Mutex
	kernels int
	bad     error
}

// receive takes traces on a free port of this machine.
func receive() (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for OTLP: %w", err)
	}
	r := &receiver{address: l.Addr().String()}
	const most = 64 << 20 // of a request, bytes
	r.server = grpc.NewServer(grpc.UnknownServiceHandler(r.export), grpc.MaxRecvMsgSize(most))
	go r.server.Serve(l) //nolint:errcheck // ends with close
	return r, nil
}

// export is any call: there is only TraceService.Export. What a message holds that its Go type does not know is kept as it came.
func (r *receiver) export(_ any, stream grpc.ServerStream) error {
	var request emptypb.Empty
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	n := 0
	const resourceSpans, scopeSpans, spans, spanName = 1, 2, 2, 5
	err := eachMessage(request.ProtoReflect().GetUnknown(), []int{resourceSpans, scopeSpans, spans}, func(span []byte) error {
		return eachField(span, func(f field) error {
			if f.number == spanName && string(f.bytes) == kernelName {
				n++
			}
			return nil
		})
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kernels += n
	if r.bad == nil {
		r.bad = err
	}
	return stream.SendMsg(&emptypb.Empty{})
}

// count is how many kernels have come.
func (r *receiver) count() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kernels, r.bad
}

func (r *receiver) close() { r.server.Stop() }
