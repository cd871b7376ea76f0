package dit

import (
	"math"

	"github.com/strobe-dev/strobe/sdk/model"
)

// Limits and defaults of a request.
const (
	defaultSteps    = 20
	maxSteps        = 200
	defaultGuidance = 1.5
	maxGuidance     = 100
	defaultStrength = 0.6
	maxCount        = 10
	maxInputPixels  = 1 << 26 // of an input image
)

// options are a request's values, checked, defaults filled in.
type options struct {
	size       model.Size
	rows, cols int // patches, enough to cover size
	steps      int
	first      int // step to begin with: 0, or later for image-to-image
	guidance   float64
	seed       uint64
	count      int
	input      *model.Image // of image-to-image
}

// newOptions checks a request against what the network can do.
func (n *network) newOptions(req *model.Request) (options, error) {
	o := options{steps: req.Steps, guidance: defaultGuidance, seed: req.Seed, count: max(req.Count, 1)}
	if o.steps == 0 {
		o.steps = defaultSteps
	}
	if o.steps < 1 || o.steps > maxSteps {
		return o, model.BadRequest("num_inference_steps", "%d steps asked for, must be 1 to %d", o.steps, maxSteps)
	}
	if req.Count < 0 || o.count > maxCount {
		return o, model.BadRequest("n", "%d images asked for, must be 1 to %d", req.Count, maxCount)
	}
	if req.Guidance != nil {
		o.guidance = *req.Guidance
	}
	if math.IsNaN(o.guidance) || o.guidance < 0 || o.guidance > maxGuidance {
		return o, model.BadRequest("guidance_scale", "%v is not between 0 and %d", o.guidance, maxGuidance)
	}
	if err := o.readImage(req); err != nil {
		return o, err
	}
	return o, n.readSize(&o, req.Size)
}

// readSize turns a size in pixels into patches.
func (n *network) readSize(o *options, size model.Size) error {
	if n.side > 0 {
		if size != (model.Size{}) && size != (model.Size{Width: n.side, Height: n.side}) {
			return model.BadRequest("size", "the model makes %dx%d, not %dx%d; a resize stage after it makes other sizes",
				n.side, n.side, size.Width, size.Height)
		}
		size = model.Size{Width: n.side, Height: n.side}
	}
	if size == (model.Size{}) {
		size = model.Size{Width: defaultRandomSide, Height: defaultRandomSide}
	}
	for _, side := range []int{size.Width, size.Height} {
		if side < 1 || side > maxSide {
			return model.BadRequest("size", "the model makes any size up to %dx%d, not %dx%d", maxSide, maxSide, size.Width, size.Height)
		}
	}
	o.size = size
	o.rows, o.cols = (size.Height+n.patch-1)/n.patch, (size.Width+n.patch-1)/n.patch
	return nil
}

// readImage takes the input image and where its strength makes the steps begin.
func (o *options) readImage(req *model.Request) error {
	strength := defaultStrength
	if req.Strength != nil {
		strength = *req.Strength
	}
	if math.IsNaN(strength) || strength < 0 || strength > 1 {
		return model.BadRequest("strength", "%v is not between 0 and 1", strength)
	}
	switch len(req.Images) {
	case 0:
		return nil
	case 1:
	default:
		return model.BadRequest("image", "%d images given, the model takes one", len(req.Images))
	}
	m := &req.Images[0]
	if m.Width <= 0 || m.Height <= 0 || m.Width > maxInputPixels/m.Height || len(m.Pixels) != channels*m.Width*m.Height {
		return model.BadRequest("image", "%dx%d pixels in %d bytes is no RGB image", m.Width, m.Height, len(m.Pixels))
	}
	o.input = m
	o.first = int(math.Round((1 - strength) * float64(o.steps)))
	return nil
}
