package httpapi

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/strobe-dev/strobe/sdk/model"
)

// imageEdits is POST /v1/images/edits: image-to-image from a form.
func (s *Server) imageEdits(w http.ResponseWriter, r *http.Request) (err error) {
	t := s.beginTrace(r)
	defer func() { t.endWith(r.Context(), err) }()
	f, err := readForm(r, s.o.MaxBodyBytes)
	if err != nil {
		return err
	}
	p := formParams(f.values)
	g := &generation{}
	s.checkModel(p)
	g.Prompt = s.requirePrompt(p, "prompt")
	g.Count = p.integer("n", 1, maxImages, 1)
	g.Size = size(p, "size")
	s.common(p, g)
	noStream(p)
	response := responseFormat(p, responseBase64, responseFile)
	for _, name := range []string{"mask", "mask_image", "reference_image"} {
		if len(f.files[name]) > 0 {
			p.fail(codeUnsupported, name, "model %s changes whole images: leave %s out", s.engine.Model().Name, name)
		}
	}
	if p.err != nil {
		return p.err
	}
	if err := s.oneShot(w, r, t, p); err != nil {
		return err
	}
	span := t.lane.Begin(spanDecode)
	g.Images, err = s.formImages(t.st, f)
	span.End()
	if err != nil {
		return err
	}
	return s.answerImages(w, r, t, g, response)
}

// formImages decodes the files in image and image[], then the data URLs in url and url[].
func (s *Server) formImages(st *state, f *form) ([]model.Image, error) {
	var all []model.Image
	add := func(data []byte, param string) error {
		if len(all) == maxInputImages {
			return failf(codeInvalidImage, param, "more than %d images were sent: send fewer", maxInputImages)
		}
		img, err := s.inputs.picture(st, data, param)
		all = append(all, img)
		return err
	}
	for _, name := range []string{"image", "image[]"} {
		if len(f.values[name]) > 0 && f.values[name][0] != "" {
			return nil, failf(codeInvalidImage, "image", "image must be a file part (with a filename); a data: URL goes into url")
		}
		for _, header := range f.files[name] {
			data, err := readPart(header)
			if err != nil {
				return nil, err
			}
			if err := add(data, "image"); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range []string{"url", "url[]"} {
		for _, u := range f.values[name] {
			data, err := dataURL(u, "url")
			if err != nil {
				return nil, err
			}
			if err := add(data, "url"); err != nil {
				return nil, err
			}
		}
	}
	if len(all) == 0 {
		return nil, failf(codeMissingImage, "image", "no image was sent: add a file part named image")
	}
	return all, nil
}

func readPart(h *multipart.FileHeader) ([]byte, error) {
	file, err := h.Open()
	if err != nil {
		return nil, fmt.Errorf("open a form's file: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read a form's file: %w", err)
	}
	return data, nil
}

// dataURL is what a data: URL holds. Any other URL is refused: the server never fetches for a caller.
func dataURL(text, param string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, "data:")
	if !ok {
		return nil, failf(codeUnsupported, param, "%s must be a data: URL such as data:image/png;base64,…: the server fetches nothing", param)
	}
	meta, body, ok := strings.Cut(rest, ",")
	if !ok {
		return nil, failf(codeInvalidImage, param, "%s is a data: URL without a comma: write data:image/png;base64,…", param)
	}
	if !strings.HasSuffix(meta, ";base64") {
		plain, err := url.PathUnescape(body)
		if err != nil {
			return nil, failf(codeInvalidImage, param, "%s is a data: URL with a bad escape: use base64", param)
		}
		return []byte(plain), nil
	}
	data, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		data, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(body, "="))
	}
	if err != nil {
		return nil, failf(codeInvalidImage, param, "%s is a data: URL whose base64 is broken: %s: send it whole", param, err)
	}
	return data, nil
}
