package wire

import (
	"fmt"

	"github.com/strobe-dev/strobe/sdk/model"
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
)

func toSize(s model.Size) *modelv1.Size {
	if s == (model.Size{}) {
		return nil
	}
	return &modelv1.Size{Width: int32(s.Width), Height: int32(s.Height)}
}

func sizeFrom(s *modelv1.Size) model.Size {
	return model.Size{Width: int(s.GetWidth()), Height: int(s.GetHeight())}
}

func toInfo(i model.Info) *modelv1.Info {
	m := &modelv1.Info{
		Makes: i.Makes, Max: toSize(i.Max), Resizes: i.Resizes, DefaultSteps: int32(i.DefaultSteps), DefaultGuidance: i.DefaultGuidance,
		MaxSteps: int32(i.MaxSteps), Synthetic: i.Synthetic, Parameters: i.Parameters, Details: toTexts(i.Details),
	}
	for _, s := range i.Sizes {
		m.Sizes = append(m.Sizes, &modelv1.Size{Width: int32(s.Width), Height: int32(s.Height)})
	}
	return m
}

func infoFrom(m *modelv1.Info) model.Info {
	i := model.Info{
		Makes: m.GetMakes(), Max: sizeFrom(m.GetMax()), Resizes: m.GetResizes(), DefaultSteps: int(m.GetDefaultSteps()),
		DefaultGuidance: m.GetDefaultGuidance(), MaxSteps: int(m.GetMaxSteps()), Synthetic: m.GetSynthetic(),
		Parameters: m.GetParameters(), Details: m.GetDetails(),
	}
	for _, s := range m.GetSizes() {
		i.Sizes = append(i.Sizes, sizeFrom(s))
	}
	return i
}

func toRequest(r *model.Request) *modelv1.GenerateRequest {
	m := &modelv1.GenerateRequest{
		Id: text(r.ID), Flow: r.Flow, Prompt: text(r.Prompt), NegativePrompt: text(r.NegativePrompt), Size: toSize(r.Size),
		Steps: int32(r.Steps), Guidance: r.Guidance, Strength: r.Strength, Seed: r.Seed, Count: int32(r.Count), Extra: toTexts(r.Extra),
	}
	for _, i := range r.Images {
		m.Images = append(m.Images, toImage(i))
	}
	return m
}

func requestFrom(m *modelv1.GenerateRequest) (*model.Request, error) {
	r := &model.Request{
		ID: m.GetId(), Flow: m.GetFlow(), Prompt: m.GetPrompt(), NegativePrompt: m.GetNegativePrompt(), Size: sizeFrom(m.GetSize()),
		Steps: int(m.GetSteps()), Guidance: m.Guidance, Strength: m.Strength, Seed: m.GetSeed(), Count: int(m.GetCount()), Extra: m.GetExtra(),
	}
	for _, i := range m.GetImages() {
		image, err := imageFrom(i)
		if err != nil {
			return nil, err
		}
		r.Images = append(r.Images, image)
	}
	return r, nil
}

func toImage(i model.Image) *modelv1.Image {
	return &modelv1.Image{Width: int32(i.Width), Height: int32(i.Height), Pixels: i.Pixels}
}

// imageFrom refuses an image whose pixels do not fit its size: whoever indexes them would go out of range.
func imageFrom(m *modelv1.Image) (model.Image, error) {
	w, h := int64(m.GetWidth()), int64(m.GetHeight())
	if w <= 0 || h <= 0 || int64(len(m.GetPixels())) != 3*w*h {
		return model.Image{}, fmt.Errorf("an image of %dx%d with %d bytes, must be %d", w, h, len(m.GetPixels()), 3*w*h)
	}
	return model.Image{Width: int(w), Height: int(h), Pixels: m.GetPixels()}, nil
}

func toResult(r *model.Result) *modelv1.Result {
	m := &modelv1.Result{DurationsS: map[string]float64{}, PeakMemoryBytes: r.PeakMemoryBytes, Steps: int32(r.Steps), Images: int32(len(r.Images))}
	for k, v := range r.Durations {
		m.DurationsS[text(k)] = v
	}
	for _, w := range r.Warnings {
		m.Warnings = append(m.Warnings, text(w))
	}
	return m
}

func resultFrom(m *modelv1.Result) *model.Result {
	return &model.Result{Warnings: m.GetWarnings(), Durations: m.GetDurationsS(), PeakMemoryBytes: m.GetPeakMemoryBytes(), Steps: int(m.GetSteps())}
}

func toTexts(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[text(k)] = text(v)
	}
	return out
}
