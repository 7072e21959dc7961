package cbc

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
)

// OverrideID identifies a reputation override.
type OverrideID string

// OverrideList is the list that an override puts something on.
type OverrideList string

// The lists. An entry on the allow list outranks one on the ban list.
const (
	Banned  OverrideList = "BLACK_LIST"
	Allowed OverrideList = "WHITE_LIST"
)

// OverrideType says what an override recognizes files by.
type OverrideType string

// The types. Only hashes can be banned.
const (
	ByHash        OverrideType = "SHA256"
	ByCertificate OverrideType = "CERT"
	ByTool        OverrideType = "IT_TOOL"
)

// Override is an entry of the organization's own that outranks the vendor's judgement of a file. It takes effect on executables that
// are run or loaded, at the sensors' next check-ins; for documents and archives it is accepted and means nothing.
type Override struct {
	// ID, CreatedBy and CreateTime are the vendor's; Create ignores them.
	ID OverrideID `json:"id,omitzero"`
	// CreatedBy is a user's address or the id of an API key.
	CreatedBy  string       `json:"created_by,omitzero"`
	CreateTime time.Time    `json:"create_time,omitzero"`
	List       OverrideList `json:"override_list"`
	Type       OverrideType `json:"override_type"`
	// Description is free text.
	Description string `json:"description,omitzero"`
	// Hash is the SHA-256 of a ByHash entry, 64 hexadecimal digits. See [Override.SHA256] and [Override.For].
	Hash string `json:"sha256_hash,omitzero"`
	// FileName is a label of a ByHash entry; nothing is matched with it.
	FileName string `json:"filename,omitzero"`
	// SignedBy and CertificateAuthority are for ByCertificate.
	SignedBy             string `json:"signed_by,omitzero"`
	CertificateAuthority string `json:"certificate_authority,omitzero"`
	// Path and IncludeChildProcesses are for ByTool.
	Path                  string `json:"path,omitzero"`
	IncludeChildProcesses bool   `json:"include_child_processes,omitzero"`
}

// SHA256 is the hash of a ByHash entry.
func (o Override) SHA256() (hash [32]byte, ok bool) { return parseSHA256(o.Hash) }

// For tells whether the entry is about the hash itself, not one that only mentions it.
func (o Override) For(hash [32]byte) bool {
	h, ok := o.SHA256()
	return ok && h == hash && strings.EqualFold(string(o.Type), string(ByHash))
}

func (o Override) on(list OverrideList) bool { return strings.EqualFold(string(o.List), string(list)) }

// BanOf is the entry that bans a file, ready for [Reputation.Ban]. The file name is a label and may be empty.
func BanOf(hash [32]byte, fileName, description string) Override {
	return Override{List: Banned, Type: ByHash, Hash: hex.EncodeToString(hash[:]), FileName: fileName, Description: description}
}

// OverrideQuery says which overrides to search for. Everything is optional.
type OverrideQuery struct {
	List OverrideList
	Type OverrideType
	// Text is looked for in several members of an entry, taken literally by the vendor as far as is known. An entry that is found by a hash
	// may only mention it: see [Override.For].
	Text string
	// Rows is the size of a page. Defaults to 1,000.
	Rows int
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

// Search yields the overrides that q describes, oldest first. It yields at most one error, last. It needs org.reputations (READ).
//
//api:op POST /appservices/v6/orgs/{org_key}/reputations/overrides/_search
func (r *Reputation) Search(ctx context.Context, q OverrideQuery) iter.Seq2[Override, error] {
	if q.Rows < 0 || q.Rows > MaxRows {
		return func(yield func(Override, error) bool) {
			yield(Override{}, fmt.Errorf("cbc: reputation.search: Rows is %d: want 1 to %d", q.Rows, MaxRows))
		}
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
	call.Body = overrideSearch{
		Criteria: overrideCriteria{List: q.List, Type: q.Type}, Query: q.Text, Start: start, Rows: cmp.Or(q.Rows, overrideRows),
		SortField: "create_time", SortOrder: "asc", // new entries come last and move nothing between pages
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

// check refuses what the vendor refuses, or accepts without meaning.
func (o Override) check() error {
	const op = "cbc: reputation.create: "
	if o.List != Banned && o.List != Allowed {
		return fmt.Errorf(op+"%q is no list", o.List)
	}
	switch o.Type {
	case ByHash:
		if h, ok := o.SHA256(); !ok || h == [32]byte{} {
			return errors.New(op + "no SHA-256")
		}
		return nil
	case ByCertificate, ByTool:
		switch {
		case o.List == Banned:
			return errors.New(op + "only a hash can be banned")
		case o.Type == ByCertificate && o.SignedBy == "":
			return errors.New(op + "SignedBy is empty")
		case o.Type == ByTool && o.Path == "":
			return errors.New(op + "Path is empty")
		}
		return nil
	}
	return fmt.Errorf(op+"%q is no type", o.Type)
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
