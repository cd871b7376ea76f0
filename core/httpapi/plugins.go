package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/strobe-dev/strobe/core/catalog"
)

// Plugins is what the plugin routes need of core/catalog.
type Plugins interface {
	// Plugins lists every plugin process.
	Plugins() []catalog.PluginInfo
	// Restart ends the processes of a name and starts them again; it returns when they are up.
	Restart(ctx context.Context, name string) error
}

type pluginList struct {
	Plugins []catalog.PluginInfo `json:"plugins"`
}

// pluginsOf are those of a name, or all when it is empty.
func (s *Server) pluginsOf(name string) pluginList {
	list := pluginList{Plugins: []catalog.PluginInfo{}}
	if s.o.Plugins == nil {
		return list
	}
	for _, p := range s.o.Plugins.Plugins() {
		if name == "" || p.Name == name {
			list.Plugins = append(list.Plugins, p)
		}
	}
	return list
}

// listPlugins is GET /v1/plugins.
func (s *Server) listPlugins(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, s.pluginsOf(""))
	return nil
}

// restartPlugin is POST /v1/plugins/{name}/restart: it answers when the plugin's processes are up again, or with their states
// when they take longer than a caller waits.
func (s *Server) restartPlugin(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if s.o.Plugins == nil {
		return failf(codeNotFound, "name", "no plugin %q is served: GET /v1/plugins lists those that are", clip(name, 100))
	}
	ctx, cancel := s.stopContext(r, true)
	defer cancel()
	err := s.o.Plugins.Restart(ctx, name)
	var unknown *catalog.UnknownPluginError
	switch {
	case errors.As(err, &unknown):
		unknown.Name = clip(unknown.Name, 100)
		return failf(codeNotFound, "name", "%v; GET /v1/plugins lists them", unknown)
	case err != nil && r.Context().Err() != nil:
		return err
	case err != nil && ctx.Err() == nil:
		return &apiError{Code: codePluginFailed, Message: err.Error() + "; " + plainText(rowOf(codePluginFailed).remedy), Cause: err}
	}
	writeJSON(w, http.StatusOK, s.pluginsOf(name))
	return nil
}
