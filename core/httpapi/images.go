package httpapi

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"
)

// Values of response_format.
const (
	responseBase64 = "b64_json"
	responseFile   = "file"
)

// imagesReply is OpenAI's ImagesResponse with vLLM-Omni's fields and ours: seed, stage_durations, warnings.
type imagesReply struct {
	Created        int64              `json:"created"`
	Data           []imageData        `json:"data"`
	OutputFormat   string             `json:"output_format"`
	Size           string             `json:"size"`
	CotOutput      *string            `json:"cot_output"`
	Usage          imagesUsage        `json:"usage"`
	Seed           uint64             `json:"seed"`
	StageDurations map[string]float64 `json:"stage_durations"` // seconds
	Warnings       []string           `json:"warnings"`
	Profile        *shotReply         `json:"profile,omitempty"`
}

type imageData struct {
	Base64        string  `json:"b64_json"`
	URL           *string `json:"url"`
	RevisedPrompt *string `json:"revised_prompt"`
}

type imagesUsage struct {
	PeakMemoryMB *float64 `json:"peak_memory_mb"` // MiB; null when unknown
}

// imageGenerations is POST /v1/images/generations.
func (s *Server) imageGenerations(w http.ResponseWriter, r *http.Request) (err error) {
	t := s.beginTrace(r)
	defer func() { t.endWith(r.Context(), err) }()
	p, err := readJSON(r)
	if err != nil {
		return err
	}
	g := &generation{}
	s.checkModel(p)
	g.Prompt = s.requirePrompt(p, "prompt")
	g.Count = p.integer("n", 1, maxImages, 1)
	g.Size = size(p, "size")
	s.common(p, g)
	noStream(p)
	response := responseFormat(p, responseBase64, responseFile)
	if p.err != nil {
		return p.err
	}
	if err := s.oneShot(w, r, t, p); err != nil {
		return err
	}
	return s.answerImages(w, r, t, g, response)
}

// responseFormat is one of the words; "url" gets its own sentence.
func responseFormat(p *params, words ...string) string {
	const name = "response_format"
	if p.given(name) {
		if text, _ := p.values[name].scalar(); text == "url" {
			p.fail(codeUnsupported, name, "response_format url is not supported, the server keeps no images: use %s", words[0])
			return words[0]
		}
	}
	return p.choice(name, words...)
}

// answerImages generates and answers as generations and edits do.
func (s *Server) answerImages(w http.ResponseWriter, r *http.Request, t *requestTrace, g *generation, response string) error {
	out, err := s.generate(r.Context(), t, g)
	if err != nil {
		return err
	}
	if response == responseFile {
		return s.answerFile(w, t, g, out)
	}
	reply := imagesReply{
		Created: time.Now().Unix(), OutputFormat: g.format, Size: out.pictures[0].size(),
		Usage: imagesUsage{PeakMemoryMB: out.peakMemoryMB()}, Seed: g.Seed,
		StageDurations: out.StageDurations, Warnings: out.warnings(), Profile: t.reply,
	}
	for _, p := range out.pictures {
		reply.Data = append(reply.Data, imageData{Base64: base64.StdEncoding.EncodeToString(p.data)})
	}
	t.respond(w, typeJSON, marshal(reply), s.served)
	return nil
}

// answerFile answers with the picture itself, or with a zip of several.
func (s *Server) answerFile(w http.ResponseWriter, t *requestTrace, g *generation, out *generated) error {
	name := s.engine.Model().Name
	out.setHeaders(w.Header(), name, g.Seed)
	ext := "png"
	if g.format == formatJPEG {
		ext = "jpg"
	}
	base := safeName(name) + "-" + t.st.id
	if len(out.pictures) == 1 {
		w.Header().Set("Content-Disposition", attachment(base+"."+ext))
		t.respond(w, "image/"+g.format, out.pictures[0].data, s.served)
		return nil
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i, p := range out.pictures {
		f, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%s-%d.%s", base, i, ext), Method: zip.Store, Modified: time.Now()})
		if err != nil {
			return fmt.Errorf("zip the images: %w", err)
		}
		if _, err := f.Write(p.data); err != nil {
			return fmt.Errorf("zip the images: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("zip the images: %w", err)
	}
	w.Header().Set("Content-Disposition", attachment(base+".zip"))
	t.respond(w, "application/zip", buf.Bytes(), s.served)
	return nil
}
