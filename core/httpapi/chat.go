package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
)

// chatReply is OpenAI's chat.completion whose content is a list of images, as vLLM-Omni answers.
type chatReply struct {
	ID       string       `json:"id"`
	Object   string       `json:"object"`
	Created  int64        `json:"created"`
	Model    string       `json:"model"`
	Choices  []chatChoice `json:"choices"`
	Usage    *chatUsage   `json:"usage"`
	Metrics  *chatMetrics `json:"metrics"`
	Seed     uint64       `json:"seed"`
	Warnings []string     `json:"warnings"`
	Profile  *shotReply   `json:"profile,omitempty"`
}

type chatChoice struct {
	Index        int          `json:"index"`
	Message      *chatMessage `json:"message,omitempty"`
	Delta        *chatMessage `json:"delta,omitempty"` // of a stream
	FinishReason string       `json:"finish_reason"`
	Logprobs     *string      `json:"logprobs"`
	StopReason   *string      `json:"stop_reason"`
}

type chatMessage struct {
	Role    string        `json:"role"`
	Content []chatContent `json:"content"`
}

type chatContent struct {
	Type           string             `json:"type"`
	ImageURL       chatURL            `json:"image_url"`
	StageDurations map[string]float64 `json:"stage_durations"` // seconds
	PeakMemoryMB   *float64           `json:"peak_memory_mb"`  // MiB; null when unknown
}

type chatURL struct {
	URL string `json:"url"`
}

type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"` // words of the prompt
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

type chatMetrics struct {
	StageDurations map[string]float64 `json:"stage_durations"`
	PeakMemoryMB   *float64           `json:"peak_memory_mb"`
}

// chatRequest is what the route knows beyond the generation.
type chatRequest struct {
	generation
	metrics     bool // return_stage_metrics
	stream      bool
	streamUsage bool // stream_options.include_usage
}

// chatCompletions is POST /v1/chat/completions.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) (err error) {
	t := s.beginTrace(r)
	defer func() { t.endWith(r.Context(), err) }()
	p, err := readJSON(r)
	if err != nil {
		return err
	}
	c, urls := s.chatParams(p)
	if p.err != nil {
		return p.err
	}
	if err := s.oneShot(w, r, t, p); err != nil {
		return err
	}
	if c.Images, err = s.decodeChatImages(t, urls); err != nil {
		return err
	}
	out, err := s.generate(r.Context(), t, &c.generation)
	if err != nil {
		return err
	}
	if c.stream {
		t.respond(w, "text/event-stream", s.chatStream(c, out, t.reply), s.served)
		return nil
	}
	t.respond(w, typeJSON, marshal(s.chatReply(c, out, t.reply)), s.served)
	return nil
}

// chatParams reads the parameters, which are members of extra_body (raw HTTP) or of the body itself (OpenAI's SDKs
// flatten extra_body); the former win. The images come back as URLs.
func (s *Server) chatParams(p *params) (*chatRequest, []chatImage) {
	p.overlay("extra_body.", p.object("extra_body"))
	c := &chatRequest{}
	var urls []chatImage
	c.Prompt, urls = lastUserMessage(p)
	s.limitPrompt(p, "messages", c.Prompt)
	c.Count = p.integer(p.first("num_outputs_per_prompt", "n"), 1, maxImages, 1)
	c.Size = chatSize(p)
	s.common(p, &c.generation)
	c.metrics = p.boolean("return_stage_metrics")
	c.stream = p.boolean("stream")
	var usage struct {
		Include bool `json:"include_usage"`
	}
	if raw := p.values["stream_options"].raw; raw != nil {
		_ = json.Unmarshal(raw, &usage) // an option of another shape is none of ours
	}
	c.streamUsage = usage.Include
	return c, urls
}

// chatSize is size, or width and height.
func chatSize(p *params) model.Size {
	if !p.given("width") && !p.given("height") {
		return size(p, "size")
	}
	for name, other := range map[string]string{"width": "height", "height": "width"} {
		if !p.given(name) {
			p.fail(codeMissing, name, "%s is given without %s: give both, or size", other, name)
		}
	}
	return model.Size{Width: p.integer("width", 1, maxSide, 0), Height: p.integer("height", 1, maxSide, 0)}
}

// chatImage is an image of a message and where it stands, for findings.
type chatImage struct{ param, url string }

