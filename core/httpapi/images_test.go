package httpapi

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const generations = "/v1/images/generations"

func TestGenerationReply(t *testing.T) {
	h := newHarness(t)
	h.engine.warnings = []string{`the model does not know the word "blurple"`}
	w := h.postJSON(generations, `{"model":"emoji","prompt":"blurple heart","n":2,"size":"64x48","response_format":"b64_json","num_inference_steps":4,"seed":7}`)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	data := got["data"].([]any)
	for i, d := range data {
		raw, err := base64.StdEncoding.DecodeString(d.(map[string]any)["b64_json"].(string))
		if err != nil {
			t.Fatal(err)
		}
		cfg, format, err := image.DecodeConfig(bytes.NewReader(raw))
		if err != nil || format != "png" || cfg.Width != 64 || cfg.Height != 48 {
			t.Fatalf("image %d is %s %dx%d, %v", i, format, cfg.Width, cfg.Height, err)
		}
		d.(map[string]any)["b64_json"] = "…"
	}
	if created := got["created"].(float64); time.Since(time.Unix(int64(created), 0)) > time.Minute {
		t.Errorf("created is %v", created)
	}
	delete(got, "created")
	one := map[string]any{"b64_json": "…", "url": nil, "revised_prompt": nil}
	want := map[string]any{
		"data": []any{one, one}, "output_format": "png", "size": "64x48", "cot_output": nil,
		"usage": map[string]any{"peak_memory_mb": 3.0}, "seed": 7.0,
		"stage_durations": map[string]any{"diffusion": 0.5, "diffusion.diffuse": 0.41},
		"warnings":        []any{`the model does not know the word "blurple"`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if id := w.Header().Get("X-Request-Id"); id == "" || id != h.engine.last(t).ID {
		t.Errorf("X-Request-Id is %q, the engine's is %q", id, h.engine.last(t).ID)
	}
	if h.profiles.requests != 1 {
		t.Errorf("%d requests were counted", h.profiles.requests)
	}
	if strings.Contains(h.log.String(), "blurple") {
		t.Errorf("a prompt's word is in the log: %s", h.log)
	}
}

func TestGenerationRequest(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	for name, c := range map[string]struct {
		body string
		want model.Request
	}{
		"all defaults": {`{"prompt":"cat"}`, model.Request{Prompt: "cat", Count: 1}},
		"nulls are absent": {`{"prompt":"cat","model":null,"n":null,"size":null,"seed":null,"guidance_scale":null,"num_inference_steps":null,"negative_prompt":null,"output_format":null,"stream":null,"extra_params":null,"lora":null}`,
			model.Request{Prompt: "cat", Count: 1}},
		"everything": {`{"prompt":"cat","negative_prompt":"dog","n":3,"size":"256x128","num_inference_steps":200,"guidance_scale":0,"strength":1,"seed":18446744073709551615,"extra_params":{"a":[1,2]}}`,
			model.Request{Prompt: "cat", NegativePrompt: "dog", Count: 3, Size: model.Size{Width: 256, Height: 128}, Steps: 200, Guidance: f(0), Strength: f(1),
				Seed: 18446744073709551615, Extra: map[string]string{"a": "[1,2]"}}},
		"numbers as strings and floats": {`{"prompt":"cat","n":"2","num_inference_steps":4.0,"guidance_scale":"1.5","seed":7.0}`,
			model.Request{Prompt: "cat", Count: 2, Steps: 4, Guidance: f(1.5), Seed: 7}},
		"true_cfg_scale":       {`{"prompt":"cat","true_cfg_scale":4}`, model.Request{Prompt: "cat", Count: 1, Guidance: f(4)}},
		"guidance_scale wins":  {`{"prompt":"cat","true_cfg_scale":4,"guidance_scale":2}`, model.Request{Prompt: "cat", Count: 1, Guidance: f(2)}},
		"size auto":            {`{"prompt":"cat","size":"auto"}`, model.Request{Prompt: "cat", Count: 1}},
		"unknown keys ignored": {`{"prompt":"cat","bot_task":"think","user":"me","vae_use_tiling":true,"width":7,"quality":"hd"}`, model.Request{Prompt: "cat", Count: 1}},
		"default model":        {`{"prompt":"cat","model":"default"}`, model.Request{Prompt: "cat", Count: 1}},
		"OpenAI's other words": {`{"prompt":"cat","background":"auto","output_compression":90,"moderation":"low","stream":false}`, model.Request{Prompt: "cat", Count: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			w := h.postJSON(generations, c.body)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			got := *h.engine.last(t)
			opts := cmp.Options{cmpopts.IgnoreFields(model.Request{}, "ID")}
			if c.want.Seed == 0 {
				opts = append(opts, cmpopts.IgnoreFields(model.Request{}, "Seed"))
				if got.Seed > 1<<32-1 {
					t.Errorf("a random seed has more than 32 bits: %d", got.Seed)
				}
			}
			if diff := cmp.Diff(c.want, got, opts); diff != "" {
				t.Error(diff)
			}
			if reply := decode[imagesReply](t, w); reply.Seed != got.Seed {
				t.Errorf("seed %d is reported, %d was used", reply.Seed, got.Seed)
			}
		})
	}
}

func TestGenerationBadInput(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
		param  string
		says   string
	}{
		"empty body":           {"", 400, codeInvalidJSON, "", "empty"},
		"bad JSON":             {`{"prompt": "cat",}`, 400, codeInvalidJSON, "", "byte 18"},
		"cut JSON":             {`{"prompt": "ca`, 400, codeInvalidJSON, "", "byte 14"},
		"two objects":          {`{"prompt":"cat"}{}`, 400, codeInvalidJSON, "", "byte 17"},
		"an array":             {`["cat"]`, 400, codeInvalidJSON, "", "object"},
		"null":                 {`null`, 400, codeInvalidJSON, "", "object"},
		"not UTF-8":            {"{\"prompt\":\"\xff\"}", 400, codeInvalidJSON, "", "UTF-8"},
		"no prompt":            {`{}`, 400, codeMissing, "prompt", "missing"},
		"null prompt":          {`{"prompt":null}`, 400, codeMissing, "prompt", "missing"},
		"empty prompt":         {`{"prompt":"  "}`, 400, codeInvalidValue, "prompt", "empty"},
		"prompt is a number":   {`{"prompt":5}`, 400, codeInvalidValue, "prompt", "string"},
		"prompt of 1 MB":       {`{"prompt":"` + big + `"}`, 400, codeInvalidValue, "prompt", "32768"},
		"negative prompt 1 MB": {`{"prompt":"a","negative_prompt":"` + big + `"}`, 400, codeInvalidValue, "negative_prompt", "32768"},
		"unknown model":        {`{"prompt":"a","model":"flux"}`, 400, codeModelNotFound, "model", "Model mismatch: request specifies 'flux' but server is running 'emoji'."},
		"steps 0":              {`{"prompt":"a","num_inference_steps":0}`, 400, codeInvalidValue, "num_inference_steps", "1 to 200"},
		"steps 201":            {`{"prompt":"a","num_inference_steps":201}`, 400, codeInvalidValue, "num_inference_steps", "1 to 200"},
		"steps 1.5":            {`{"prompt":"a","num_inference_steps":1.5}`, 400, codeInvalidValue, "num_inference_steps", "whole"},
		"steps a list":         {`{"prompt":"a","num_inference_steps":[4]}`, 400, codeInvalidValue, "num_inference_steps", "whole"},
		"size 0x0":             {`{"prompt":"a","size":"0x0"}`, 400, codeInvalidValue, "size", "1 to"},
		"size 99999x1":         {`{"prompt":"a","size":"99999x1"}`, 400, codeInvalidValue, "size", "1 to"},
		"size 2048x2048":       {`{"prompt":"a","size":"2048x2048"}`, 400, codeInvalidValue, "size", "1024x1024"},
		"size abc":             {`{"prompt":"a","size":"abc"}`, 400, codeInvalidValue, "size", "WIDTHxHEIGHT"},
		"size negative":        {`{"prompt":"a","size":"-1x5"}`, 400, codeInvalidValue, "size", "WIDTHxHEIGHT"},
		"size overflowing":     {`{"prompt":"a","size":"99999999999999999999x1"}`, 400, codeInvalidValue, "size", "WIDTHxHEIGHT"},
		"n 0":                  {`{"prompt":"a","n":0}`, 400, codeInvalidValue, "n", "1 to 10"},
		"n 11":                 {`{"prompt":"a","n":11}`, 400, codeInvalidValue, "n", "1 to 10"},
		"n huge":               {`{"prompt":"a","n":1e400}`, 400, codeInvalidValue, "n", "1 to 10"},
		"guidance 21":          {`{"prompt":"a","guidance_scale":21}`, 400, codeInvalidValue, "guidance_scale", "0 to 20"},
		"guidance -1":          {`{"prompt":"a","guidance_scale":-1}`, 400, codeInvalidValue, "guidance_scale", "0 to 20"},
		"guidance NaN":         {`{"prompt":"a","guidance_scale":"NaN"}`, 400, codeInvalidValue, "guidance_scale", "0 to 20"},
		"true_cfg_scale 21":    {`{"prompt":"a","true_cfg_scale":21}`, 400, codeInvalidValue, "true_cfg_scale", "0 to 20"},
		"strength 1.1":         {`{"prompt":"a","strength":1.1}`, 400, codeInvalidValue, "strength", "0 to 1"},
		"seed negative":        {`{"prompt":"a","seed":-1}`, 400, codeInvalidValue, "seed", "random"},
		"webp":                 {`{"prompt":"a","output_format":"webp"}`, 400, codeInvalidValue, "output_format", "png, jpeg"},
		"compression 101":      {`{"prompt":"a","output_compression":101}`, 400, codeInvalidValue, "output_compression", "0 to 100"},
		"url":                  {`{"prompt":"a","response_format":"url"}`, 400, codeUnsupported, "response_format", "b64_json"},
		"other response":       {`{"prompt":"a","response_format":"xml"}`, 400, codeInvalidValue, "response_format", "b64_json, file"},
		"stream":               {`{"prompt":"a","stream":true}`, 400, codeUnsupported, "stream", "stream"},
		"lora":                 {`{"prompt":"a","lora":{"name":"x"}}`, 400, codeUnsupported, "lora", "emoji"},
		"extra_params a list":  {`{"prompt":"a","extra_params":[1]}`, 400, codeInvalidValue, "extra_params", "object"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			e := wantError(t, h.postJSON(generations, c.body), c.status, c.code, c.param)
			if !strings.Contains(e.Message, c.says) {
				t.Errorf("%q does not say %q", e.Message, c.says)
			}
			if len(e.Message) > 400 {
				t.Errorf("the message has %d bytes", len(e.Message))
			}
			if w := h.postJSON(generations, `{"prompt":"cat"}`); w.Code != http.StatusOK {
				t.Errorf("the server does not serve on: %d", w.Code)
			}
		})
	}
}

