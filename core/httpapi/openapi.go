package httpapi

import (
	_ "embed"
	"net/http"
)

// openAPI describes every route; a test holds it against the table of routes.
//
//go:embed openapi.json
var openAPI []byte

// serveOpenAPI is GET /openapi.json.
func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	writeBytes(w, http.StatusOK, typeJSON, openAPI)
	return nil
}
