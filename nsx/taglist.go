package nsx

import (
	"context"
	"fmt"
	"iter"
	"net/url"
)

// Tags lists the tags in use in one [Space], and puts a tag on many machines at once. It is safe for concurrent use.
type Tags struct {
	at place
}

// TagQuery chooses tags. All that is set must fit; the zero value is all tags. A pattern is a whole text, or "x*" for texts that begin
// with x, "*x" for those that end with it, and "*x*" for those that have it in them.
type TagQuery struct {
	// Scope is a pattern for the scope. There is none for "no scope".
	Scope string
	// Tag is a pattern for the value.
	Tag string
	// Source is where tags come from, in the vendor's words. Defaults to all.
	Source string
	// PageSize is how many tags the manager sends at a time, at most 1000. Defaults to the manager's own, 1000.
	PageSize int
}

// TagUse is a tag with the number of objects that carry it.
type TagUse struct {
	Tag
	// Objects is how many carry it: machines, and also segments, groups and whatever else can.
	Objects int
}

// List returns the tags in use that fit. A tag exists for as long as an object carries it: one that is missing may still be named by
// a group. They come page by page; the sequence asks for no page before it is needed and ends with its first error.
//
// It needs the right policy_vm_vm_tags (read).
//
//api:op GET /policy/api/v1/infra/tags
func (t *Tags) List(ctx context.Context, q TagQuery) iter.Seq2[TagUse, error] {
	call := t.at.call("tags.list", "/tags")
	call.Query = setNonEmpty(url.Values{}, "scope", q.Scope, "tag", q.Tag, "source", q.Source)
	type row struct {
		Scope   string `json:"scope"`
		Tag     string `json:"tag"`
		Objects int    `json:"tagged_objects_count"`
	}
	how := paging[row]{what: "a tag", valid: func(row) bool { return true }, size: q.PageSize}
	return func(yield func(TagUse, error) bool) {
		for r, err := range rows(ctx, t.at.core, call, how) {
			if !yield(TagUse{Tag: Tag{Scope: r.Scope, Tag: r.Tag}, Objects: r.Objects}, err) {
				return
			}
		}
	}
}

// TaggedObject is what carries a tag.
type TaggedObject struct {
	// Type is its kind, "VirtualMachine" for a machine. Unknown kinds are kept as they come.
	Type string
	// Name is its name.
	Name string
	// ID is its id, for a machine the external id. See [TaggedObject.VM].
	ID string
	// Path is where the Policy API has it; empty for machines.
	Path Path
}

// VM returns the id of a machine, and whether the object is one.
func (o TaggedObject) VM() (ExternalID, bool) {
	return ExternalID(o.ID), o.Type == "VirtualMachine" && o.ID != ""
}

// Carriers returns the objects that carry a tag. A tag that nothing carries is no error. They come page by page; the sequence asks
// for no page before it is needed and ends with its first error.
//
// It needs the right policy_vm_vm_tags (read).
//
//api:op GET /policy/api/v1/infra/tags/effective-resources
func (t *Tags) Carriers(ctx context.Context, tag Tag) iter.Seq2[TaggedObject, error] {
	return func(yield func(TaggedObject, error) bool) {
		const op = "tags.carriers"
		if err := tag.check(); err != nil {
			yield(TaggedObject{}, fmt.Errorf("nsx: %s: %w", op, err))
			return
		}
		call := t.at.call(op, "/tags/effective-resources")
		// Both are sent though one is empty: without the scope the manager might mean any.
		call.Query = url.Values{"scope": {tag.Scope}, "tag": {tag.Tag}}
		type row struct {
			Type string `json:"target_type"`
			Name string `json:"target_display_name"`
			ID   string `json:"target_id"`
			Path Path   `json:"path"`
		}
		how := paging[row]{what: "a tagged object", valid: func(r row) bool { return r.ID != "" || r.Path != "" }}
		for r, err := range rows(ctx, t.at.core, call, how) {
			if !yield(TaggedObject(r), err) {
				return
			}
		}
	}
}
