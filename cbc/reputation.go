package cbc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
)

// OverrideQuery says which overrides to search for. Everything is optional.
type OverrideQuery struct {
	List OverrideList
	Type OverrideType
	// Text is looked for in several members of an entry, taken literally by the vendor as far as is known. An entry that is found by a hash
	// may only mention it: see [Override.For].
	Text string
	// Sort is the field to sort by, such as "override_type". Defaults to "create_time", upwards: new entries come last and move nothing
	// between pages.
	Sort string
	// Descending turns the order round.
	Descending bool
	// Rows is the size of a page. Defaults to 1,000.
	Rows int
}

// check refuses what can be no search.
func (q OverrideQuery) check() error {
	const op = "cbc: reputation.search: "
	switch {
	case q.Rows < 0 || q.Rows > MaxRows:
		return fmt.Errorf(op+"Rows is %d: want 1 to %d", q.Rows, MaxRows)
	case q.Sort != "" && !isFieldName(q.Sort):
		return fmt.Errorf(op+"Sort: %q is no field name", q.Sort)
	case q.List != "" && q.List != Banned && q.List != Allowed:
		return fmt.Errorf(op+"%q is no list", q.List)
	case q.Type != "" && q.Type != ByHash && q.Type != ByCertificate && q.Type != ByTool:
		return fmt.Errorf(op+"%q is no type", q.Type)
	}
	return nil
}

type overrideSearch struct {
	Criteria  overrideCriteria `json:"criteria"`
	Query     string           `json:"query,omitzero"`
	Start     int              `json:"start"` // from 0
	Rows      int              `json:"rows"`
	SortField string           `json:"sort_field"`
	SortOrder string           `json:"sort_order"`
}

type overrideCriteria struct {
	List OverrideList `json:"override_list,omitzero"`
	Type OverrideType `json:"override_type,omitzero"`
}

// overrideRows is the size of a page unless something else is asked for.
const overrideRows = 1000

// Reputation reads and changes reputation overrides.
type Reputation struct{ c *core }

// Search yields the overrides that q describes, oldest first unless q says another order. It yields at most one error, last. It needs org.reputations (READ).
//
//api:op POST /appservices/v6/orgs/{org_key}/reputations/overrides/_search
func (r *Reputation) Search(ctx context.Context, q OverrideQuery) iter.Seq2[Override, error] {
	if err := q.check(); err != nil {
		return func(yield func(Override, error) bool) { yield(Override{}, err) }
	}
	return r.after(ctx, q, nil, 0)
}

// after yields the overrides that q describes, beginning with a first page that was read already, if it was.
func (r *Reputation) after(ctx context.Context, q OverrideQuery, first []Override, total int) iter.Seq2[Override, error] {
	return pages("reputation.search", func(o Override) OverrideID { return o.ID }, func(seen int) ([]Override, int, error) {
		if seen == 0 && first != nil {
			return first, total, nil
		}
		return r.page(ctx, q, seen)
	})
}

func (r *Reputation) page(ctx context.Context, q OverrideQuery, start int) ([]Override, int, error) {
	call := r.c.call("reputation.search", http.MethodPost, "/appservices/v6/orgs/{org_key}/reputations/overrides/_search")
	order := "asc"
	if q.Descending {
		order = "desc"
	}
	call.Body = overrideSearch{
		Criteria: overrideCriteria{List: q.List, Type: q.Type}, Query: q.Text, Start: start, Rows: cmp.Or(q.Rows, overrideRows),
		SortField: cmp.Or(q.Sort, "create_time"), SortOrder: order,
	}
	call.Repeatable = true
	var answer listAnswer[Override]
	if err := r.c.do(ctx, call, &answer); err != nil {
		return nil, 0, err
	}
	for _, o := range answer.Results {
		if o.ID == "" {
			return nil, 0, answerError(call.Op, http.StatusOK, nil, errors.New("an override without an id"))
		}
	}
	return answer.page(call.Op)
}

// Get reads one override, [ErrNotFound] if there is none. It needs org.reputations (READ).
//
//api:op GET /appservices/v6/orgs/{org_key}/reputations/overrides/{override_id}
func (r *Reputation) Get(ctx context.Context, id OverrideID) (Override, error) {
	call := r.c.call("reputation.get", http.MethodGet, "/appservices/v6/orgs/{org_key}/reputations/overrides/{override_id}", string(id))
	call.Repeatable = true
	var override Override
	if err := r.c.do(ctx, call, &override); err != nil {
		return Override{}, err
	}
	if !strings.EqualFold(string(override.ID), string(id)) {
		return Override{}, answerError(call.Op, http.StatusOK, nil, fmt.Errorf("it is about override %q, not %q", printable(string(override.ID)), id))
	}
	return override, nil
}

// Create makes an override as it is, without looking for others: [Reputation.Ban] does. It is never repeated after an error that
// leaves open whether it was done, because a repetition may make a second entry. It needs org.reputations (CREATE).
//
//api:op POST /appservices/v6/orgs/{org_key}/reputations/overrides
func (r *Reputation) Create(ctx context.Context, override Override) (Override, error) {
	if err := override.check(); err != nil {
		return Override{}, err
	}
	override.ID, override.CreatedBy, override.CreateTime = "", "", time.Time{}
	override.Hash = strings.ToLower(override.Hash)
	call := r.c.call("reputation.create", http.MethodPost, "/appservices/v6/orgs/{org_key}/reputations/overrides")
	call.Body = override
	var made Override
	if err := r.c.do(ctx, call, &made); err != nil {
		return Override{}, err
	}
	switch {
	case made.ID == "":
		return Override{}, answerError(call.Op, http.StatusOK, nil, errors.New("an override without an id"))
	case override.Type == ByHash && made.Hash != "" && !strings.EqualFold(made.Hash, override.Hash):
		return Override{}, answerError(call.Op, http.StatusOK, nil, errors.New("it is about another hash"))
	}
	return made, nil
}

// Delete removes an override. One that is gone already is [ErrNotFound], which can also mean that an earlier attempt of this call
// removed it and its answer was lost. It needs org.reputations (DELETE).
//
//api:op DELETE /appservices/v6/orgs/{org_key}/reputations/overrides/{override_id}
func (r *Reputation) Delete(ctx context.Context, id OverrideID) error {
	call := r.c.call("reputation.delete", http.MethodDelete, "/appservices/v6/orgs/{org_key}/reputations/overrides/{override_id}", string(id))
	call.Repeatable = true
	return r.c.do(ctx, call, nil)
}
