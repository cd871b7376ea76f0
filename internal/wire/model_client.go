package wire

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/model"
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Load makes the model ready.
func (c *Client) Load(ctx context.Context, r model.Rank) (model.Info, error) {
	var info model.Info
	err := c.call(ctx, "load", c.timeouts.Load, func(ctx context.Context) error {
		reply, err := modelv1.NewModelServiceClient(c.conn).Load(ctx, &modelv1.LoadRequest{
			Model: text(r.Model), Stage: int32(r.Stage), StageName: text(r.StageName), Rank: int32(r.Rank), Replicas: int32(r.Replicas),
		})
		info = infoFrom(reply.GetInfo())
		return err
	})
	return info, err
}

// Generate runs the stage for one request. progress may be nil; it is called from this goroutine only. Nothing of the plugin
// within the progress timeout is [ErrStalled].
func (c *Client) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	var result *model.Result
	ctx, watch, stop := watchStalls(ctx, c.timeouts.Progress)
	defer stop()
	err := c.call(ctx, "generate", c.timeouts.Generate, func(ctx context.Context) error {
		stream, err := modelv1.NewModelServiceClient(c.conn).Generate(ctx, toRequest(req))
		if err != nil {
			return err
		}
		result, err = receive(func() (*modelv1.GenerateResponse, error) {
			m, err := stream.Recv()
			watch.came()
			return m, err
		}, progress)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// receive reads a generation's messages to the end.
func receive(recv func() (*modelv1.GenerateResponse, error), progress func(model.Progress)) (*model.Result, error) {
	var images []model.Image
	var result *model.Result
	for {
		m, err := recv()
		switch {
		case errors.Is(err, io.EOF) && result == nil:
			return nil, errors.New("the plugin ended the call without a result")
		case errors.Is(err, io.EOF):
			result.Images = images
			return result, nil
		case err != nil:
			return nil, err
		case result != nil:
			return nil, errors.New("the plugin sent more after its result")
		}
		switch k := m.GetKind().(type) {
		case *modelv1.GenerateResponse_Progress:
			if progress != nil {
				progress(model.Progress{Step: int(k.Progress.GetStep()), Steps: int(k.Progress.GetSteps())})
			}
		case *modelv1.GenerateResponse_Image:
			image, err := imageFrom(k.Image)
			if err != nil {
				return nil, err
			}
			images = append(images, image)
		case *modelv1.GenerateResponse_Result:
			if n := int(k.Result.GetImages()); n != len(images) {
				return nil, fmt.Errorf("the plugin sent %d images and says it sent %d", len(images), n)
			}
			result = resultFrom(k.Result)
		}
	}
}

// StartRecording makes the process write events into a new segment. s.Process is not sent: the plugin knows who it is. Notes
// say what is not recorded, and why; StopRecording's have them again.
func (c *Client) StartRecording(ctx context.Context, s trace.Start) (notes []string, err error) {
	err = c.call(ctx, "start recording", c.timeouts.Record, func(ctx context.Context) error {
		r, err := modelv1.NewModelServiceClient(c.conn).StartRecording(ctx, &modelv1.StartRecordingRequest{
			Path: s.Path, MaxBytes: s.MaxBytes, Categories: uint32(s.Categories), Control: string(s.Control)})
		if status.Code(err) == codes.AlreadyExists {
			return trace.ErrRecording
		}
		notes = notesFrom(r.GetNotes())
		return err
	})
	return notes, err
}

// StopRecording freezes the segment.
func (c *Client) StopRecording(ctx context.Context) (trace.Stats, error) {
	var stats trace.Stats
	err := c.call(ctx, "stop recording", c.timeouts.Record, func(ctx context.Context) error {
		r, err := modelv1.NewModelServiceClient(c.conn).StopRecording(ctx, &modelv1.StopRecordingRequest{})
		if status.Code(err) == codes.FailedPrecondition {
			return trace.ErrNotRecording
		}
		l := r.GetLost()
		stats = trace.Stats{Events: r.GetEvents(), Bytes: r.GetBytes(), Lost: lossesFrom(l), EventNs: fromPicos(r.GetEventCostPs()), Notes: notesFrom(r.GetNotes())}
		return err
	})
	return stats, err
}
