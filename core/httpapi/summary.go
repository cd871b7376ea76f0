package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

// Columns of the summary as text.
const (
	minColumns = 40
	maxColumns = 400
)

// profileSummary is GET /v1/profiles/{id}/summary: the tables as JSON, or as text of so many columns, which is what
// `strobe profile stop` prints.
func (s *Server) profileSummary(w http.ResponseWriter, r *http.Request) error {
	id, err := profileID(r)
	if err != nil {
		return err
	}
	p, err := strictQuery(r, "format", "width")
	if err != nil {
		return err
	}
	format := ""
	if p.given("format") {
		format = p.choice("format", "json", "text")
	}
	width := p.integer("width", minColumns, maxColumns, summary.DefaultWidth)
	if p.err != nil {
		return p.err
	}
	table, err := s.profiles.Summary(id)
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if format == "text" || format == "" && prefersText(r.Header.Values("Accept")) {
		writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte(table.Text(width)))
		return nil
	}
	writeJSON(w, http.StatusOK, table)
	return nil
}

// prefersText tells whether a caller would rather have text than JSON. One that does not say gets JSON.
func prefersText(accept []string) bool {
	return quality(accept, "text/plain") > quality(accept, typeJSON)
}

// quality is how much a caller wants a media type, 0 to 1, by the most exact of its words.
func quality(accept []string, want string) float64 {
	q, exact := 0.0, -1
	major, _, _ := strings.Cut(want, "/")
	for word := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		t, params, err := mime.ParseMediaType(word)
		if err != nil {
			continue
		}
		how := map[string]int{want: 2, major + "/*": 1, "*/*": 0}
		if n, ok := how[t]; ok && n > exact {
			q, exact = 1, n
			if text, ok := params["q"]; ok {
				q, _ = strconv.ParseFloat(text, 64)
			}
		}
	}
	return q
}
