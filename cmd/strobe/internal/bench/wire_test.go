package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// sent is what a server got.
type sent struct {
	path, auth, contentType string
	body                    []byte
}

// sender sends to a server that keeps what it gets and answers with reply.
func sender(t *testing.T, endpoint, reply string) (*Sender, *sent) {
	t.Helper()
	var got sent
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = sent{r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), body}
		_, _ = io.WriteString(w, reply)
	}))
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{Server: s.URL, HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return &Sender{Client: c, Endpoint: endpoint, Model: "demo"}, &got
}

var (
	seven = int64(7)
	pic   = Image{Name: "a.png", MediaType: "image/png", Data: []byte("hi")}
)

// The bodies are those that the original was seen to send.
func TestJSONBodies(t *testing.T) {
	for name, tc := range map[string]struct {
		endpoint string
		request  Request
		want     string
	}{
		"chat": {
			Chat,
			Request{Prompt: "Random prompt 0 for benchmarking diffusion models", Width: 512, Height: 512, Steps: 4, Seed: &seven, Extra: map[string]any{"negative_prompt": "n"}},
			`{"model":"demo","messages":[{"role":"user","content":"Random prompt 0 for benchmarking diffusion models"}],
			  "extra_body":{"negative_prompt":"n","height":512,"width":512,"num_inference_steps":4,"seed":7}}`,
		},
		"chat without parameters": {Chat, Request{Prompt: "x"}, `{"model":"demo","messages":[{"role":"user","content":"x"}]}`},
		"chat, the extras win": {
			Chat, Request{Prompt: "x", Steps: 4, Extra: map[string]any{"num_inference_steps": 9}},
			`{"model":"demo","messages":[{"role":"user","content":"x"}],"extra_body":{"num_inference_steps":9}}`,
		},
		"chat with images": {
			Chat, Request{Prompt: "x", Images: []Image{pic, {URL: "https://example.org/a.png"}}},
			`{"model":"demo","messages":[{"role":"user","content":[{"type":"text","text":"x"},
			  {"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},
			  {"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]}]}`,
		},
		"chat with an image alone": {
			Chat, Request{Images: []Image{pic}},
			`{"model":"demo","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]}`,
		},
		"generations": {
			Generations, Request{Prompt: "x", Steps: 50, Seed: &seven, Extra: map[string]any{"n": 4, "guidance_scale": 1.5}},
			`{"model":"demo","prompt":"x","n":1,"size":"1024x1024","response_format":"b64_json","num_inference_steps":50,"seed":7,"guidance_scale":1.5}`,
		},
		"generations with a size": {
			Generations, Request{Prompt: "x", Width: 64, Height: 32},
			`{"model":"demo","prompt":"x","n":1,"size":"64x32","response_format":"b64_json"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := sender(t, tc.endpoint, "{}")
			s.Send(t.Context(), tc.request)
			if got.path != tc.endpoint || got.contentType != "application/json" {
				t.Errorf("%+v", got)
			}
			if empty := got.auth == "Bearer EMPTY"; empty != (tc.endpoint == Generations) {
				t.Errorf("authorization %q", got.auth)
			}
			if d := cmp.Diff(decoded(t, tc.want), decoded(t, string(got.body))); d != "" {
				t.Error(d)
			}
		})
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestEditsForm(t *testing.T) {
	const text = "text/plain; charset=utf-8"
	for name, tc := range map[string]struct {
		request Request
		want    []string
	}{
		"plain": {
			Request{Prompt: "x", Width: 64, Height: 32, Steps: 4, Seed: &seven, Images: []Image{pic}},
			[]string{
				"model demo " + text, "prompt x " + text, "size 64x32 " + text, "response_format b64_json " + text,
				"num_inference_steps 4 " + text, "seed 7 " + text, "bot_task think " + text, "image=a.png hi image/png",
			},
		},
		"extras": {
			Request{Prompt: "x", Images: []Image{pic, {URL: "data:,x"}}, Extra: map[string]any{
				"width": 96, "height": "48", "num_inference_steps": 3, "seed": 1.0, "strength": 0.5, "negative_prompt": "n",
				"guidance_scale": 1.5, "bot_task": "recaption", "flag": true, "none": nil, "list": []any{"a"},
			}},
			[]string{
				"model demo " + text, "prompt x " + text, "size 96x48 " + text, "response_format b64_json " + text,
				"num_inference_steps 3 " + text, "seed 1 " + text, "guidance_scale 1.5 " + text, "negative_prompt n " + text,
				"bot_task recaption " + text, "flag true " + text, `list ["a"] ` + text, "strength 0.5 " + text,
				"image=a.png hi image/png", "url data:,x " + text,
			},
		},
		"no size": {
			Request{Prompt: "x"},
			[]string{"model demo " + text, "prompt x " + text, "size 1024x1024 " + text, "response_format b64_json " + text, "bot_task think " + text},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := sender(t, Edits, "{}")
			s.Send(t.Context(), tc.request)
			if d := cmp.Diff(tc.want, parts(t, got)); d != "" {
				t.Error(d)
			}
		})
	}
}

// parts are a form's, in order: name[=file] content type.
func parts(t *testing.T, got *sent) []string {
	t.Helper()
	_, boundary, ok := strings.Cut(got.contentType, "boundary=")
	if !ok {
		t.Fatal(got.contentType)
	}
	r := multipart.NewReader(strings.NewReader(string(got.body)), boundary)
	var all []string
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(p)
		name := p.FormName()
		if p.FileName() != "" {
			name += "=" + p.FileName()
		}
		all = append(all, fmt.Sprintf("%s %s %s", name, content, p.Header.Get("Content-Type")))
	}
}

func TestReplies(t *testing.T) {
	type result struct {
		Pictures []Picture
		Stages   map[string]float64
		Peak     float64
	}
	hi := Picture{"png", []byte("hi")}
	stages := map[string]float64{"diffusion.diffuse": 0.5}
	for name, tc := range map[string]struct {
		body string
		want result
	}{
		"chat": {
			`{"choices":[{"message":{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="},"stage_durations":{"diffusion.diffuse":0.5},"peak_memory_mb":12.5}]}}],"metrics":null}`,
			result{[]Picture{hi}, stages, 12.5},
		},
		"chat with metrics": {
			`{"choices":[{"message":{"content":[{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,aGk="},"peak_memory_mb":null}]}}],"metrics":{"stage_durations":{"diffusion.diffuse":0.5},"peak_memory_mb":3}}`,
			result{[]Picture{{"jpg", []byte("hi")}}, stages, 3},
		},
		"generations": {
			`{"data":[{"b64_json":"aGk="},{"b64_json":"aGk="}],"usage":{"peak_memory_mb":4},"stage_durations":{"diffusion.diffuse":0.5}}`,
			result{[]Picture{hi, hi}, stages, 4},
		},
		"jpeg": {`{"data":[{"b64_json":"aGk="}],"output_format":"jpeg"}`, result{[]Picture{{"jpg", []byte("hi")}}, nil, 0}},
		"webp": {`{"data":[{"b64_json":"aGk="}],"output_format":"webp"}`, result{[]Picture{{"webp", []byte("hi")}}, nil, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := sender(t, Chat, tc.body)
			out := s.Send(t.Context(), Request{Prompt: "x"})
			if out.Err != nil || out.Latency <= 0 {
				t.Fatal(out.Latency, out.Err)
			}
			if d := cmp.Diff(tc.want, result{out.Pictures, out.Stages, out.PeakMemoryMB}); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRepliesWithoutPictureFail(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":        "<html>",
		"no image":       `{"data":[]}`,
		"a text":         `{"choices":[{"message":{"content":"I cannot draw"}}]}`,
		"a link":         `{"choices":[{"message":{"content":[{"type":"image_url","image_url":{"url":"https://example.org"}}]}}]}`,
		"broken base64":  `{"data":[{"b64_json":"%%"}]}`,
		"an empty image": `{"data":[{"b64_json":""}]}`,
	} {
		s, _ := sender(t, Generations, body)
		if out := s.Send(t.Context(), Request{Prompt: "x"}); out.Err == nil {
			t.Errorf("%s: %+v", name, out)
		}
	}
	s, _ := sender(t, "/x", "{}")
	if out := s.Send(t.Context(), Request{}); out.Err == nil {
		t.Error("an endpoint without a body is asked")
	}
}
