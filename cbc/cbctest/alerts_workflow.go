package cbctest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// alertChange is what is to become of alerts.
type alertChange struct {
	alertSelection
	Status        string `json:"status"`
	ClosureReason string `json:"closure_reason"`
	Determination string `json:"determination"`
	Note          string `json:"note"`
}

// changeAlerts starts a job that changes alerts. Which those are is settled now; they change when the job is done.
func (s *Server) changeAlerts(w http.ResponseWriter, r *http.Request) {
	var in alertChange
	if !s.decode(w, r, &in) {
		return
	}
	for _, e := range []struct {
		field, value string
		known        []string
	}{
		{"status", in.Status, alertStatuses()},
		{"closure_reason", in.ClosureReason, closureReasons()},
		{"determination", in.Determination, determinations()},
	} {
		if e.value != "" && !slices.Contains(e.known, e.value) {
			s.badEnum(w, e.field, e.value, e.known)
			return
		}
	}
	switch {
	case in.Status+in.ClosureReason+in.Determination+in.Note == "":
		s.badRequest(w, "there is nothing to change: status, closure_reason, determination and note are missing")
		return
	case utf8.RuneCountInString(in.Note) > maxNote:
		s.badRequest(w, "note has more than "+strconv.Itoa(maxNote)+" characters")
		return
	case in.empty() && s.switches.Alerts.RefuseEmptySelection:
		s.badRequest(w, "criteria, exclusions, query and time_range are missing")
		return
	}
	m, err := s.understandAlerts(in.alertSelection)
	if err != nil {
		s.badAlerts(w, err)
		return
	}
	selected, _ := s.selectAlerts(m, "")
	total := len(selected)
	if s.switches.Alerts.NoTotals {
		total = 0
	}
	by := callerID(r)
	id := s.startServiceJob("user_workflow_update", total, nil, ownedBy(r),
		withParameters(map[string]any{"job_parameters": map[string]any{"request": in}}),
		whenDone(func(at time.Time) {
			for _, a := range selected {
				s.changeAlert(a, in, by, at)
			}
		}))
	s.audit(r, "Changed the workflow of "+strconv.Itoa(len(selected))+" alerts")
	s.reply(w, http.StatusOK, map[string]any{"request_id": strconv.FormatInt(id, 10)})
}

// changeAlert changes one alert. The caller holds the lock.
func (s *Server) changeAlert(a *alert, in alertChange, by string, at time.Time) {
	a.updated = at
	if in.Status != "" || in.ClosureReason != "" {
		if in.Status != "" {
			a.Status = in.Status
		}
		if in.ClosureReason != "" {
			a.ClosureReason = in.ClosureReason
		}
		a.workflow = change{at: at, by: by, kind: "API"}
		a.remember("workflow", s.alertDocument(a).wire["workflow"], at)
	}
	if in.Determination != "" {
		a.Determination, a.determination = in.Determination, change{at: at, by: by, kind: "API"}
		a.remember("determination", s.alertDocument(a).wire["determination"], at)
	}
	if in.Note != "" {
		n := AlertNote{ID: s.newUUID("note"), Author: by, Note: in.Note, Created: at}
		a.Notes = append(a.Notes, n)
		a.remember("note", noteJSON(n), at)
	}
}
