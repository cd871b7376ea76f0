package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// strictQuery reads the query of a route that knows all its keys: an unknown one is refused, and so is one that comes twice.
func strictQuery(r *http.Request, known ...string) (*params, error) {
	values := r.URL.Query()
	p := formParams(values)
	for _, key := range p.names() {
		switch {
		case !slices.Contains(known, key) && len(known) == 0:
			return nil, failf(codeUnknownParam, clip(key, 80), "unknown query key %q: this route takes none", clip(key, 80))
		case !slices.Contains(known, key):
			return nil, failf(codeUnknownParam, clip(key, 80), "unknown query key %q%s: the query takes %s",
				clip(key, 80), didYouMean(key, known), strings.Join(known, ", "))
		case len(values[key]) > 1:
			return nil, failf(codeInvalidValue, key, "%s comes twice in the query: send it once", key)
		}
	}
	return p, nil
}
