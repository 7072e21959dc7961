package nsxtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// found is the envelope of a search. Its cursor is there on the last page too.
type found struct {
	Results []map[string]any `json:"results"`
	Count   *int             `json:"result_count,omitempty"`
	Cursor  string           `json:"cursor"`
}

// search serves one of the two indexes. Policy's knows machines from 4.1.2 on, and groups and policies; the manager's knows
// machines and interfaces.
func (s *Server) search(policy bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, p := query(r, pagingParameters("query")...)
		if p == nil && q.Get("query") == "" {
			p = invalid("The parameter query is required.")
		}
		if p != nil {
			refuse(w, p)
			return
		}
		seen := s.now().Add(-s.searchLag)
		var docs []any
		if !policy || !s.before("4.1.2") {
			docs = s.machineDocs(seen)
		}
		if policy {
			for i := range s.groups {
				docs = append(docs, s.groups[i].object())
			}
			for i := range s.policies {
				docs = append(docs, s.policies[i].object(false))
				for _, rule := range s.policies[i].rules() {
					docs = append(docs, rule)
				}
			}
		} else {
			for _, row := range s.vifs(url.Values{}) {
				docs = append(docs, row)
			}
		}
		s.answerSearch(w, q, docs)
	}
}

// machineDocs are the machines as they were at a moment.
func (s *Server) machineDocs(seen time.Time) []any {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(now)
	var docs []any
	for _, m := range s.machines() {
		if m.synced.After(seen) || m.ListedFrom.After(seen) {
			continue
		}
		for _, row := range m.rows(now, s.switches.OmitEmptyTagMembers) {
			row.Tags = wireTags(m.tagsAt(seen), s.switches.OmitEmptyTagMembers)
			docs = append(docs, row)
		}
	}
	return docs
}

// answerSearch answers with the documents that a query finds.
func (s *Server) answerSearch(w http.ResponseWriter, q url.Values, docs []any) {
	pg, p := parseSearchPaging(q)
	if p == nil && s.searchLimit > 0 && pg.size > s.searchLimit {
		p = &problem{status: http.StatusServiceUnavailable, code: codeTooLarge, module: "search", text: "The answer is too large. Ask for smaller pages."}
	}
	t := &term{join: "AND"} // matches everything
	if text := q.Get("query"); p == nil && text != "" {
		var err error
		if t, err = parseQuery(text); err != nil {
			p = &problem{status: http.StatusBadRequest, code: codeInvalid, module: "search", text: "Invalid search query: " + err.Error() + "."}
		}
	}
	if p != nil {
		refuse(w, p)
		return
	}
	rows := []map[string]any{}
	for _, d := range docs {
		doc := document(d)
		if !t.repeatsScope() && t.matches(doc) {
			rows = append(rows, doc)
		}
	}
	sortDocs(rows, pg)
	skip := 0
	if pg.cursor != "" {
		n, err := strconv.Atoi(pg.cursor)
		if err != nil || n < 0 {
			refuse(w, invalid("Invalid cursor."))
			return
		}
		skip = n
	}
	from := min(skip, len(rows))
	to := min(from+pg.size, len(rows))
	out := found{Results: rows[from:to], Cursor: strconv.Itoa(to)}
	if n := len(rows); pg.cursor == "" || !s.switches.SearchCountOnce {
		out.Count = &n
	}
	if fields := included(q); len(fields) > 0 {
		for i, row := range out.Results {
			out.Results[i] = only(row, fields)
		}
	}
	fake.WriteJSON(w, http.StatusOK, out)
}

// parseSearchPaging reads the parameters of a search, which can be sorted by any field.
func parseSearchPaging(q url.Values) (paging, *problem) { return parsePaging(q, q.Get("sort_by")) }

// document is an object as the index has it.
func document(object any) map[string]any {
	var doc map[string]any
	data, err := json.Marshal(object)
	if err == nil {
		dec := json.NewDecoder(strings.NewReader(string(data)))
		dec.UseNumber() // times stay whole numbers
		_ = dec.Decode(&doc)
	}
	return doc
}

// sortDocs sorts documents as asked; otherwise they stay in the order of the world.
func sortDocs(rows []map[string]any, pg paging) {
	if pg.sortBy == "" {
		return
	}
	key := func(doc map[string]any) string {
		var keys []string
		visit(doc, pg.sortBy, func(s string) { keys = append(keys, strings.ToLower(s)) })
		slices.Sort(keys)
		return fmt.Sprint(keys)
	}
	slices.SortStableFunc(rows, func(a, b map[string]any) int {
		order := cmp.Compare(key(a), key(b))
		if pg.descending {
			return -order
		}
		return order
	})
}

// included are the fields that a search shall answer with.
func included(q url.Values) []string {
	var out []string
	for _, value := range q["included_fields"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

// only is a document with some of its fields.
func only(doc map[string]any, fields []string) map[string]any {
	out := maps.Clone(doc)
	maps.DeleteFunc(out, func(name string, _ any) bool {
		return !slices.ContainsFunc(fields, func(f string) bool { return f == name || strings.HasPrefix(f, name+".") })
	})
	return out
}

// searchEnforcementPoint serves the older list of an enforcement point, which takes a query.
func (s *Server) searchEnforcementPoint(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("query", "dsl")...)
	if p == nil {
		p = s.pathEnforcementPoint(r)
	}
	if p == nil && q.Has("dsl") {
		p = &problem{status: http.StatusNotImplemented, text: "nsxtest: the parameter dsl is not simulated"}
	}
	if p != nil {
		refuse(w, p)
		return
	}
	s.answerSearch(w, q, s.machineDocs(s.now()))
}

// pathEnforcementPoint refuses another enforcement point than that of this manager.
func (s *Server) pathEnforcementPoint(r *http.Request) *problem {
	if ep := r.PathValue("EP"); ep != s.enforcementPoint {
		return missing("EnforcementPoint", ep)
	}
	return nil
}
