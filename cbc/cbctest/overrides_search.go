package cbctest

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// overrideSearch is the body of a search. Its order is flat, unlike that of devices.
type overrideSearch struct {
	Criteria struct {
		OverrideList *string `json:"override_list"`
		OverrideType *string `json:"override_type"`
	} `json:"criteria"`
	Query     string `json:"query"`
	Start     int    `json:"start"`
	Rows      *int   `json:"rows"`
	SortField string `json:"sort_field"`
	SortOrder string `json:"sort_order"`
}

// check says what is wrong with a search.
func (in overrideSearch) check() error {
	fields := []string{"", "create_time", "override_type", "override_list", "created_by", "sha256_hash", "filename", "description"}
	orders := []string{"", "asc", "desc", "ASC", "DESC"}
	lists, types := []string{listBlack, listWhite}, []string{typeHash, typeCert, typeTool}
	switch list, kind := in.Criteria.OverrideList, in.Criteria.OverrideType; {
	case list != nil && !slices.Contains(lists, *list):
		return &enumError{field: "criteria.override_list", value: *list, known: lists}
	case kind != nil && !slices.Contains(types, *kind):
		return &enumError{field: "criteria.override_type", value: *kind, known: types}
	case !slices.Contains(fields, in.SortField):
		return &enumError{field: "sort_field", value: in.SortField, known: fields[1:]}
	case !slices.Contains(orders, in.SortOrder):
		return &enumError{field: "sort_order", value: in.SortOrder, known: orders[1:]}
	case in.Start < 0 || in.Rows != nil && (*in.Rows < 0 || *in.Rows > maxRows):
		return errors.New("rows is not between 0 and 10000, or start is negative")
	}
	return nil
}

// wants says whether an override is one that the search asks for. The free text is looked for in every text there is, so a
// hash also finds entries that merely mention it.
func (in overrideSearch) wants(o Override) bool {
	if list := in.Criteria.OverrideList; list != nil && *list != o.List {
		return false
	}
	if kind := in.Criteria.OverrideType; kind != nil && *kind != o.Type {
		return false
	}
	text := strings.ToLower(strings.Join([]string{o.SHA256, o.Filename, o.Description, o.SignedBy, o.Path}, "\n"))
	return strings.Contains(text, strings.ToLower(strings.TrimSpace(in.Query)))
}

func (s *Server) searchOverrides(w http.ResponseWriter, r *http.Request) {
	var in overrideSearch
	if !s.decode(w, r, &in) {
		return
	}
	if err := in.check(); err != nil {
		s.badDevices(w, err)
		return
	}
	var found []document
	for _, o := range s.overrides {
		if in.wants(o) {
			found = append(found, document{wire: s.overrideJSON(o)})
		}
	}
	ordered(found, []sortBy{{Field: cmp.Or(in.SortField, "create_time"), Order: cmp.Or(in.SortOrder, "asc")}}, "")
	rows := 20
	if in.Rows != nil {
		rows = *in.Rows
	}
	from := min(in.Start, len(found))
	results := []map[string]any{}
	for _, d := range found[from:min(from+rows, len(found))] {
		results = append(results, d.wire)
	}
	s.reply(w, http.StatusOK, map[string]any{"num_found": len(found), "results": results})
}