// lastUserMessage takes text and images of the last message of the user; what came before is history.
func lastUserMessage(p *params) (string, []chatImage) {
	list := p.list("messages")
	if len(list) == 0 {
		p.fail(codeMissing, "messages", "messages is missing or empty: send [{\"role\": \"user\", \"content\": \"red heart\"}]")
		return "", nil
	}
	for i := len(list) - 1; i >= 0; i-- {
		var m struct {
			Role    string          `json:"role"`
			Content json.RawMessage `json:"content"`
		}
		path := fmt.Sprintf("messages[%d]", i)
		if json.Unmarshal(list[i], &m) != nil {
			p.fail(codeInvalidValue, path, "%s must be an object with role and content", path)
			return "", nil
		}
		if m.Role != "user" {
			continue
		}
		text, images := messageContent(p, path+".content", m.Content)
		if strings.TrimSpace(text) == "" {
			p.fail(codeInvalidValue, path+".content", "%s.content has no text: say what to draw", path)
		}
		return text, images
	}
	p.fail(codeInvalidValue, "messages", "messages has none of role user: send one, its text is what is drawn")
	return "", nil
}

// messageContent reads a text or a list of parts.
func messageContent(p *params, path string, content json.RawMessage) (string, []chatImage) {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text, nil
	}
	var parts []struct {
		Type     string          `json:"type"`
		Text     string          `json:"text"`
		ImageURL json.RawMessage `json:"image_url"`
	}
	if json.Unmarshal(content, &parts) != nil {
		p.fail(codeInvalidValue, path, "%s must be a string or a list of parts of type text and image_url", path)
		return "", nil
	}
	var texts []string
	var images []chatImage
	for i, part := range parts {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch part.Type {
		case "text":
			texts = append(texts, part.Text)
		case "image_url":
			images = append(images, chatImage{param: at + ".image_url.url", url: imageURL(part.ImageURL)})
		default:
			p.fail(codeUnsupported, at+".type", "%s.type is %q: this server takes text and image_url", at, clip(part.Type, 40))
		}
	}
	return strings.Join(texts, "\n"), images
}

// imageURL is {"url": …} or the URL itself; empty when it is neither.
func imageURL(raw json.RawMessage) string {
	var u chatURL
	if json.Unmarshal(raw, &u) == nil {
		return u.URL
	}
	_ = json.Unmarshal(raw, &u.URL) // dataURL refuses the empty text with a sentence
	return u.URL
}

func (s *Server) decodeChatImages(t *requestTrace, images []chatImage) ([]model.Image, error) {
	if len(images) == 0 {
		return nil, nil
	}
	span := t.lane.Begin(spanDecode)
	defer span.End()
	var all []model.Image
	for i, image := range images {
		if i == maxInputImages {
			return nil, failf(codeInvalidImage, image.param, "more than %d images were sent: send fewer", maxInputImages)
		}
		data, err := dataURL(image.url, image.param)
		if err != nil {
			return nil, err
		}
		img, err := s.inputs.picture(t.st, data, image.param)
		if err != nil {
			return nil, err
		}
		all = append(all, img)
	}
	return all, nil
}

func (s *Server) chatReply(c *chatRequest, out *generated, shot *shotReply) chatReply {
	words := len(strings.Fields(c.Prompt))
	message := &chatMessage{Role: "assistant"}
	for _, p := range out.pictures {
		message.Content = append(message.Content, chatContent{
			Type:           "image_url",
			ImageURL:       chatURL{URL: "data:image/" + c.format + ";base64," + base64.StdEncoding.EncodeToString(p.data)},
			StageDurations: out.StageDurations, PeakMemoryMB: out.peakMemoryMB(),
		})
	}
	reply := chatReply{
		ID: newID("chatcmpl-"), Object: "chat.completion", Created: time.Now().Unix(), Model: s.engine.Model().Name,
		Choices: []chatChoice{{Message: message, FinishReason: "stop"}},
		Usage:   &chatUsage{PromptTokens: words, CompletionTokens: 1, TotalTokens: words + 1},
		Seed:    c.Seed, Warnings: out.warnings(), Profile: shot,
	}
	if c.metrics {
		reply.Metrics = &chatMetrics{StageDurations: out.StageDurations, PeakMemoryMB: out.peakMemoryMB()}
	}
	return reply
}

// chatStream is the reply as server-sent events for clients that ask with stream: true: everything in one chunk,
// then, when asked for, the usage, then the end mark.
func (s *Server) chatStream(c *chatRequest, out *generated, shot *shotReply) []byte {
	chunk := s.chatReply(c, out, shot)
	usage := chunk.Usage
	chunk.Object, chunk.Usage = "chat.completion.chunk", nil
	chunk.Choices[0].Delta, chunk.Choices[0].Message = chunk.Choices[0].Message, nil
	events := append([]byte("data: "), marshal(chunk)...)
	events = append(events, '\n')
	if c.streamUsage {
		last := chunk
		last.Choices, last.Usage = []chatChoice{}, usage
		events = append(append(append(events, "data: "...), marshal(last)...), '\n')
	}
	return append(events, "data: [DONE]\n\n"...)
}
