package httpapi

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strobe-dev/strobe/sdk/model"
)

const edits = "/v1/images/edits"

// formPart is a part of a multipart form; a file when it has a file name.
type formPart struct{ name, file, contentType, data string }

// multipartBody writes the parts in order, as aiohttp and httpx do.
func multipartBody(t testing.TB, parts ...formPart) (contentType, body string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name=%q`, p.name)
		if p.file != "" {
			disposition += fmt.Sprintf(`; filename=%q`, p.file)
		}
		h.Set("Content-Disposition", disposition)
		if p.contentType != "" {
			h.Set("Content-Type", p.contentType)
		}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(p.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), buf.String()
}

func (h *harness) postForm(path string, parts ...formPart) *httptest.ResponseRecorder {
	h.t.Helper()
	ct, body := multipartBody(h.t, parts...)
	return h.do(request(http.MethodPost, path, ct, strings.NewReader(body)))
}

func TestEditRequest(t *testing.T) {
	png4 := string(testPNG(t, 4, 3))
	pixels := bytes.Repeat([]byte{10, 20, 30}, 12)
	picture := model.Image{Width: 4, Height: 3, Pixels: pixels}
	f := 0.5
	prompt := formPart{name: "prompt", data: "cat"}
	for name, c := range map[string]struct {
		parts []formPart
		want  model.Request
	}{
		"one image":       {[]formPart{prompt, {"image", "a.png", "image/png", png4}}, model.Request{Prompt: "cat", Count: 1, Images: []model.Image{picture}}},
		"wrong type said": {[]formPart{prompt, {"image", "a.txt", "text/plain", png4}}, model.Request{Prompt: "cat", Count: 1, Images: []model.Image{picture}}},
		"image[]":         {[]formPart{prompt, {"image[]", "a", "", png4}, {"image[]", "b", "", png4}}, model.Request{Prompt: "cat", Count: 1, Images: []model.Image{picture, picture}}},
		"url": {[]formPart{prompt, {"url", "", "", "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(png4))}},
			model.Request{Prompt: "cat", Count: 1, Images: []model.Image{picture}}},
		"strength and size": {[]formPart{prompt, {"image", "a.png", "", png4}, {"strength", "", "", "0.5"}, {"size", "", "", "64x64"}, {"n", "", "", "2"}},
			model.Request{Prompt: "cat", Count: 2, Images: []model.Image{picture}, Strength: &f, Size: model.Size{Width: 64, Height: 64}}},
		"empty fields are absent": {[]formPart{prompt, {"image", "a.png", "", png4}, {"strength", "", "", ""}, {"seed", "", "", ""}, {"lora", "", "", ""}, {"mask", "", "", ""}},
			model.Request{Prompt: "cat", Count: 1, Images: []model.Image{picture}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			w := h.postForm(edits, c.parts...)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(c.want, *h.engine.last(t), cmpopts.IgnoreFields(model.Request{}, "ID", "Seed")); diff != "" {
				t.Error(diff)
			}
			if reply := decode[imagesReply](t, w); len(reply.Data) != c.want.Count {
				t.Errorf("%d images", len(reply.Data))
			}
		})
	}
}

func TestEditUrlencoded(t *testing.T) {
	h := newHarness(t)
	form := url.Values{"prompt": {"cat"}, "url": {"data:image/png;base64," + base64.StdEncoding.EncodeToString(testPNG(t, 2, 2))}}
	w := h.do(request(http.MethodPost, edits, typeForm, strings.NewReader(form.Encode())))
	if w.Code != http.StatusOK || len(h.engine.last(t).Images) != 1 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
}

func TestEditBadInput(t *testing.T) {
	png4 := string(testPNG(t, 4, 3))
	prompt, image := formPart{name: "prompt", data: "cat"}, formPart{"image", "a.png", "image/png", png4}
	var eleven []formPart
	for range 11 {
		eleven = append(eleven, formPart{"image[]", "a.png", "", png4})
	}
	for name, c := range map[string]struct {
		parts  []formPart
		status int
		code   string
		param  string
	}{
		"no image":             {[]formPart{prompt}, 422, codeMissingImage, "image"},
		"no prompt":            {[]formPart{image}, 400, codeMissing, "prompt"},
		"prompt not UTF-8":     {[]formPart{image, {name: "prompt", data: "\xff"}}, 400, codeInvalidValue, "prompt"},
		"not an image":         {[]formPart{prompt, {"image", "a.png", "image/png", "hello"}}, 400, codeInvalidImage, "image"},
		"empty file":           {[]formPart{prompt, {"image", "a.png", "image/png", ""}}, 400, codeInvalidImage, "image"},
		"cut image":            {[]formPart{prompt, {"image", "a.png", "image/png", png4[:50]}}, 400, codeInvalidImage, "image"},
		"image as text":        {[]formPart{prompt, {"image", "", "", "abc"}}, 400, codeInvalidImage, "image"},
		"second is no image":   {[]formPart{prompt, image, {"image[]", "b", "", "GIF89a"}}, 400, codeInvalidImage, "image"},
		"eleven images":        {append([]formPart{prompt}, eleven...), 400, codeInvalidImage, "image"},
		"remote url":           {[]formPart{prompt, {"url", "", "", "http://example.com/a.png"}}, 400, codeUnsupported, "url"},
		"file url":             {[]formPart{prompt, {"url[]", "", "", "file:///etc/passwd"}}, 400, codeUnsupported, "url"},
		"mask":                 {[]formPart{prompt, image, {"mask", "m.png", "image/png", png4}}, 400, codeUnsupported, "mask"},
		"mask_image":           {[]formPart{prompt, image, {"mask_image", "", "", "x"}}, 400, codeUnsupported, "mask_image"},
		"steps 0":              {[]formPart{prompt, image, {"num_inference_steps", "", "", "0"}}, 400, codeInvalidValue, "num_inference_steps"},
		"n abc":                {[]formPart{prompt, image, {"n", "", "", "abc"}}, 400, codeInvalidValue, "n"},
		"strength 2":           {[]formPart{prompt, image, {"strength", "", "", "2"}}, 400, codeInvalidValue, "strength"},
		"stream":               {[]formPart{prompt, image, {"stream", "", "", "true"}}, 400, codeUnsupported, "stream"},
		"another model":        {[]formPart{prompt, image, {"model", "", "", "flux"}}, 400, codeModelNotFound, "model"},
		"url reply":            {[]formPart{prompt, image, {"response_format", "", "", "url"}}, 400, codeUnsupported, "response_format"},
		"extra_params no JSON": {[]formPart{prompt, image, {"extra_params", "", "", "{"}}, 400, codeInvalidValue, "extra_params"},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, newHarness(t).postForm(edits, c.parts...), c.status, c.code, c.param)
		})
	}
	h := newHarness(t)
	wantError(t, h.postJSON(edits, `{"prompt":"cat"}`), 415, codeMediaType, "")
	wantError(t, h.do(request(http.MethodPost, edits, "multipart/form-data", strings.NewReader("x"))), 400, codeInvalidValue, "")
	wantError(t, h.do(request(http.MethodPost, edits, "multipart/form-data; boundary=x", strings.NewReader("--x\r\nbroken"))), 400, codeInvalidValue, "")
}

func TestPictureBounds(t *testing.T) {
	header := testPNG(t, 1, 1)
	// A PNG of 60000x60000 by its header: it must be refused before 14 GB are taken for its pixels.
	bomb := append([]byte{}, header...)
	copy(bomb[16:24], []byte{0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60})
	// The header's checksum is checked by the decoder; make it right.
	crc := crc32.ChecksumIEEE(bomb[12:29])
	copy(bomb[29:33], []byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
	h := newHarness(t)
	e := wantError(t, h.postForm(edits, formPart{name: "prompt", data: "cat"}, formPart{"image", "a.png", "", string(bomb)}), 400, codeInvalidImage, "image")
	if !strings.Contains(e.Message, "60000x60000") {
		t.Error(e.Message)
	}
}
