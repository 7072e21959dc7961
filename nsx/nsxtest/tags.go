package nsxtest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pphunt/pphunt/internal/fake"
)

// The longest scope and tag, in characters.
const (
	maxScope = 128
	maxTag   = 256
)

// requestTag is a tag in a request: null and missing mean empty.
type requestTag struct {
	Scope *string `json:"scope"`
	Tag   *string `json:"tag"`
}

// normal is the pair that is meant.
func (t requestTag) normal() Tag {
	var out Tag
	if t.Scope != nil {
		out.Scope = *t.Scope
	}
	if t.Tag != nil {
		out.Tag = *t.Tag
	}
	return out
}

// normalTags checks the tags of a request.
func normalTags(in []requestTag) ([]Tag, *problem) {
	var out []Tag
	for i, t := range in {
		n := t.normal()
		switch {
		case n == Tag{}:
			return nil, invalid(fmt.Sprintf("The field tags[%d] has neither scope nor tag.", i))
		case utf8.RuneCountInString(n.Scope) > maxScope:
			return nil, invalid(fmt.Sprintf("The field tags[%d].scope is longer than %d characters.", i, maxScope))
		case utf8.RuneCountInString(n.Tag) > maxTag:
			return nil, invalid(fmt.Sprintf("The field tags[%d].tag is longer than %d characters.", i, maxTag))
		case !slices.Contains(out, n):
			out = append(out, n)
		}
	}
	return out, nil
}

// body decodes a JSON body.
func body(r *http.Request, into any) *problem {
	err := fake.DecodeStrict(r, into)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fake.ErrContentType):
		return &problem{status: http.StatusUnsupportedMediaType, code: http.StatusUnsupportedMediaType, text: err.Error()}
	default:
		return &problem{status: http.StatusBadRequest, code: codeBadJSON, text: "Error while parsing the JSON request: " + err.Error()}
	}
}

// set replaces the tags of a machine, unless there are too many. The caller holds the lock.
func (s *Server) set(m *machine, tags []Tag, now time.Time) *problem {
	if len(tags) > s.tagLimit {
		return &problem{
			status: http.StatusBadRequest, code: codeInvalid, text: "The tags of the virtual machine could not be updated.",
			related: []problem{{
				status: http.StatusBadRequest, code: codeTagCount, text: "Too many tags.",
				details: fmt.Sprintf("tags, field %d count exceeds the maximum allowed", len(tags)),
			}},
		}
	}
	m.history = append(m.history, tagging{since: now, tags: tags})
	// All but the newest that groups and the search can already see are of no use any more.
	lag := max(s.groupLag, s.searchLag)
	for len(m.history) > 1 && !m.history[1].since.After(now.Add(-lag)) {
		m.history = m.history[1:]
	}
	return nil
}

// find returns a machine by its external id, exactly. The caller holds the lock.
func (s *Server) find(id string) *machine {
	for _, m := range s.inventory {
		if _, gone := s.away[id]; m.ExternalID == id && !gone && !m.ListedFrom.After(s.now()) {
			return m
		}
	}
	return nil
}

// union is a with what b has besides.
func union(a, b []Tag) []Tag {
	out := slices.Clone(a)
	for _, t := range b {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// difference is a without what b has.
func difference(a, b []Tag) []Tag {
	return slices.DeleteFunc(slices.Clone(a), func(t Tag) bool { return slices.Contains(b, t) })
}

// replacement is what update_tags does.
func replacement(_, b []Tag) []Tag { return slices.Clone(b) }

// tagAction serves the manager's actions on one machine.
func (s *Server) tagAction(change func(present, given []Tag) []Tag, merging bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if merging && (s.before("3.0") || s.switches.TagActionsFrom32 && s.before("3.2")) {
			s.unknownAction(w, r)
			return
		}
		var in struct {
			ID   *string       `json:"external_id"`
			Tags *[]requestTag `json:"tags"`
		}
		_, p := query(r, "action")
		if p == nil {
			p = body(r, &in)
		}
		if p == nil && (in.ID == nil || *in.ID == "" || in.Tags == nil) {
			p = invalid("The fields external_id and tags are required.")
		}
		if p == nil {
			p = s.retag(r, space{}, *in.ID, *in.Tags, change, merging)
		}
		if p != nil {
			refuse(w, p)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// retag changes the tags of one machine, or none of them.
func (s *Server) retag(r *http.Request, sp space, id string, given []requestTag, change func(present, given []Tag) []Tag, merging bool) *problem {
	if p := asynchronous(r); p != nil {
		return p
	}
	if p := s.mayWrite(r); p != nil {
		return p
	}
	tags, p := normalTags(given)
	if p != nil {
		return p
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(now)
	m := s.find(id)
	if m == nil || !sp.sees(m) {
		return missing("VirtualMachine", id)
	}
	after := change(m.tags(), tags)
	if merging && s.switches.RepeatedTagFails && len(after) == len(m.tags()) && len(tags) > 0 {
		return invalid("The tags are there already, or already absent.")
	}
	return s.set(m, after, now)
}

// asynchronous refuses a header that tag operations cannot have.
func asynchronous(r *http.Request) *problem {
	if strings.EqualFold(r.Header.Get("Vmw-Async"), "true") {
		return invalid("Tag operations cannot be asynchronous.")
	}
	return nil
}

// unknownAction answers to a POST without one of the actions.
func (s *Server) unknownAction(w http.ResponseWriter, r *http.Request) {
	refuse(w, invalid(fmt.Sprintf("The parameter action has the value %q, which is not known.", r.URL.Query().Get("action"))))
}

// replacePolicyTags serves the Policy call that replaces all tags of the machine in the path.
func (s *Server) replacePolicyTags(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID   *string       `json:"virtual_machine_id"` // ignored: the path says which
		Tags *[]requestTag `json:"tags"`
	}
	q, p := query(r, "enforcement_point_path")
	if p == nil {
		p = s.checkEnforcementPoint(q)
	}
	var sp space
	if p == nil {
		sp, p = s.space(r)
	}
	if p == nil {
		p = body(r, &in)
	}
	if p == nil && in.Tags == nil {
		p = invalid("The field tags is required.")
	}
	if p == nil {
		p = s.retag(r, sp, r.PathValue("external_id"), *in.Tags, replacement, false)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// replaceEnforcementPointTags serves the older Policy call, which breaks on a null id.
func (s *Server) replaceEnforcementPointTags(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID   *string       `json:"virtual_machine_id"`
		Tags *[]requestTag `json:"tags"`
	}
	_, p := query(r, "action")
	if p == nil {
		p = s.pathEnforcementPoint(r)
	}
	if p == nil {
		p = body(r, &in)
	}
	switch {
	case p != nil:
	case in.ID == nil:
		p = &problem{status: http.StatusInternalServerError, code: codeGeneral, module: "policy", text: "General error has occurred.", details: "java.lang.NullPointerException"}
	case in.Tags == nil:
		p = invalid("The field tags is required.")
	default:
		p = s.retag(r, space{}, *in.ID, *in.Tags, replacement, false)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
