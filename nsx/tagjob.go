package nsx

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/pphunt/pphunt/internal/rest"
)

// maxTargets is how many machines one operation of the manager takes, in both directions together: whether each counts by itself is not
// documented.
const maxTargets = 1000

// TagOperation puts one tag on machines, takes it from others, or both.
type TagOperation struct {
	// Tag is the tag.
	Tag Tag
	// AddTo are the machines that are to have it.
	AddTo []ExternalID
	// RemoveFrom are the machines that are not to have it.
	RemoveFrom []ExternalID
}

func (o TagOperation) check() error {
	problems := []error{o.Tag.check()}
	if len(o.AddTo)+len(o.RemoveFrom) == 0 {
		problems = append(problems, errors.New("no virtual machines"))
	}
	adding := make(map[ExternalID]bool)
	for _, id := range o.AddTo {
		problems = append(problems, checkID(id))
		adding[folded(id)] = true
	}
	for _, id := range o.RemoveFrom {
		problems = append(problems, checkID(id))
		if adding[folded(id)] {
			problems = append(problems, fmt.Errorf("the virtual machine %s is both to get the tag and to lose it", quoted(string(id))))
		}
	}
	return errors.Join(problems...)
}

// chunks cuts the operation into those that the manager takes, each machine once.
func (o TagOperation) chunks() []TagOperation {
	add, remove := unique(o.AddTo), unique(o.RemoveFrom)
	var out []TagOperation
	for len(add)+len(remove) > 0 {
		a := min(len(add), maxTargets)
		r := min(len(remove), maxTargets-a)
		out = append(out, TagOperation{Tag: o.Tag, AddTo: add[:a], RemoveFrom: remove[:r]})
		add, remove = add[a:], remove[r:]
	}
	return out
}

func unique(ids []ExternalID) []ExternalID {
	seen := make(map[ExternalID]bool)
	var out []ExternalID
	for _, id := range ids {
		if !seen[folded(id)] {
			seen[folded(id)] = true
			out = append(out, id)
		}
	}
	return out
}

// TagOperationID identifies an operation at the manager.
type TagOperationID string

// Start has the manager put a tag on many machines, or take it from them, and leaves their other tags alone, without the moment in
// which [PolicyVMs.AddTags] can lose somebody's. It returns when the manager has accepted that, which is before anything happened:
// see [TagJob.Wait]. The machines go out by the thousand, each thousand as an operation of its own under an id that is new.
//
// If a thousand is not accepted, those after it are not sent: the error says so, and the job, which is not nil then, is about those
// before it. Nothing is rolled back.
//
// It needs the right policy_vm_vm_tags. It is repeatable, because the id is new: what the manager has under it is this operation.
//
//api:op PUT /policy/api/v1/infra/tags/tag-operations/{operation-id}
func (t *Tags) Start(ctx context.Context, operation TagOperation) (*TagJob, error) {
	const op = "tags.start"
	if err := operation.check(); err != nil {
		return nil, fmt.Errorf("nsx: %s: %w", op, err)
	}
	job := &TagJob{at: t.at}
	chunks := operation.chunks()
	for i, chunk := range chunks {
		id := newOperationID()
		if err := t.put(ctx, op, id, chunk); err != nil {
			left := 0
			for _, rest := range chunks[i:] {
				left += len(rest.AddTo) + len(rest.RemoveFrom)
			}
			return job, fmt.Errorf("nsx: %s: %d of %d operations were accepted, %d virtual machines are left: %w", op, i, len(chunks), left, inner{err})
		}
		job.parts = append(job.parts, tagPart{id: id, targets: chunk})
	}
	return job, nil
}

// Job picks up operations by their ids, in another process too. It calls nobody: an operation that is not there shows with the first
// call, as [ErrNotFound].
func (t *Tags) Job(ids ...TagOperationID) *TagJob {
	job := &TagJob{at: t.at}
	for _, id := range ids {
		job.parts = append(job.parts, tagPart{id: id})
	}
	return job
}

// wireOperation is the vendor's form of an operation.
type wireOperation struct {
	Tag        Tag           `json:"tag"`
	AddTo      []wireTargets `json:"apply_to,omitempty"`
	RemoveFrom []wireTargets `json:"remove_from,omitempty"`
}

type wireTargets struct {
	Type string       `json:"resource_type"`
	IDs  []ExternalID `json:"resource_ids"`
}

func targets(ids []ExternalID) []wireTargets {
	if len(ids) == 0 {
		return nil
	}
	return []wireTargets{{Type: "VirtualMachine", IDs: ids}}
}

func (w wireOperation) operation() TagOperation {
	o := TagOperation{Tag: w.Tag}
	for _, t := range w.AddTo {
		o.AddTo = append(o.AddTo, t.IDs...)
	}
	for _, t := range w.RemoveFrom {
		o.RemoveFrom = append(o.RemoveFrom, t.IDs...)
	}
	return o
}

// put hands one operation over. The manager refuses an id that it has already, which happens if an answer was lost: then the
// operation is there. It can be there as well if the last answer was lost.
func (t *Tags) put(ctx context.Context, op string, id TagOperationID, o TagOperation) error {
	call := t.operationCall(op, "", id)
	call.Method, call.Body = http.MethodPut, wireOperation{Tag: o.Tag, AddTo: targets(o.AddTo), RemoveFrom: targets(o.RemoveFrom)}
	var answer wireOperation
	err := t.at.core.do(ctx, call, &answer)
	e, answered := errors.AsType[*APIError](err)
	taken := answered && takenAlready(e)
	open := err != nil && !errors.Is(err, ErrRateLimited) && (!answered || e.Retryable())
	if !taken && !open {
		return err
	}
	there, getErr := t.operation(ctx, op, id)
	switch {
	case getErr == nil && there.Tag == o.Tag:
		return nil
	case open && !errors.Is(getErr, ErrNotFound):
		return fmt.Errorf("nsx: the operation %s may be under way: %w", id, inner{err})
	}
	return err
}

// takenAlready tells the answers to an id that exists. Which one it is for operations is not documented.
func takenAlready(e *APIError) bool {
	return e.Is(ErrConflict) || slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound}, e.StatusCode) &&
		slices.Contains([]int{codeExists, codeStale1, codeStale2, codeStale3, codeStale4}, e.Code)
}

// operation reads what an operation was to do.
//
//api:op GET /policy/api/v1/infra/tags/tag-operations/{operation-id}
func (t *Tags) operation(ctx context.Context, op string, id TagOperationID) (TagOperation, error) {
	call := t.operationCall(op, "", id)
	call.Method = http.MethodGet
	var answer wireOperation
	if err := t.at.core.do(ctx, call, &answer); err != nil {
		return TagOperation{}, err
	}
	return answer.operation(), nil
}

func (t *Tags) operationCall(op, suffix string, id TagOperationID) rest.Call {
	call := t.at.call(op, "/tags/tag-operations/{operation-id}"+suffix, string(id))
	if t.at.vpc != "" {
		call = t.at.inVPC(op, "/tags/vpc-tag-operations/{operation-id}"+suffix, string(id))
	}
	call.Query, call.Repeatable = t.at.realized(), true
	return call
}

// newOperationID is a UUID of version 4.
func newOperationID() TagOperationID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return TagOperationID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}