func TestGenerationContentType(t *testing.T) {
	h := newHarness(t)
	for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "/;;"} {
		w := h.do(request(http.MethodPost, generations, ct, strings.NewReader(`{"prompt":"cat"}`)))
		wantError(t, w, http.StatusUnsupportedMediaType, codeMediaType, "")
	}
	for _, ct := range []string{"application/json; charset=utf-8", "Application/JSON"} {
		if w := h.do(request(http.MethodPost, generations, ct, strings.NewReader(`{"prompt":"cat"}`))); w.Code != http.StatusOK {
			t.Errorf("%q: status %d", ct, w.Code)
		}
	}
}

func TestGenerationFile(t *testing.T) {
	h := newHarness(t)
	h.engine.warnings = []string{"no “blurple”\r\nX-Evil: 1"}
	w := h.postJSON(generations, `{"prompt":"cat","response_format":"file","seed":3}`, "X-Request-Id", "mine-1")
	_, format, err := image.DecodeConfig(w.Body)
	if w.Code != 200 || err != nil || format != "png" || w.Header().Get("Content-Type") != "image/png" {
		t.Fatalf("status %d, %s, %v", w.Code, format, err)
	}
	for name, want := range map[string]string{
		"Content-Disposition": `attachment; filename=emoji-mine-1.png`, "X-Request-Id": "mine-1", "X-Model": "emoji", "X-Seed": "3",
		"X-Stage-Durations": `{"diffusion":0.5,"diffusion.diffuse":0.41}`, "X-Peak-Memory-Mb": "3", "X-Warning": `"no \u201cblurple\u201d\r\nX-Evil: 1"`,
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	w = h.postJSON(generations, `{"prompt":"cat","response_format":"file","output_format":"jpeg","n":3}`)
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil || len(z.File) != 3 || w.Header().Get("Content-Type") != "application/zip" {
		t.Fatalf("status %d, zip %v", w.Code, err)
	}
	f, err := z.File[2].Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, format, err := image.DecodeConfig(f); err != nil || format != "jpeg" {
		t.Errorf("a zip's image is %s, %v", format, err)
	}
}

func TestEngineErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
		param  string
		says   string
		retry  string
	}{
		"queue full": {&engine.QueueFullError{Waiting: 64, RetryAfter: 1500 * time.Millisecond}, 503, codeQueueFull, "", "64", "2"},
		"rank failed": {&engine.RankError{Stage: "diffusion", Rank: 0, Plugin: "dit", Err: errors.New("model(dit): out of memory")}, 500, codeModelFailed, "",
			"model(dit): out of memory", ""},
		"no rank up":    {&engine.RankError{Stage: "diffusion", Rank: -1, Plugin: "dit", Err: errors.New("it was killed")}, 503, codeRankUnavailable, "", "it was killed", ""},
		"timeout":       {fmt.Errorf("wait: %w", engine.ErrTimeout), 504, codeTimeout, "", "request_timeout", ""},
		"deadline":      {context.DeadlineExceeded, 504, codeTimeout, "", "request_timeout", ""},
		"draining":      {engine.ErrDraining, 503, codeShuttingDown, "", "shutting down", "5"},
		"plugin's no":   {model.BadRequest("strength", "needs an image"), 400, codeInvalidValue, "strength", "needs an image", ""},
		"core's name":   {model.BadRequest("steps", "at most 50"), 400, codeInvalidValue, "num_inference_steps", "at most 50", ""},
		"anything else": {errors.New("secret /home/me"), 500, codeInternal, "", "request id", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.engine.err = c.err
			w := h.postJSON(generations, `{"prompt":"cat"}`)
			e := wantError(t, w, c.status, c.code, c.param)
			if !strings.Contains(e.Message, c.says) || strings.Contains(e.Message, "secret") {
				t.Errorf("message is %q", e.Message)
			}
			if got := w.Header().Get("Retry-After"); got != c.retry {
				t.Errorf("Retry-After is %q, want %q", got, c.retry)
			}
			if h.profiles.requests != 0 {
				t.Error("a request that failed was counted as served")
			}
		})
	}
}

