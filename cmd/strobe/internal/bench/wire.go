package bench

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// defaultSide is the width and height that the images endpoints are asked for when nobody said one.
const defaultSide = 1024

// requestTimeout ends a request that the server forgot; the server's own limit is shorter.
const requestTimeout = time.Hour

// Sender asks a server for images.
type Sender struct {
	Client   *client.Client
	Endpoint string
	Model    string
}

// body is a request as it is sent.
type body struct {
	contentType string
	data        []byte
	header      http.Header
}

// Send makes one request and waits for its reply.
func (s *Sender) Send(ctx context.Context, r Request) Outcome {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now() // building the body counts, as it does in the original
	b, err := s.body(r)
	if err != nil {
		return Outcome{Err: err}
	}
	raw, err := s.Client.Post(ctx, s.Endpoint, b.contentType, b.data, b.header)
	latency := time.Since(began)
	if err != nil {
		return Outcome{Err: err, Latency: latency}
	}
	out := readReply(raw)
	out.Latency = latency
	return out
}

func (s *Sender) body(r Request) (body, error) {
	switch s.Endpoint {
	case Chat:
		return jsonBody(s.chat(r), nil)
	case Generations:
		return jsonBody(s.generations(r), http.Header{"Authorization": {"Bearer EMPTY"}})
	case Edits:
		return s.edits(r)
	}
	return body{}, fmt.Errorf("there is no request for endpoint %q", s.Endpoint)
}

func jsonBody(v any, header http.Header) (body, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return body{}, fmt.Errorf("encode the request: %w", err)
	}
	return body{contentType: "application/json", data: data, header: header}, nil
}

// chat is a chat completion: the parameters are in extra_body, where the request's own extras win over them.
func (s *Sender) chat(r Request) map[string]any {
	extra := map[string]any{}
	if r.Width > 0 && r.Height > 0 {
		extra["height"], extra["width"] = r.Height, r.Width
	}
	if r.Steps > 0 {
		extra["num_inference_steps"] = r.Steps
	}
	if r.Seed != nil {
		extra["seed"] = *r.Seed
	}
	extra = merged(extra, r.Extra)
	var content any = r.Prompt
	if len(r.Images) > 0 {
		parts := []any{}
		if r.Prompt != "" {
			parts = append(parts, map[string]any{"type": "text", "text": r.Prompt})
		}
		for _, img := range r.Images {
			parts = append(parts, map[string]any{"type": "image_url", "image_url": map[string]any{"url": img.dataURL()}})
		}
		content = parts
	}
	payload := map[string]any{
		"model":    s.Model,
		"messages": []any{map[string]any{"role": "user", "content": content}},
	}
	if len(extra) > 0 {
		payload["extra_body"] = extra
	}
	return payload
}

func (i Image) dataURL() string {
	if i.URL != "" {
		return i.URL
	}
	return "data:" + i.MediaType + ";base64," + base64.StdEncoding.EncodeToString(i.Data)
}

// generations is OpenAI's image generation: extras are members of the body, and do not win.
func (s *Sender) generations(r Request) map[string]any {
	payload := map[string]any{
		"model": s.Model, "prompt": r.Prompt, "n": 1, "size": sizeOf(r, nil), "response_format": "b64_json",
	}
	if r.Steps > 0 {
		payload["num_inference_steps"] = r.Steps
	}
	if r.Seed != nil {
		payload["seed"] = *r.Seed
	}
	return merged(r.Extra, payload)
}

// sizeOf is "WxH", where a side that nobody gave is taken from the extras, else 1024.
func sizeOf(r Request, extra map[string]any) string {
	side := func(v int, name string) string {
		if given, ok := extra[name]; v == 0 && ok && given != nil {
			return scalar(given)
		}
		if v == 0 {
			v = defaultSide
		}
		return strconv.Itoa(v)
	}
	return side(r.Width, "width") + "x" + side(r.Height, "height")
}
