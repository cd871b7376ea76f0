package httpapi

import (
	"fmt"
	"net/http"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
)

// modelReply is OpenAI's model with vLLM's fields and, under strobe, ours.
type modelReply struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Created     int64             `json:"created"`
	OwnedBy     string            `json:"owned_by"`
	Root        string            `json:"root"`
	Parent      *string           `json:"parent"`
	MaxModelLen *int              `json:"max_model_len"`
	Permission  []modelPermission `json:"permission"`
	Strobe      modelDetails      `json:"strobe"`
}

// modelPermission is what old OpenAI clients look at; everything that this server has is allowed or does not apply.
type modelPermission struct {
	ID            string  `json:"id"`
	Object        string  `json:"object"`
	Created       int64   `json:"created"`
	CreateEngine  bool    `json:"allow_create_engine"`
	Sampling      bool    `json:"allow_sampling"`
	Logprobs      bool    `json:"allow_logprobs"`
	SearchIndices bool    `json:"allow_search_indices"`
	View          bool    `json:"allow_view"`
	FineTuning    bool    `json:"allow_fine_tuning"`
	Organization  string  `json:"organization"`
	Group         *string `json:"group"`
	Blocking      bool    `json:"is_blocking"`
}

// modelDetails is what the stages say of themselves. What is unknown is null.
type modelDetails struct {
	Synthetic       bool         `json:"synthetic"` // made-up weights: costs are real, pictures are not
	Sizes           []string     `json:"sizes"`     // made natively
	AnySize         bool         `json:"any_size"`  // others too, up to max_size
	MaxSize         *string      `json:"max_size"`
	DefaultSteps    *int         `json:"default_steps"`
	MaxSteps        *int         `json:"max_steps"`
	DefaultGuidance *float64     `json:"default_guidance"`
	Parameters      *int64       `json:"parameters"`
	Stages          []modelStage `json:"stages"`
}

type modelStage struct {
	Index     int               `json:"index"`
	Name      string            `json:"name"`
	Plugin    string            `json:"plugin"`
	Replicas  int               `json:"replicas"`
	RanksUp   int               `json:"ranks_up"`
	Synthetic bool              `json:"synthetic"`
	Details   map[string]string `json:"details"`
}

// listModels is GET /v1/models.
func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, struct {
		Object string       `json:"object"`
		Data   []modelReply `json:"data"`
	}{"list", []modelReply{s.modelReply()}})
	return nil
}

// getModel is GET /v1/models/{id}.
func (s *Server) getModel(w http.ResponseWriter, r *http.Request) error {
	m := s.modelReply()
	if id := r.PathValue("id"); id != m.ID {
		return failf(codeNotFound, "model", "there is no model %q: this server runs %s", clip(id, 100), m.ID)
	}
	writeJSON(w, http.StatusOK, m)
	return nil
}

func (s *Server) modelReply() modelReply {
	m := s.engine.Model()
	created := s.started.Unix()
	return modelReply{
		ID: m.Name, Object: "model", Created: created, OwnedBy: "strobe", Root: m.Name,
		Permission: []modelPermission{{
			ID: "modelperm-" + m.Name, Object: "model_permission", Created: created,
			Sampling: true, View: true, Organization: "*",
		}},
		Strobe: details(m, s.engine.Stats()),
	}
}

func details(m engine.ModelInfo, stats engine.Stats) modelDetails {
	d := modelDetails{Synthetic: m.Synthetic, AnySize: m.AnySize, Sizes: []string{}, Stages: []modelStage{}}
	for _, size := range m.Sizes {
		d.Sizes = append(d.Sizes, sizeText(size))
	}
	if m.AnySize && m.Max != (model.Size{}) {
		text := sizeText(m.Max)
		d.MaxSize = &text
	}
	if m.MaxSteps > 0 {
		d.MaxSteps, d.DefaultSteps, d.DefaultGuidance = &m.MaxSteps, &m.DefaultSteps, &m.DefaultGuidance
	}
	if m.Parameters > 0 {
		d.Parameters = &m.Parameters
	}
	for i, st := range m.Stages {
		row := modelStage{Index: st.Index, Name: st.Name, Plugin: st.Plugin, Replicas: st.Replicas, Synthetic: st.Synthetic, Details: st.Details}
		if i < len(stats.Stages) {
			row.RanksUp = stats.Stages[i].RanksUp
		}
		if row.Details == nil {
			row.Details = map[string]string{}
		}
		d.Stages = append(d.Stages, row)
	}
	return d
}

func sizeText(s model.Size) string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }
