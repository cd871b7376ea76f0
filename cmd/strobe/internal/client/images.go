package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// ImageRequest asks for images. Fields that are zero or nil are left to the server's defaults.
type ImageRequest struct {
	Prompt         string   `json:"prompt"`
	NegativePrompt string   `json:"negative_prompt,omitempty"`
	Count          int      `json:"n,omitempty"`
	Size           string   `json:"size,omitempty"` // "256x256"
	Steps          int      `json:"num_inference_steps,omitempty"`
	Guidance       *float64 `json:"guidance_scale,omitempty"`
	Seed           *uint64  `json:"seed,omitempty"`
	Format         string   `json:"output_format,omitempty"` // png or jpeg
	// Profile asks for a profile of this request alone.
	Profile bool `json:"profile,omitempty"`
	// Image is the file to start from; with it the call is an edit. Strength goes with it: 0 keeps, 1 replaces.
	Image    *File    `json:"-"`
	Strength *float64 `json:"-"`
}

// File is a picture file to send.
type File struct {
	Name      string
	MediaType string // "image/png"
	Data      []byte
}

// ImageReply is what was made.
type ImageReply struct {
	Data []struct {
		Bytes []byte `json:"b64_json"` // the encoded picture
	} `json:"data"`
	Format         string             `json:"output_format"`
	Size           string             `json:"size"`
	Seed           uint64             `json:"seed"`
	StageDurations map[string]float64 `json:"stage_durations"` // seconds
	Warnings       []string           `json:"warnings"`
	Profile        *ImageProfile      `json:"profile"` // nil when none was asked for, or the server knows nothing of it
	Raw            json.RawMessage    `json:"-"`       // the reply as it came
}

// ImageProfile is what became of the wish for a profile of a request.
type ImageProfile struct {
	ID     string `json:"id"` // empty: there is none
	Status string `json:"status"`
	Reason string `json:"reason"` // why there is none
}

// Images generates images from a prompt, or from a prompt and an image.
func (c *Client) Images(ctx context.Context, in ImageRequest) (*ImageReply, error) {
	how, err := imageCall(in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, imageTimeout)
	defer cancel()
	out := &ImageReply{}
	if out.Raw, err = c.json(ctx, how, out); err != nil {
		return nil, err
	}
	if len(out.Data) == 0 {
		return nil, fmt.Errorf("the reply to POST %s has no image", how.path)
	}
	for i, d := range out.Data {
		if len(d.Bytes) == 0 {
			return nil, fmt.Errorf("image %d of the reply to POST %s is empty", i+1, how.path)
		}
	}
	return out, nil
}

func imageCall(in ImageRequest) (call, error) {
	if in.Image == nil {
		return jsonCall(http.MethodPost, "/v1/images/generations", struct {
			ImageRequest
			ResponseFormat string `json:"response_format"`
		}{in, "b64_json"})
	}
	form := NewForm()
	form.Add("prompt", in.Prompt)
	form.Add("response_format", "b64_json")
	form.addIf("negative_prompt", in.NegativePrompt, in.NegativePrompt != "")
	form.addIf("n", strconv.Itoa(in.Count), in.Count != 0)
	form.addIf("size", in.Size, in.Size != "")
	form.addIf("num_inference_steps", strconv.Itoa(in.Steps), in.Steps != 0)
	form.addIf("profile", "true", in.Profile)
	form.addIf("output_format", in.Format, in.Format != "")
	if in.Guidance != nil {
		form.Add("guidance_scale", strconv.FormatFloat(*in.Guidance, 'g', -1, 64))
	}
	if in.Strength != nil {
		form.Add("strength", strconv.FormatFloat(*in.Strength, 'g', -1, 64))
	}
	if in.Seed != nil {
		form.Add("seed", strconv.FormatUint(*in.Seed, 10))
	}
	form.AddFile("image", *in.Image)
	body, contentType, err := form.Encode()
	return call{method: http.MethodPost, path: "/v1/images/edits", body: body, contentType: contentType}, err
}

// Form builds a multipart body, field after field in the order of the calls. It keeps the first error for Encode.
type Form struct {
	buf bytes.Buffer
	w   *multipart.Writer
	err error
}

// NewForm is an empty form.
func NewForm() *Form {
	f := &Form{}
	f.w = multipart.NewWriter(&f.buf)
	return f
}

// Add adds a text field.
func (f *Form) Add(name, value string) {
	h := textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"`, quote(name))},
		"Content-Type":        {"text/plain; charset=utf-8"},
	}
	f.part(h, strings.NewReader(value))
}

func (f *Form) addIf(name, value string, given bool) {
	if given {
		f.Add(name, value)
	}
}

// AddFile adds a file field.
func (f *Form) AddFile(name string, file File) {
	h := textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="%s"`, quote(name), quote(file.Name))},
		"Content-Type":        {file.MediaType},
	}
	f.part(h, bytes.NewReader(file.Data))
}

func (f *Form) part(h textproto.MIMEHeader, r io.Reader) {
	if f.err != nil {
		return
	}
	w, err := f.w.CreatePart(h)
	if err == nil {
		_, err = io.Copy(w, r)
	}
	f.err = err
}

// Encode ends the form and gives its body and Content-Type.
func (f *Form) Encode() ([]byte, string, error) {
	if f.err == nil {
		f.err = f.w.Close()
	}
	if f.err != nil {
		return nil, "", fmt.Errorf("encode the form: %w", f.err)
	}
	return f.buf.Bytes(), f.w.FormDataContentType(), nil
}

// quote escapes what would end a quoted name in a part's header.
func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(s)
}
