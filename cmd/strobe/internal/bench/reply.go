package bench

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Outcome is what became of a request.
type Outcome struct {
	Err          error // nil: it succeeded
	Latency      time.Duration
	Stages       map[string]float64 // seconds by stage; empty when the server says none
	PeakMemoryMB float64            // 0 when the server says none
	Pictures     []Picture
	SLOMet       bool // it succeeded within what it was promised
}

// Picture is one encoded image of a reply.
type Picture struct {
	Ext  string // png, jpg or webp
	Data []byte
}

// stats are the figures that a reply may carry in several places.
type stats struct {
	Stages map[string]float64 `json:"stage_durations"`
	Peak   *float64           `json:"peak_memory_mb"`
}

// reply has the fields of all three endpoints that are looked at.
type reply struct {
	stats
	Choices []struct {
		Message struct {
			Content json.RawMessage `json:"content"`
		} `json:"message"`
	} `json:"choices"`
	Data []struct {
		Base64 string `json:"b64_json"`
	} `json:"data"`
	Format  string `json:"output_format"`
	Metrics stats  `json:"metrics"`
	Usage   stats  `json:"usage"`
}

type part struct {
	stats
	Type     string `json:"type"`
	ImageURL struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

// readReply takes pictures and figures out of a reply. A reply without a picture is a failure, whatever its status says.
func readReply(raw []byte) Outcome {
	var r reply
	if err := json.Unmarshal(raw, &r); err != nil {
		return Outcome{Err: fmt.Errorf("decode the reply: %w", err)}
	}
	var out Outcome
	sources := []stats{}
	for _, c := range r.Choices {
		var parts []part
		if json.Unmarshal(c.Message.Content, &parts) != nil {
			continue // a text: no picture in it
		}
		for _, p := range parts {
			sources = append(sources, p.stats)
			if p.Type == "image_url" {
				out.addDataURL(p.ImageURL.URL)
			}
		}
	}
	for _, d := range r.Data {
		out.add(extension(r.Format), d.Base64)
	}
	for _, s := range append(sources, r.Metrics, r.Usage, r.stats) {
		if len(out.Stages) == 0 {
			out.Stages = s.Stages
		}
		if out.PeakMemoryMB == 0 && s.Peak != nil {
			out.PeakMemoryMB = *s.Peak
		}
	}
	if out.Err == nil && len(out.Pictures) == 0 {
		out.Err = errors.New("the reply has no image")
	}
	return out
}

// addDataURL takes a picture such as data:image/png;base64,….
func (o *Outcome) addDataURL(url string) {
	kind, data, ok := strings.Cut(strings.TrimPrefix(url, "data:image/"), ";base64,")
	if !ok || !strings.HasPrefix(url, "data:") {
		o.Err = errors.New("the reply has an image that is no data: URL")
		return
	}
	o.add(extension(kind), data)
}

func (o *Outcome) add(ext, text string) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 {
		o.Err = errors.Join(errors.New("the reply has an image that cannot be read"), err)
		return
	}
	o.Pictures = append(o.Pictures, Picture{Ext: ext, Data: data})
}

// extension is what files of a format end in.
func extension(format string) string {
	switch format {
	case "jpeg", "jpg":
		return "jpg"
	case "webp":
		return "webp"
	}
	return "png"
}
