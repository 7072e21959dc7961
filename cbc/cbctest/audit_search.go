package cbctest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// auditSearch is the body of a search; that of an export has a format besides.
type auditSearch struct {
	Criteria   criteria `json:"criteria"`
	Exclusions criteria `json:"exclusions"`
	Query      string   `json:"query"`
	Rows       *int     `json:"rows"`
	Start      int      `json:"start"`
	Sort       []sortBy `json:"sort"`
}

// auditFields are the members of an entry, in the order of an export.
func auditFields() []string {
	return []string{"org_key", "actor_ip", "actor", "request_url", "description", "flagged", "verbose", "create_time"}
}

// auditForm is how a field of the log is given in criteria.
func auditForm(field string) fieldForm {
	switch field {
	case "create_time":
		return formTime
	case "flagged", "verbose":
		return formValue
	case "actor", "actor_ip", "description", "request_url":
		return formList
	default:
		return noField
	}
}

// defaultAudit is how many entries a search answers with unless it says otherwise.
const defaultAudit = 20

// find are the entries that a search wants, in its order: the newest first, unless it says otherwise. The caller holds the
// lock.
func (in auditSearch) find(s *Server) ([]document, error) {
	if in.Rows != nil && (*in.Rows < 0 || *in.Rows > maxRows) || in.Start < 0 || in.Start > maxRows {
		return nil, fmt.Errorf("rows or start is not between 0 and %d", maxRows)
	}
	wanted, err := in.Criteria.understand("criteria", auditForm, s.now())
	if err != nil {
		return nil, err
	}
	unwanted, err := in.Exclusions.understand("exclusions", auditForm, s.now())
	if err != nil {
		return nil, err
	}
	for _, by := range in.Sort {
		if by.Order != "ASC" && by.Order != "DESC" || !slices.Contains(auditFields(), by.Field) {
			return nil, errors.New("sort takes a field of the audit log and the order ASC or DESC")
		}
	}
	match := func(document) bool { return true }
	if strings.TrimSpace(in.Query) != "" {
		q, err := parseQuery(in.Query, dialect{phrases: true})
		if err != nil {
			return nil, err
		}
		match = q.match
	}
	var found []document
	for _, e := range s.auditLog.entries {
		d := s.auditDocument(e)
		ok := match(d)
		for _, f := range wanted {
			ok = ok && f(d)
		}
		for _, f := range unwanted {
			ok = ok && !f(d)
		}
		if ok {
			found = append(found, d)
		}
	}
	ordered(found, in.Sort, "create_time")
	return found, nil
}

func (s *Server) searchAudit(w http.ResponseWriter, r *http.Request) {
	var in auditSearch
	if !s.decode(w, r, &in) {
		return
	}
	found, err := in.find(s)
	if err != nil {
		s.badSearch(w, err)
		return
	}
	rows := defaultAudit
	if in.Rows != nil {
		rows = *in.Rows
	}
	page := []map[string]any{}
	for i := in.Start; i < min(in.Start+rows, len(found), maxRows); i++ {
		page = append(page, found[i].wire)
	}
	s.reply(w, http.StatusOK, map[string]any{"results": page, "num_found": len(found), "num_available": min(maxRows, len(found))})
}

// exportAudit starts a job that writes the entries that a search finds. Which those are is settled now.
func (s *Server) exportAudit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		auditSearch
		Format string `json:"format"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	write, ok := map[string]func([]document) []byte{"csv": auditCSV, "json": auditJSON}[in.Format]
	if !ok {
		s.badEnum(w, "format", in.Format, []string{"csv", "json"})
		return
	}
	found, err := in.find(s)
	if err != nil {
		s.badSearch(w, err)
		return
	}
	found = found[min(in.Start, len(found)):]
	if in.Rows != nil {
		found = found[:min(*in.Rows, len(found))]
	}
	body, media := write(found), map[string]string{"csv": "text/csv", "json": "application/json"}[in.Format]
	id := s.startServiceJob("AUDIT_LOGS", len(found), func() (string, []byte) { return media, body }, ownedBy(r))
	s.reply(w, http.StatusOK, map[string]any{"job_id": id})
}

// auditCSV writes entries as CSV with a line of names.
func auditCSV(found []document) []byte {
	var buf bytes.Buffer
	out := csv.NewWriter(&buf)
	// Writing to a buffer does not fail.
	_ = out.Write(auditFields())
	for _, d := range found {
		record := make([]string, 0, len(auditFields()))
		for _, field := range auditFields() {
			switch v := d.wire[field].(type) {
			case string:
				record = append(record, v)
			case bool:
				record = append(record, strconv.FormatBool(v))
			default:
				record = append(record, "")
			}
		}
		_ = out.Write(record)
	}
	out.Flush()
	return buf.Bytes()
}

// auditJSON writes entries as a list.
func auditJSON(found []document) []byte {
	list := []map[string]any{}
	for _, d := range found {
		list = append(list, d.wire)
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil
	}
	return body
}
