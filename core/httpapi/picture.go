package httpapi

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"sync"

	"golang.org/x/image/webp"

	"github.com/strobe-dev/strobe/sdk/model"
)

// Bounds of a picture that comes in, checked before its pixels are decoded.
const (
	maxInputSide   = 8192
	maxInputPixels = 16 << 20
	maxInputImages = 10
)

// defaultJPEGQuality is used when output_compression is not given.
const defaultJPEGQuality = 95

// codec is a picture format that can be read.
type codec struct {
	magic  string
	offset int
	config func(r *bytes.Reader) (image.Config, error)
	decode func(r *bytes.Reader) (image.Image, error)
}

// codecs that are read; told apart by their first bytes, never by a file's name or declared type.
var codecs = []codec{
	{"\x89PNG\r\n\x1a\n", 0,
		func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }},
	{"\xff\xd8\xff", 0,
		func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }},
	{"GIF8", 0,
		func(r *bytes.Reader) (image.Config, error) { return gif.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return gif.Decode(r) }},
	{"WEBP", 8,
		func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) }},
}

// decodePicture reads a picture into 8-bit RGB over white. param names the field in a finding.
func decodePicture(data []byte, param string) (model.Image, error) {
	for _, c := range codecs {
		if len(data) < c.offset || !bytes.HasPrefix(data[c.offset:], []byte(c.magic)) {
			continue
		}
		cfg, err := c.config(bytes.NewReader(data))
		if err != nil {
			return model.Image{}, invalidImage(param, err)
		}
		if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > maxInputSide || cfg.Height > maxInputSide || cfg.Width*cfg.Height > maxInputPixels {
			return model.Image{}, failf(codeInvalidImage, param, "%s is %dx%d pixels: send one of 1 to %d a side and at most %d pixels",
				param, cfg.Width, cfg.Height, maxInputSide, maxInputPixels)
		}
		img, err := c.decode(bytes.NewReader(data))
		if err != nil {
			return model.Image{}, invalidImage(param, err)
		}
		return flatten(img), nil
	}
	return model.Image{}, failf(codeInvalidImage, param, "%s is no image (%d bytes): send PNG, JPEG, GIF or WebP", param, len(data))
}

func invalidImage(param string, err error) error {
	e := failf(codeInvalidImage, param, "%s cannot be decoded: %s: send PNG, JPEG, GIF or WebP", param, err)
	e.Cause = err
	return e
}

// flatten puts a picture on white and keeps its colours.
func flatten(img image.Image) model.Image {
	b := img.Bounds()
	canvas := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(canvas, canvas.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(canvas, canvas.Rect, img, b.Min, draw.Over)
	out := model.Image{Width: b.Dx(), Height: b.Dy(), Pixels: make([]byte, 3*b.Dx()*b.Dy())}
	for i, j := 0, 0; j < len(out.Pixels); i, j = i+4, j+3 {
		copy(out.Pixels[j:j+3], canvas.Pix[i:i+3])
	}
	return out
}

// pngEncoder keeps its compressors, a megabyte each: to make one takes longer than to write a small picture.
var pngEncoder = &png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &pngBuffers{}}

// pngBuffers implements [png.EncoderBufferPool].
type pngBuffers struct{ pool sync.Pool }

func (p *pngBuffers) Get() *png.EncoderBuffer {
	b, _ := p.pool.Get().(*png.EncoderBuffer) // nil: the encoder makes one
	return b
}

func (p *pngBuffers) Put(b *png.EncoderBuffer) { p.pool.Put(b) }

// encodePicture writes PNG or, with format "jpeg", JPEG of a quality from 1 to 100.
func encodePicture(m model.Image, format string, quality int) ([]byte, error) {
	if m.Width < 1 || m.Height < 1 || len(m.Pixels) != 3*m.Width*m.Height {
		return nil, fmt.Errorf("encode an image of %dx%d: the model gave %d bytes of pixels", m.Width, m.Height, len(m.Pixels))
	}
	rgba := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i, j := 0, 0; j < len(m.Pixels); i, j = i+4, j+3 {
		copy(rgba.Pix[i:i+3], m.Pixels[j:j+3])
		rgba.Pix[i+3] = 0xff
	}
	var buf bytes.Buffer
	var err error
	if format == formatJPEG {
		err = jpeg.Encode(&buf, rgba, &jpeg.Options{Quality: quality})
	} else {
		err = pngEncoder.Encode(&buf, rgba)
	}
	if err != nil {
		return nil, fmt.Errorf("encode an image of %dx%d as %s: %w", m.Width, m.Height, format, err)
	}
	return buf.Bytes(), nil
}
