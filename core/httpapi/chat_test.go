package httpapi

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strobe-dev/strobe/sdk/model"
)

const chat = "/v1/chat/completions"

func TestChatReply(t *testing.T) {
	h := newHarness(t)
	w := h.postJSON(chat, `{"model":"whatever","messages":[{"role":"user","content":"noto red heart"}],"extra_body":{"return_stage_metrics":true,"seed":7}}`)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if id := got["id"].(string); !strings.HasPrefix(id, "chatcmpl-") {
		t.Errorf("id is %q", id)
	}
	content := got["choices"].([]any)[0].(map[string]any)["message"].(map[string]any)["content"].([]any)[0].(map[string]any)
	dataText := content["image_url"].(map[string]any)["url"].(string)
	if data, err := dataURL(dataText, "x"); err != nil || !strings.HasPrefix(string(data), "\x89PNG") {
		t.Errorf("the image is %s: %v", clip(dataText, 40), err)
	}
	content["image_url"] = "…"
	delete(got, "id")
	delete(got, "created")
	durations := map[string]any{"diffusion": 0.5, "diffusion.diffuse": 0.41}
	want := map[string]any{
		"object": "chat.completion", "model": "emoji",
		"choices": []any{map[string]any{
			"index": 0.0, "finish_reason": "stop", "logprobs": nil, "stop_reason": nil,
			"message": map[string]any{"role": "assistant", "content": []any{
				map[string]any{"type": "image_url", "image_url": "…", "stage_durations": durations, "peak_memory_mb": 3.0},
			}},
		}},
		"usage":   map[string]any{"prompt_tokens": 3.0, "completion_tokens": 1.0, "total_tokens": 4.0},
		"metrics": map[string]any{"stage_durations": durations, "peak_memory_mb": 3.0}, "seed": 7.0, "warnings": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChatRequest(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	png := "data:image/png;base64," + base64.StdEncoding.EncodeToString(testPNG(t, 2, 1))
	picture := model.Image{Width: 2, Height: 1, Pixels: []byte{10, 20, 30, 10, 20, 30}}
	user := `"messages":[{"role":"user","content":"cat"}]`
	for name, c := range map[string]struct {
		body string
		want model.Request
	}{
		"nested": {`{` + user + `,"extra_body":{"height":48,"width":64,"num_inference_steps":4,"seed":7,"guidance_scale":2,"negative_prompt":"dog","num_outputs_per_prompt":2,"extra_args":{"a":1}}}`,
			model.Request{Prompt: "cat", NegativePrompt: "dog", Count: 2, Size: model.Size{Width: 64, Height: 48}, Steps: 4, Seed: 7, Guidance: f(2), Extra: map[string]string{"a": "1"}}},
		"flattened": {`{` + user + `,"size":"64x48","num_inference_steps":4,"seed":7,"cfg_scale":3,"n":2}`,
			model.Request{Prompt: "cat", Count: 2, Size: model.Size{Width: 64, Height: 48}, Steps: 4, Seed: 7, Guidance: f(3)}},
		"nested wins":       {`{` + user + `,"seed":1,"extra_body":{"seed":2}}`, model.Request{Prompt: "cat", Count: 1, Seed: 2}},
		"extra_body null":   {`{` + user + `,"extra_body":null,"seed":2}`, model.Request{Prompt: "cat", Count: 1, Seed: 2}},
		"language model's":  {`{` + user + `,"seed":2,"temperature":0.7,"max_tokens":20,"modalities":["image"],"stop":["x"],"stream":false}`, model.Request{Prompt: "cat", Count: 1, Seed: 2}},
		"last user message": {`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"dog"},{"role":"assistant","content":null},{"role":"user","content":"cat"}],"seed":2}`, model.Request{Prompt: "cat", Count: 1, Seed: 2}},
		"parts with images": {`{"messages":[{"role":"user","content":[{"type":"text","text":"red"},{"type":"image_url","image_url":{"url":"` + png + `"}},{"type":"text","text":"cat"},{"type":"image_url","image_url":"` + png + `"}]}],"seed":2,"strength":0.5}`,
			model.Request{Prompt: "red\ncat", Count: 1, Seed: 2, Strength: f(0.5), Images: []model.Image{picture, picture}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			if w := h.postJSON(chat, c.body); w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(c.want, *h.engine.last(t), cmpopts.IgnoreFields(model.Request{}, "ID")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChatBadInput(t *testing.T) {
	user := `"messages":[{"role":"user","content":"cat"}]`
	content := func(parts string) string { return `{"messages":[{"role":"user","content":` + parts + `}]}` }
	url := func(u string) string {
		return content(`[{"type":"text","text":"cat"},{"type":"image_url","image_url":{"url":"` + u + `"}}]`)
	}
	const urlPath = "messages[0].content[1].image_url.url"
	for name, c := range map[string]struct{ body, code, param string }{
		"no messages":           {`{}`, codeMissing, "messages"},
		"empty messages":        {`{"messages":[]}`, codeMissing, "messages"},
		"messages a text":       {`{"messages":"cat"}`, codeInvalidValue, "messages"},
		"a message is a text":   {`{"messages":["cat"]}`, codeInvalidValue, "messages[0]"},
		"no user":               {`{"messages":[{"role":"system","content":"cat"}]}`, codeInvalidValue, "messages"},
		"no text":               {content(`[]`), codeInvalidValue, "messages[0].content"},
		"null content":          {content(`null`), codeInvalidValue, "messages[0].content"},
		"content a number":      {content(`5`), codeInvalidValue, "messages[0].content"},
		"audio":                 {content(`[{"type":"input_audio"}]`), codeUnsupported, "messages[0].content[0].type"},
		"remote image":          {url("https://example.com/a.png"), codeUnsupported, urlPath},
		"metadata service":      {url("http://169.254.169.254/latest"), codeUnsupported, urlPath},
		"no comma":              {url("data:image/png"), codeInvalidImage, urlPath},
		"bad base64":            {url("data:image/png;base64,!!!"), codeInvalidImage, urlPath},
		"no image":              {url("data:image/png;base64,aGVsbG8="), codeInvalidImage, urlPath},
		"long prompt":           {content(`"` + strings.Repeat("x", 1<<20) + `"`), codeInvalidValue, "messages"},
		"nested steps":          {`{` + user + `,"extra_body":{"num_inference_steps":0}}`, codeInvalidValue, "extra_body.num_inference_steps"},
		"extra_body a list":     {`{` + user + `,"extra_body":[]}`, codeInvalidValue, "extra_body"},
		"width alone":           {`{` + user + `,"width":64}`, codeMissing, "height"},
		"height 0":              {`{` + user + `,"width":64,"height":0}`, codeInvalidValue, "height"},
		"width 99999":           {`{` + user + `,"width":99999,"height":1}`, codeInvalidValue, "width"},
		"size too large":        {`{` + user + `,"size":"2000x2000"}`, codeInvalidValue, "size"},
		"outputs 11":            {`{` + user + `,"num_outputs_per_prompt":11}`, codeInvalidValue, "num_outputs_per_prompt"},
		"n 0":                   {`{` + user + `,"n":0}`, codeInvalidValue, "n"},
		"stream is not a truth": {`{` + user + `,"stream":"maybe"}`, codeInvalidValue, "stream"},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, newHarness(t).postJSON(chat, c.body), 400, c.code, c.param)
		})
	}
}

func TestChatStream(t *testing.T) {
	h := newHarness(t)
	w := h.postJSON(chat, `{"messages":[{"role":"user","content":"cat"}],"stream":true,"stream_options":{"include_usage":true}}`)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %s", w.Code, w.Header())
	}
	var events []string
	for sc, line := bufio.NewScanner(w.Body), 0; sc.Scan(); line++ {
		if line%2 == 1 {
			if sc.Text() != "" {
				t.Errorf("line %d is %q, not empty", line, sc.Text())
			}
			continue
		}
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok {
			t.Fatalf("line %q", sc.Text())
		}
		events = append(events, data)
	}
	if len(events) != 3 || events[2] != "[DONE]" {
		t.Fatalf("%d events", len(events))
	}
	var first, second chatReply
	if err := json.Unmarshal([]byte(events[0]), &first); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(events[1]), &second); err != nil {
		t.Fatal(err)
	}
	if first.Object != "chat.completion.chunk" || first.Choices[0].Delta == nil || first.Choices[0].Message != nil || first.Usage != nil {
		t.Errorf("first chunk: %s", clip(events[0], 200))
	}
	if len(second.Choices) != 0 || second.Usage == nil || second.ID != first.ID {
		t.Errorf("second chunk: %s", events[1])
	}
}
