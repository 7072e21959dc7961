package cbctest

import (
	"errors"
	"net/http"
	"slices"
)

// groupBody is the body of a call for the groups of a search. The range is how the vendor's SDK asks for groups of a limited
// duration; it is taken, and groups are as long as they are.
type groupBody struct {
	Fields            []string `json:"fields"`
	Rows              *int     `json:"rows"`
	Start             int      `json:"start"`
	MaxEventsPerGroup *int     `json:"max_events_per_group"`
	Range             *struct {
		Method   string `json:"method"`
		Duration string `json:"duration"`
		Field    string `json:"field"`
	} `json:"range"`
}

func (b groupBody) check() error {
	switch {
	case len(b.Fields) == 0 || slices.ContainsFunc(b.Fields, func(f string) bool { return !isFieldName(f) }):
		return errors.New("fields is empty or has a name that is no field")
	case b.Start < 0 || b.Start > maxRows || b.Rows != nil && (*b.Rows < 0 || *b.Rows > maxRows):
		return errors.New("start or rows is not between 0 and 10000")
	case b.MaxEventsPerGroup != nil && *b.MaxEventsPerGroup < 0:
		return errors.New("max_events_per_group is negative")
	}
	return nil
}

// group is the rows that have a value in common.
type group struct {
	key, value string
	first      string // device_timestamp of the oldest row
	last       string // and of the newest
	rows       []map[string]any
}

// groupObserved answers with the rows of the searchers that have answered, put into groups: those of the first field come
// first, each in the order of the search. Rows without the field are in no group.
func (s *Server) groupObserved(w http.ResponseWriter, r *http.Request) {
	var in groupBody
	if !s.decode(w, r, &in) {
		return
	}
	if err := in.check(); err != nil {
		s.badRequest(w, err.Error())
		return
	}
	j, ok := s.job(w, r, observedSearch)
	if !ok {
		return
	}
	var groups []*group
	seen := 0
	for _, field := range in.Fields {
		seen = 0
		for i, d := range j.counted {
			if !j.told(s.now(), i) || i < j.skip || i >= j.skip+j.keep {
				continue
			}
			seen++
			for _, value := range d.values(field) {
				groups = into(groups, field, value, d, j.rows[i])
			}
		}
	}
	results := []map[string]any{}
	for _, g := range in.page(groups) {
		rows := g.rows
		if in.MaxEventsPerGroup != nil {
			rows = rows[:min(*in.MaxEventsPerGroup, len(rows))]
		}
		results = append(results, map[string]any{
			"group_key": g.key, "group_value": g.value, "group_start_timestamp": g.first, "group_end_timestamp": g.last,
			"total_events": len(g.rows), "results": rows,
		})
	}
	answer := j.status(s.now())
	answer["group_results"], answer["groups_num_available"] = results, len(groups)
	answer["num_found"], answer["num_available"], answer["num_aggregated"] = seen, seen, seen
	answer["approximate_unaggregated"] = seen
	s.reply(w, http.StatusOK, answer)
}

// into puts a row into the group of a value.
func into(groups []*group, key, value string, d document, row map[string]any) []*group {
	at, _ := d.wire["device_timestamp"].(string)
	i := slices.IndexFunc(groups, func(g *group) bool { return g.key == key && g.value == value })
	if i < 0 {
		return append(groups, &group{key: key, value: value, first: at, last: at, rows: []map[string]any{row}})
	}
	g := groups[i]
	g.first, g.last, g.rows = min(g.first, at), max(g.last, at), append(g.rows, row)
	return groups
}

// page are the groups that are asked for.
func (b groupBody) page(groups []*group) []*group {
	rows := defaultRows
	if b.Rows != nil {
		rows = *b.Rows
	}
	groups = groups[min(b.Start, len(groups)):]
	return groups[:min(rows, len(groups))]
}