func TestClientGone(t *testing.T) {
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.engine.hook = func(ctx context.Context, _ *trace.Track, _ *model.Request) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	w := h.do(request(http.MethodPost, generations, typeJSON, strings.NewReader(`{"prompt":"cat"}`)).WithContext(ctx))
	if w.Body.Len() != 0 {
		t.Errorf("something was written: %s", w.Body)
	}
	if !strings.Contains(h.log.String(), "status=499") {
		t.Errorf("the log has no 499: %s", h.log)
	}
}

// TestBadModelImage: an image whose pixels are not there is the model's fault, not a crash.
func TestBadModelImage(t *testing.T) {
	for _, m := range []model.Image{{}, {Width: 2, Height: 2, Pixels: make([]byte, 5)}, {Width: -1, Height: -1, Pixels: make([]byte, 3)}} {
		if _, err := encodePicture(m, formatPNG, 0); err == nil {
			t.Errorf("%dx%d with %d bytes was encoded", m.Width, m.Height, len(m.Pixels))
		}
	}
	core := coretest.New(t, coretest.Options{NoResize: true})
	core.Diffusion[0].OnGenerate = func(context.Context, *model.Request, func(model.Progress)) (*model.Result, error) {
		return &model.Result{Images: []model.Image{{Width: 2, Height: 2, Pixels: make([]byte, 5)}}}, nil
	}
	h := newHarness(t, func(o *Options) { o.Engine = core.Engine })
	wantError(t, h.postJSON(generations, `{"prompt":"cat"}`), 500, codeModelFailed, "")
	e := wantError(t, h.postJSON(generations, `{"prompt":"cat","size":"64x64"}`), 400, codeInvalidValue, "size")
	if !strings.Contains(e.Message, "32x32") {
		t.Errorf("the sizes are not named: %s", e.Message)
	}
}
