package bench

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
)

// Image is an input image: a file's bytes, or a URL.
type Image struct {
	Name      string // of the file, without folders
	MediaType string
	Data      []byte
	URL       string // instead of the above
}

// plain is a picture of one colour.
func plain(side int, c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

// whiteSquare is what the random data set starts from: 512x512, white.
func whiteSquare() (Image, error) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, plain(512, color.White)); err != nil {
		return Image{}, fmt.Errorf("make a white image: %w", err)
	}
	return Image{Name: "diffusion_benchmark_random_image_0.png", MediaType: "image/png", Data: buf.Bytes()}, nil
}

// redSquare stands in where a data set has no image: 100x100, red.
func redSquare() (Image, error) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, plain(100, color.RGBA{R: 255, A: 255}), &jpeg.Options{Quality: 75}); err != nil {
		return Image{}, fmt.Errorf("make a red image: %w", err)
	}
	return Image{Name: "dummy_image.jpg", MediaType: "image/jpeg", Data: buf.Bytes()}, nil
}

// mediaTypes by a file's ending, the same on every machine.
var mediaTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
	".gif": "image/gif", ".bmp": "image/bmp",
}

// pictures reads image files, each once: a trace may name one file in thousands of lines.
type pictures map[string]Image

func (p pictures) read(path string) (Image, error) {
	if img, ok := p[path]; ok {
		return img, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Image{}, fmt.Errorf("read an input image: %w", err)
	}
	kind, ok := mediaTypes[strings.ToLower(filepath.Ext(path))]
	if !ok {
		kind = "application/octet-stream"
	}
	img := Image{Name: filepath.Base(path), MediaType: kind, Data: data}
	p[path] = img
	return img, nil
}

func (p pictures) readAll(paths []string) ([]Image, error) {
	var all []Image
	for _, path := range paths {
		img, err := p.read(path)
		if err != nil {
			return nil, err
		}
		all = append(all, img)
	}
	return all, nil
}
