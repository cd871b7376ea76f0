package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/strobe-dev/strobe/core/profile"
)

// compatBody is what a client of another server sent: its values under our names, and the names of what was passed over.
type compatBody struct {
	*params
	ignored []string
}

// compatBody reads a body of any form, and the query, and keeps the known keys. Clients send their whole generation
// payload here, so what is not understood is passed over.
func (s *Server) compatBody(r *http.Request, known []string) (*compatBody, error) {
	b := &compatBody{params: looseParams(r.URL.Query()), ignored: []string{}}
	switch mediaType(r) {
	case typeMultipart, typeForm:
		f, err := readForm(r, s.o.MaxBodyBytes)
		if err != nil {
			return nil, err
		}
		for name, v := range looseParams(f.values).values {
			b.values[name] = v
		}
		for name := range f.files {
			b.ignore(name)
		}
	default:
		if err := looseJSON(r, b.params); err != nil {
			return nil, err
		}
	}
	b.translate()
	for _, name := range b.names() {
		if !slices.Contains(known, name) {
			b.ignore(name)
		}
	}
	slices.Sort(b.ignored)
	b.ignored = slices.Compact(b.ignored)
	return b, nil
}

func (b *compatBody) ignore(name string) {
	if utf8.ValidString(name) {
		b.ignored = append(b.ignored, clip(name, 80))
	}
}

// looseParams takes a form's fields. A field that comes several times, as Python's requests sends a list, is a list.
func looseParams(form map[string][]string) *params {
	p := formParams(form)
	for name, texts := range form {
		if len(texts) > 1 {
			p.values[name] = param{text: strings.Join(texts, ",")}
		}
	}
	return p
}

// looseJSON takes a JSON object's members; another JSON value and an empty body are passed over, and so is what
// is not declared as JSON and is not JSON.
func looseJSON(r *http.Request, p *params) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return bodyError(err)
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		return nil
	}
	object, err := jsonObject(body)
	switch {
	case err == nil:
		p.overlay("", object)
	case mediaType(r) == typeJSON && !json.Valid(body):
		return err
	}
	return nil
}

// keyProfileID is SGLang's name for what we call a label.
const keyProfileID = "profile_id"

// zeroIsNone are numbers that SGLang and TensorRT-LLM read as "not given" when they are 0.
var zeroIsNone = []string{"num_steps", "start_step"}

// translate gives what other servers call otherwise our names.
func (b *compatBody) translate() {
	if v, ok := b.values[keyProfileID]; ok && !b.given("label") {
		if text, ok := v.scalar(); ok && !v.absent() {
			b.values["label"] = param{text: text}
			delete(b.values, keyProfileID)
		}
	}
	for _, name := range zeroIsNone {
		if n, ok := b.number(name); ok && n == 0 {
			b.values[name] = param{}
		}
	}
	b.translateActivities()
}

// translateActivities leaves out activities that this server has none like, such as SGLang's RPD, and says so.
func (b *compatBody) translateActivities() {
	if !b.given("activities") {
		return
	}
	inner := &params{values: map[string]param{"activities": b.values["activities"]}}
	words := inner.words("activities")
	if inner.err != nil {
		return // the start says what is wrong
	}
	var known []string
	for _, word := range words {
		switch {
		case knownActivity(word):
			known = append(known, word)
		case knownActivity(strings.ToUpper(word)):
			known = append(known, strings.ToUpper(word))
		default:
			b.ignore("activities." + word)
		}
	}
	b.values["activities"] = param{text: strings.Join(known, ",")}
}

// awaitsArtifacts tells whether the client wants its answer when the artifacts are complete, as SGLang's profiling script
// does, which sends output_dir and num_steps and then looks for the files. SGLang's serving benchmark sends both, too, and
// must be answered at once, because its requests come after: it has profile_stages and no merge_profiles.
func (b *compatBody) awaitsArtifacts() bool {
	if b.given("wait") {
		asked := &params{values: b.values}
		if wait := asked.boolean("wait"); asked.err == nil {
			return wait
		}
	}
	_, merges := b.values["merge_profiles"]
	_, stages := b.values["profile_stages"]
	return b.given("output_dir") && b.given("num_steps") && (merges || !stages)
}

// knownActivity tells whether a start knows an activity, ours or one of SGLang's names for it.
func knownActivity(word string) bool {
	_, err := profile.ParseActivities([]string{word})
	return err == nil
}
