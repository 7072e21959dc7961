package cbctest

import "net/http"

// registerRetired adds the routes that were switched off in September 2024 and before. They are open: whatever key is
// sent, old or new, the answer is that the route is gone.
func (s *Server) registerRetired() {
	for _, pattern := range []string{
		"GET /integrationServices/{route...}",
		"POST /integrationServices/{route...}",
		"PUT /integrationServices/{route...}",
		"DELETE /integrationServices/{route...}",
		"GET " + investigateV1 + "/processes/search_jobs/{job_id}",
		"GET " + investigateV1 + "/processes/detail_jobs/{job_id}",
		"GET " + investigateV1 + "/processes/summary_jobs/{job_id}",
		"GET " + investigateV1 + "/processes/search_validation",
		"GET " + investigateV1 + "/processes/search_suggestions",
		"POST " + investigateV2 + "/enriched_events/{route...}",
		"GET " + investigateV2 + "/enriched_events/{route...}",
	} {
		s.handleOpen(pattern, s.gone)
	}
}

// gone answers for a route that was switched off.
func (s *Server) gone(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, s.world.Switches.RetiredStatus, map[string]any{
		"success": false, "message": "this route was deactivated",
	})
}
