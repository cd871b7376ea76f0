package nsight

import (
	"database/sql/driver"
	"encoding/json"
	"math"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// domain is the NVTX domain of Strobe's spans.
const (
	domain     = 1
	domainName = "strobe"
)

// span adds a span as a push/pop range, or an instant as a mark. Arguments go along as JSON.
func (s *sink) span(p *process, e *recording.Event) {
	t := s.track(p, e.Track)
	args := arguments(e)
	if !s.room(128 + 2*int64(len(e.Name.Text)+len(args))) {
		return
	}
	kind, end := int64(pushPopRange), driver.Value(s.at(e.End))
	if e.Kind == recording.Instant {
		kind, end = mark, nil
	} else {
		s.last = max(s.last, s.at(e.End))
	}
	var text driver.Value
	if args != "" {
		text = args
	}
	s.db.put(nvtx, s.at(e.Start), end, kind, nil, int64(e.Name.Category), nil, e.Name.Text, t.global, nil, nil, int64(domain),
		nil, nil, nil, nil, nil, nil, nil, text)
}

// domainRows name the domain and its categories.
func (s *sink) domainRows() {
	for _, p := range s.processes {
		blank := func(kind int64, category driver.Value, text string) {
			s.db.put(nvtx, int64(0), nil, kind, nil, category, nil, text, p.global, nil, nil, int64(domain), nil, nil, nil, nil, nil, nil, nil, nil)
		}
		blank(domainCreate, nil, domainName)
		for c := trace.CategoryNone; c <= trace.CategoryDevice; c++ {
			blank(category, int64(c), c.String())
		}
	}
}

// arguments are an event's, its request's and whether it had ended, as a JSON object; empty when there are none.
func arguments(e *recording.Event) string {
	if len(e.Args) == 0 && e.Request == "" && !e.Open {
		return ""
	}
	m := make(map[string]any, len(e.Args)+2)
	for _, a := range e.Args {
		m[a.Key.Text] = value(a)
	}
	if e.Request != "" {
		m["request_id"] = e.Request
	}
	if e.Open {
		m["open"] = true
	}
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return string(b)
}

func value(a recording.Arg) any {
	switch a.Type {
	case trace.TypeInt:
		return a.Int
	case trace.TypeBool:
		return a.Int != 0
	case trace.TypeFloat:
		if math.IsNaN(a.Float) || math.IsInf(a.Float, 0) { // which JSON has no word for
			return nil
		}
		return a.Float
	case trace.TypeShapes:
		if json.Valid([]byte(a.Text)) {
			return json.RawMessage(a.Text)
		}
	}
	return a.Text
}
