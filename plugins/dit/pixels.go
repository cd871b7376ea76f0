package dit

import (
	"image"
	"math"

	"golang.org/x/image/draw"

	"github.com/strobe-dev/strobe/sdk/model"
)

// patchIndex walks an image in patches: f gets the index within the patches' numbers (patch by patch, inside one channel by channel)
// and the channel and position of the pixel.
func patchIndex(patch, rows, cols int, f func(i, c, y, x int)) {
	i := 0
	for p := range rows * cols {
		for c := range channels {
			for y := range patch {
				for x := range patch {
					f(i, c, p/cols*patch+y, p%cols*patch+x)
					i++
				}
			}
		}
	}
}

// toPatches cuts planes (channel by channel, row by row) into patches.
func toPatches(dst, planes []float32, patch, rows, cols int) {
	width, height := cols*patch, rows*patch
	patchIndex(patch, rows, cols, func(i, c, y, x int) { dst[i] = planes[(c*height+y)*width+x] })
}

// toImage turns patches into pixels: -1..1 becomes 0..255. What the last patches have beyond size is cut off.
func toImage(patches []float32, size model.Size, patch, rows, cols int) model.Image {
	m := model.Image{Width: size.Width, Height: size.Height, Pixels: make([]byte, channels*size.Width*size.Height)}
	patchIndex(patch, rows, cols, func(i, c, y, x int) {
		if y < m.Height && x < m.Width {
			v := min(max(float64(patches[i]), -1), 1)
			m.Pixels[channels*(y*m.Width+x)+c] = byte(math.Round((v + 1) * 127.5))
		}
	})
	return m
}

// fromImage scales m to size and cuts it into patches, repeating the last pixel where they go beyond.
func fromImage(dst []float32, m model.Image, size model.Size, patch, rows, cols int) {
	src := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		copy(src.Pix[4*i:4*i+3], m.Pixels[3*i:3*i+3])
		src.Pix[4*i+3] = 255
	}
	scaled := src
	if m.Width != size.Width || m.Height != size.Height {
		scaled = image.NewRGBA(image.Rect(0, 0, size.Width, size.Height))
		draw.CatmullRom.Scale(scaled, scaled.Bounds(), src, src.Bounds(), draw.Src, nil)
	}
	patchIndex(patch, rows, cols, func(i, c, y, x int) {
		at := scaled.PixOffset(min(x, size.Width-1), min(y, size.Height-1))
		dst[i] = float32(scaled.Pix[at+c])/127.5 - 1
	})
}
