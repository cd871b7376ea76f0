package httpapi

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// checkReply holds any reply against what is promised: JSON, a status of the table, and what reached the engine is within bounds.
func checkReply(t *testing.T, h *harness, r *http.Request) {
	t.Helper()
	w := h.do(r)
	if w.Code >= 500 {
		t.Fatalf("status %d: %s", w.Code, clip(w.Body.String(), 300))
	}
	if w.Code != http.StatusOK {
		var e errorReply
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || rowOf(e.Error.Code).status != w.Code || e.Error.Message == "" {
			t.Fatalf("status %d: %s: %v", w.Code, clip(w.Body.String(), 300), err)
		}
		return
	}
	for _, req := range h.engine.requests {
		for _, text := range []string{req.Prompt, req.NegativePrompt} {
			if !utf8.ValidString(text) || len(text) > DefaultMaxPromptBytes {
				t.Fatalf("prompt %q", clip(text, 100))
			}
		}
		for k, v := range req.Extra {
			if !json.Valid([]byte(v)) || !utf8.ValidString(k+v) {
				t.Fatalf("extra %q: %q", k, v)
			}
		}
		if req.Count < 1 || req.Count > maxImages || req.Steps < 0 || req.Steps > maxSteps || req.Size.Width < 0 || req.Size.Width > maxSide || req.Size.Height > maxSide {
			t.Fatalf("%+v", req)
		}
		for _, f := range []*float64{req.Guidance, req.Strength} {
			if f != nil && (math.IsNaN(*f) || *f < 0 || *f > maxGuidance) {
				t.Fatalf("%v", *f)
			}
		}
	}
}

// fuzzHarness makes small pictures only, whatever is asked for.
func fuzzHarness(t *testing.T) *harness {
	h := newHarness(t)
	h.engine.hook = func(_ context.Context, _ *trace.Track, req *model.Request) error {
		if req.Size.Width*req.Size.Height > 4096 {
			return model.BadRequest("size", "too large for a test")
		}
		return nil
	}
	return h
}

func FuzzGenerations(f *testing.F) {
	for _, body := range []string{
		`{"prompt":"cat","n":2,"size":"64x48","seed":7,"guidance_scale":1.5,"extra_params":{"a":1}}`, `{"prompt":`, `[]`, `{"prompt":"\ud800"}`,
		`{"prompt":"a","n":1e400}`, `{"prompt":"a","size":"0x0"}`, `{"prompt":"a","extra_params":{"\u0000":null}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h := fuzzHarness(t)
		checkReply(t, h, request(http.MethodPost, generations, typeJSON, strings.NewReader(body)))
	})
}

func FuzzChat(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":"cat"}],"extra_body":{"height":32,"width":32,"seed":7}}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}`,
		`{"messages":[{"role":"user","content":null}],"stream":true}`, `{"messages":[null]}`, `{"messages":[{"role":"user","content":"a"}],"stream_options":5,"width":1}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		checkReply(t, fuzzHarness(t), request(http.MethodPost, chat, typeJSON, strings.NewReader(body)))
	})
}

func FuzzEdits(f *testing.F) {
	_, body := multipartBody(f, formPart{name: "prompt", data: "cat"}, formPart{name: "n", data: "2"}, formPart{"image", "a.png", "image/png", string(testPNG(f, 2, 2))})
	boundary := body[2:strings.Index(body, "\r\n")]
	f.Add("multipart/form-data; boundary="+boundary, body)
	f.Add(typeForm, "prompt=a&url=data:image/png,x&size=32x32")
	f.Add("multipart/form-data", "--\r\n")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		checkReply(t, fuzzHarness(t), request(http.MethodPost, edits, contentType, strings.NewReader(body)))
	})
}

func FuzzStartProfile(f *testing.F) {
	f.Add("/start_profile", typeJSON, `{"stages":["0",1],"num_steps":"5","output_dir":"x"}`)
	f.Add("/v1/profiles", typeJSON, `{"stages":[0],"duration_s":0.5}`)
	f.Add("/start_profile?stages=0,1", typeForm, "label=x")
	f.Add("/start_profile", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\ny\r\n--x--")
	f.Fuzz(func(t *testing.T, path, contentType, body string) {
		if path != "/start_profile" && path != "/v1/profiles" {
			path = "/start_profile?stages=0,1"
		}
		h := newHarness(t)
		h.profiles.endsAtOnce = true
		checkReply(t, h, request(http.MethodPost, path, contentType, strings.NewReader(body)))
		for _, s := range h.profiles.starts {
			if s.NumRequests < 0 || s.Duration < 0 || !utf8.ValidString(s.Label) {
				t.Fatalf("%+v", s)
			}
			for _, stage := range s.Stages {
				if stage < 0 || stage > maxIndex {
					t.Fatalf("stage %d", stage)
				}
			}
		}
	})
}

func FuzzPicture(f *testing.F) {
	f.Add(testPNG(f, 3, 2))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	f.Add([]byte("\xff\xd8\xff\xe0"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8 "))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := decodePicture(data, "image")
		if err == nil && (len(img.Pixels) != 3*img.Width*img.Height || img.Width > maxInputSide || img.Height > maxInputSide) {
			t.Fatalf("%dx%d with %d bytes", img.Width, img.Height, len(img.Pixels))
		}
	})
}
