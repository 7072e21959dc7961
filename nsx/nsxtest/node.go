package nsxtest

import (
	"net/http"

	"github.com/pphunt/pphunt/internal/fake"
)

// nodeVersion serves the version.
func (s *Server) nodeVersion(w http.ResponseWriter, _ *http.Request) {
	fake.WriteJSON(w, http.StatusOK, map[string]string{"node_version": s.version, "product_version": s.version})
}

// nodeHealth serves the health of the node.
func (s *Server) nodeHealth(w http.ResponseWriter, _ *http.Request) {
	if s.switches.Unhealthy {
		fake.WriteJSON(w, http.StatusServiceUnavailable, map[string]any{"healthy": false, "components_health": "MANAGER:DOWN"})
		return
	}
	fake.WriteJSON(w, http.StatusOK, map[string]any{"healthy": true, "components_health": "MANAGER:UP"})
}

// certificateBundle serves the manager's present certificate, signed by the one before, to anybody.
func (s *Server) certificateBundle(w http.ResponseWriter, _ *http.Request) {
	out := map[string]string{}
	if s.bundle != "" {
		out["jwt_token"] = s.bundle
	}
	fake.WriteJSON(w, http.StatusOK, out)
}

// tagSchema and resourceSchema serve the limits of tags, as old managers tell them.
func (*Server) tagSchema(w http.ResponseWriter, _ *http.Request) {
	fake.WriteJSON(w, http.StatusOK, map[string]any{"id": "Tag", "type": "object", "properties": map[string]any{
		"scope": map[string]any{"type": "string", "maxLength": maxScope}, "tag": map[string]any{"type": "string", "maxLength": maxTag},
	}})
}

func (s *Server) resourceSchema(w http.ResponseWriter, _ *http.Request) {
	fake.WriteJSON(w, http.StatusOK, map[string]any{"id": "ManagedResource", "type": "object", "properties": map[string]any{
		"tags": map[string]any{"type": "array", "maxItems": s.tagLimit},
	}})
}
