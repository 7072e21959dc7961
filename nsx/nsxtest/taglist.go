package nsxtest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// tagRow is a tag with the number of machines that carry it.
type tagRow struct {
	Scope string `json:"scope"`
	Tag   string `json:"tag"`
	Count int    `json:"tagged_objects_count"`
}

// listTags lists the tags in use.
func (s *Server) listTags(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("scope", "tag", "source")...)
	if p != nil {
		refuse(w, p)
		return
	}
	pg, p := parsePaging(q, "tag", "scope")
	var sp space
	if p == nil {
		sp, p = s.space(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	counts := map[Tag]int{}
	s.mu.Lock()
	s.settle(s.now())
	for _, m := range s.machines() {
		if !sp.sees(m) {
			continue
		}
		for _, t := range m.tags() {
			counts[t]++
		}
	}
	s.mu.Unlock()
	rows := []tagRow{}
	for t, n := range counts {
		if (!q.Has("scope") || matchesStars(q.Get("scope"), t.Scope)) && (!q.Has("tag") || matchesStars(q.Get("tag"), t.Tag)) {
			rows = append(rows, tagRow{t.Scope, t.Tag, n})
		}
	}
	slices.SortFunc(rows, func(a, b tagRow) int {
		order := cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Scope, b.Scope))
		if pg.sortBy == "scope" {
			order = cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Tag, b.Tag))
		}
		if pg.descending {
			return -order
		}
		return order
	})
	answerList(w, rows, pg, func(row tagRow) string { return row.Scope + "|" + row.Tag + "\x00" }, false)
}

// matchesStars compares with a pattern that may begin and end with a star.
func matchesStars(pattern, text string) bool {
	body, ends := strings.CutPrefix(pattern, "*")
	body, begins := strings.CutSuffix(body, "*")
	switch {
	case ends && begins:
		return strings.Contains(text, body)
	case ends:
		return strings.HasSuffix(text, body)
	case begins:
		return strings.HasPrefix(text, body)
	default:
		return text == body
	}
}

// taggedRow is an object that carries a tag.
type taggedRow struct {
	Type string `json:"target_type"`
	Name string `json:"target_display_name"`
	ID   string `json:"target_id"`
}

// listTagged lists the machines that carry a tag.
func (s *Server) listTagged(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("scope", "tag", "filter_text")...)
	if p != nil {
		refuse(w, p)
		return
	}
	pg, p := parsePaging(q, "target_type", "target_display_name")
	var sp space
	if p == nil {
		sp, p = s.space(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	wanted := Tag{q.Get("scope"), q.Get("tag")}
	rows := []taggedRow{}
	s.mu.Lock()
	s.settle(s.now())
	for _, m := range s.machines() {
		if sp.sees(m) && slices.Contains(m.tags(), wanted) && strings.Contains(m.Name, q.Get("filter_text")) {
			rows = append(rows, taggedRow{"VirtualMachine", m.Name, m.ExternalID})
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(rows, func(a, b taggedRow) int {
		order := cmp.Compare(a.Name, b.Name)
		if pg.descending {
			return -order
		}
		return order
	})
	answerList(w, rows, pg, func(row taggedRow) string { return row.ID + "\x00" + row.Name }, false)
}
