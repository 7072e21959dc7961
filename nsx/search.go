package nsx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pphunt/pphunt/internal/rest"
)

// VMSearch is what to look for in the index of the manager. All that is set must fit, and something must be. Case does not count.
type VMSearch struct {
	// DisplayName is the whole name in vCenter.
	DisplayName string
	// NamePrefix is how the name begins.
	NamePrefix string
	// ComputerName is the whole of what the guest calls itself.
	ComputerName string
	// Text is the whole content of any field, such as one of the UUIDs that a machine may have in the inventory.
	Text string
	// Tag is a tag that the machine has; one with an empty part asks for the other part alone.
	Tag Tag
	// ManagerIndex asks the index of the manager API. Defaults to that of the Policy API, which has machines from 4.1.2 on.
	ManagerIndex bool
	// PageSize is how many machines the manager sends at a time, at most 1000. Defaults to 1000. It is halved where the manager finds
	// an answer too large.
	PageSize int
}

// Search returns the machines that the index has, each once: the only way to ask for the beginning of a name, or for what a guest
// calls itself. They come page by page; the sequence asks for no page before it is needed and ends with its first error.
//
// An index is behind the inventory, by seconds or more: do not look in it for a tag that was just set, nor for a machine that was just
// made. While the manager builds it a search is repeated, like a call that found no manager.
//
// It needs the right to search.
//
//api:op GET /policy/api/v1/search/query
//api:op GET /api/v1/search/query
func (v *VirtualMachines) Search(ctx context.Context, q VMSearch) iter.Seq2[VirtualMachine, error] {
	return once(func(yield func(VirtualMachine, error) bool) {
		call := rest.Call{Op: "virtual_machines.search", Route: "/policy/api/v1/search/query"}
		if q.ManagerIndex {
			call.Route = routeManagerSearch
		}
		if err := q.check(); err != nil {
			yield(VirtualMachine{}, fmt.Errorf("nsx: %s: %w", call.Op, err))
			return
		}
		call.Query = url.Values{"query": {q.expression()}}
		how := vmPaging(q.PageSize)
		if how.size == 0 {
			how.size = maxPageSize
		}
		cursor, count := "", -1
		used := make(map[string]bool)
		for {
			p, err := onePage(ctx, v.core, call, how, cursor)
			if e, ok := errors.AsType[*APIError](err); ok && tooLarge(e.StatusCode, e.Code) && how.size > 1 {
				how.size /= 2
				continue
			}
			if err != nil {
				yield(VirtualMachine{}, err)
				return
			}
			for _, vm := range p.Results {
				if q.fits(vm) && !yield(vm, nil) {
					return
				}
			}
			if p.Count != nil {
				count = *p.Count // some releases tell it with the first page alone
			}
			// There is a cursor on the last page too: the number of the row after it.
			offset, err := strconv.Atoi(p.Cursor)
			if p.Cursor == "" || len(p.Results) == 0 || err == nil && count >= 0 && offset >= count {
				return
			}
			used[cursor] = true
			if cursor = p.Cursor; used[cursor] {
				yield(VirtualMachine{}, odd(call.Op, "the manager sent a cursor for the second time: the list is not complete"))
				return
			}
		}
	})
}

// routeManagerSearch is the index of the manager API.
const routeManagerSearch = "/api/v1/search/query"

func (q VMSearch) check() error {
	var problems []error
	if q.PageSize < 0 || q.PageSize > maxPageSize {
		problems = append(problems, fmt.Errorf("a page size of %d: it must be from 1 to %d", q.PageSize, maxPageSize))
	}
	texts := []string{q.DisplayName, q.NamePrefix, q.ComputerName, q.Text, q.Tag.Scope, q.Tag.Tag}
	if strings.TrimSpace(strings.Join(texts, "")) == "" {
		problems = append(problems, errors.New("nothing to look for"))
	}
	for _, text := range texts {
		if text != "" && strings.TrimSpace(text) == "" || strings.ContainsFunc(text, unicode.IsControl) {
			problems = append(problems, fmt.Errorf("%s cannot be looked for: it is empty, or has a control character", quoted(text)))
		}
	}
	return errors.Join(problems...)
}

// expression is the query in the language of the index.
func (q VMSearch) expression() string {
	terms := []string{"resource_type:VirtualMachine"}
	for _, t := range []struct{ field, value string }{
		{"display_name:", q.DisplayName},
		{"guest_info.computer_name:", q.ComputerName},
		{"tags.scope:", q.Tag.Scope},
		{"tags.tag:", q.Tag.Tag},
		{"", q.Text},
	} {
		if t.value != "" {
			terms = append(terms, t.field+wholeTerm(t.value))
		}
	}
	if q.NamePrefix != "" {
		terms = append(terms, "display_name:"+prefixTerm(q.NamePrefix))
	}
	return strings.Join(terms, " AND ")
}

// fits looks again at what the index found: it may cut texts into words.
func (q VMSearch) fits(vm VirtualMachine) bool {
	name := []rune(vm.DisplayName)
	prefix := len([]rune(q.NamePrefix))
	return (q.DisplayName == "" || strings.EqualFold(q.DisplayName, vm.DisplayName)) &&
		(q.ComputerName == "" || strings.EqualFold(q.ComputerName, vm.ComputerName)) &&
		(prefix == 0 || len(name) >= prefix && strings.EqualFold(q.NamePrefix, string(name[:prefix]))) &&
		(q.Tag == Tag{} || slices.ContainsFunc(vm.Tags, func(t Tag) bool {
			return (q.Tag.Scope == "" || strings.EqualFold(q.Tag.Scope, t.Scope)) && (q.Tag.Tag == "" || strings.EqualFold(q.Tag.Tag, t.Tag))
		}))
}

// wholeTerm is a value that must be all of a field. One with space in it, or one that is a word of the language, needs quotation marks.
func wholeTerm(value string) string {
	escaped := escapeTerm(value)
	if strings.ContainsFunc(value, unicode.IsSpace) || value == "AND" || value == "OR" || value == "NOT" {
		return `"` + escaped + `"`
	}
	return escaped
}

// prefixTerm is a value that a field begins with. Within quotation marks there are no wildcards, so space is any one character.
func prefixTerm(value string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '?'
		}
		return r
	}, escapeTerm(value)) + "*"
}

// escapeTerm makes text of the signs of the language.
func escapeTerm(value string) string {
	var b strings.Builder
	for _, r := range value {
		if strings.ContainsRune(`()[]+-=&|><!{}^~*?:/\"`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
