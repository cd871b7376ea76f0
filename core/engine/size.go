package engine

import (
	"fmt"
	"math"
	"strings"

	"github.com/strobe-dev/strobe/sdk/model"
)

// plan says which size each stage is asked for. A zero size leaves it to the stage: the first makes its own native
// size, a later one leaves the images as they are.
//
// The first stage gets the requested size if it makes it. Otherwise some later stage must resize to it; then the first
// stage gets the size, of those that it makes, that is closest.
func (e *Engine) plan(want model.Size) ([]model.Size, error) {
	sizes := make([]model.Size, len(e.stages))
	if want == (model.Size{}) {
		return sizes, nil
	}
	if want.Width <= 0 || want.Height <= 0 {
		return nil, model.BadRequest("size", "%dx%d is no size; width and height must be at least 1", want.Width, want.Height)
	}
	resized := false
	for i, s := range e.stages[1:] {
		if s.Info.Resizes && within(want, s.Info.Max) {
			sizes[i+1] = want
			resized = true
		}
	}
	first := e.stages[0].Info
	switch {
	case makes(first, want):
		sizes[0] = want
	case resized:
		sizes[0] = closest(first, want)
	default:
		return nil, model.BadRequest("size", "model %s does not make %dx%d; it makes %s", e.name, want.Width, want.Height, e.sizesText())
	}
	return sizes, nil
}

// makes reports whether a stage makes images of size natively.
func makes(i model.Info, size model.Size) bool {
	for _, s := range i.Sizes {
		if s == size {
			return true
		}
	}
	return len(i.Sizes) == 0 && within(size, i.Max)
}

// within reports whether size fits into max; a zero max has no bound.
func within(size, max model.Size) bool {
	return (max.Width == 0 || size.Width <= max.Width) && (max.Height == 0 || size.Height <= max.Height)
}

// closest is the size that a stage makes whose width and height differ by the smallest factors from want's, so that
// a resize changes least; the larger one of two alike.
func closest(i model.Info, want model.Size) model.Size {
	if len(i.Sizes) == 0 {
		return shrink(want, i.Max)
	}
	best, bestDistance := model.Size{}, math.Inf(1)
	for _, s := range i.Sizes {
		w := math.Log(float64(s.Width) / float64(want.Width))
		h := math.Log(float64(s.Height) / float64(want.Height))
		d := w*w + h*h
		if d < bestDistance || d == bestDistance && s.Width*s.Height > best.Width*best.Height {
			best, bestDistance = s, d
		}
	}
	return best
}

// shrink scales size down into max and keeps its shape, to a pixel.
func shrink(size, max model.Size) model.Size {
	f := 1.0
	if max.Width > 0 {
		f = min(f, float64(max.Width)/float64(size.Width))
	}
	if max.Height > 0 {
		f = min(f, float64(max.Height)/float64(size.Height))
	}
	return model.Size{
		Width:  clampDim(float64(size.Width)*f, max.Width),
		Height: clampDim(float64(size.Height)*f, max.Height),
	}
}

// clampDim rounds v into 1..most; a zero most has no bound.
func clampDim(v float64, most int) int {
	n := max(1, int(math.Round(v)))
	if most > 0 {
		n = min(n, most)
	}
	return n
}

// sizesText names the sizes that the model makes: "32x32, 64x64, and any size up to 1024x1024".
func (e *Engine) sizesText() string {
	m := e.Model()
	var parts []string
	for _, s := range m.Sizes {
		parts = append(parts, fmt.Sprintf("%dx%d", s.Width, s.Height))
	}
	if m.AnySize {
		parts = append(parts, "any size"+upTo(m.Max))
	}
	return strings.Join(parts, ", ")
}

// upTo is " up to 1024x1024", or as much of it as is bounded.
func upTo(max model.Size) string {
	switch {
	case max.Width > 0 && max.Height > 0:
		return fmt.Sprintf(" up to %dx%d", max.Width, max.Height)
	case max.Width > 0:
		return fmt.Sprintf(" up to a width of %d", max.Width)
	case max.Height > 0:
		return fmt.Sprintf(" up to a height of %d", max.Height)
	default:
		return ""
	}
}
