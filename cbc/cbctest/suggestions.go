package cbctest

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// defaultSuggestions is how many suggestions are made unless the caller says otherwise.
const defaultSuggestions = 50

// suggest answers with fields that begin as the text does or, once it names a field, with that field's values.
func (s *Server) suggest(all func() []document) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, count, err := suggestQuery(r)
		if err != nil {
			s.badRequest(w, err.Error())
			return
		}
		weights := map[string]int{}
		field, prefix, named := strings.Cut(text, ":")
		for _, d := range all() {
			terms := d.fields()
			if named && prefix != "" {
				terms = d.values(field)
			} else {
				prefix = field
			}
			for _, term := range terms {
				if len(term) >= len(prefix) && strings.EqualFold(term[:len(prefix)], prefix) {
					weights[term]++
				}
			}
		}
		order := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
			return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b))
		})
		list := []map[string]any{}
		for _, term := range order[:min(count, len(order))] {
			list = append(list, map[string]any{
				"term": term, "weight": 100 * weights[term], "required_skus_all": []string{},
				"required_skus_some": []string{"defense", "threathunter"},
			})
		}
		s.reply(w, http.StatusOK, map[string]any{"suggestions": list})
	}
}

// suggestQuery reads what is typed so far and how many suggestions are wanted.
func suggestQuery(r *http.Request) (text string, count int, err error) {
	values, err := fake.Query(r, "suggest.q", "suggest.count")
	if err != nil {
		return "", 0, err
	}
	if text = values.Get("suggest.q"); text == "" {
		return "", 0, errors.New("the parameter suggest.q is missing")
	}
	count = defaultSuggestions
	if values.Has("suggest.count") {
		if count, err = strconv.Atoi(values.Get("suggest.count")); err != nil || count < 1 || count > maxRows {
			return "", 0, errors.New("suggest.count is not between 1 and " + strconv.Itoa(maxRows))
		}
	}
	return text, count, nil
}

// fields are the names of everything that a document can be found by.
func (d document) fields() []string {
	names := slices.Collect(maps.Keys(d.wire))
	for name := range d.hidden {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return len(d.values(name)) == 0 })
}
