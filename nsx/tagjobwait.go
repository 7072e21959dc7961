package nsx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// How a job is watched.
const (
	firstPoll = 500 * time.Millisecond
	lastPoll  = 15 * time.Second
)

// TagJob is one or more operations that were started. The manager has no way to cancel one. A TagJob never changes and is safe for
// concurrent use.
type TagJob struct {
	at    place
	parts []tagPart
}

type tagPart struct {
	id      TagOperationID
	targets TagOperation // empty if the job was picked up
}

// IDs pick the job up again with [Tags.Job].
func (j *TagJob) IDs() []TagOperationID {
	ids := make([]TagOperationID, len(j.parts))
	for i, part := range j.parts {
		ids[i] = part.id
	}
	return ids
}

// OperationState is how far an operation is. Unknown states are kept as they come and count as unfinished.
type OperationState string

// The states. The last two are final.
const (
	OperationPending OperationState = "Pending"
	OperationRunning OperationState = "Running"
	OperationSuccess OperationState = "Success"
	OperationError   OperationState = "Error"
)

// Final tells whether nothing more happens.
func (s OperationState) Final() bool { return s == OperationSuccess || s == OperationError }

// TagStatus is how far one operation is.
type TagStatus struct {
	ID    TagOperationID
	State OperationState
	Tag   Tag
	// Results are those of the machines that the manager says something of.
	Results []TagResult
}

// TagResult is what became of one machine.
type TagResult struct {
	VM   ExternalID
	Name string
	// Removed tells that the tag was to be removed; otherwise it was to be added.
	Removed bool
	// Done tells that it was.
	Done bool
	// Details say why it was not.
	Details string
}

// TagResultError is the failure of one machine in a job.
type TagResultError struct {
	Result TagResult
	// Operation is the operation that it was part of.
	Operation TagOperationID
}

// Error names the machine.
func (e *TagResultError) Error() string {
	verb := "tagging"
	if e.Result.Removed {
		verb = "untagging"
	}
	text := fmt.Sprintf("nsx: tags.wait: %s the virtual machine %s", verb, quoted(string(e.Result.VM)))
	if e.Result.Name != "" {
		text += fmt.Sprintf(" (%s)", quoted(e.Result.Name))
	}
	details := oneLine(e.Result.Details)
	if details == "" {
		details = "the manager does not say why it failed"
	}
	return text + ": " + details
}

// UnfinishedError says that a job was not finished when the context ended, or when the manager could not be asked any more. It goes on at
// the manager's.
type UnfinishedError struct {
	// Operations are those that are not finished, of All.
	Operations []TagOperationID
	All        int
	// Err is why nobody waits any more.
	Err error
}

// Error gives the numbers.
func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("nsx: tags.wait: %d of %d operations are not finished: %v", len(e.Operations), e.All, e.Err)
}

// Unwrap returns why nobody waits any more.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Status looks once, at each operation of the job.
//
//api:op GET /policy/api/v1/infra/tags/tag-operations/{operation-id}/status
func (j *TagJob) Status(ctx context.Context) ([]TagStatus, error) {
	out := make([]TagStatus, 0, len(j.parts))
	for _, part := range j.parts {
		s, err := j.status(ctx, "tags.status", part.id)
		if err != nil {
			return out, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Wait looks at once and then with growing pauses until the job is finished, and returns what became of each machine. Machines that
// failed are in the error too, each as a [*TagResultError], all joined; the others have what they were to have. When ctx ends first,
// the results are those that are known, and the error is an [*UnfinishedError] as well as that of ctx. So it is when the manager cannot be
// asked any more, after all attempts.
//
// It needs the right policy_vm_vm_tags (read).
//
//api:op GET /policy/api/v1/infra/tags/tag-operations/{operation-id}/status
func (j *TagJob) Wait(ctx context.Context) ([]TagResult, error) {
	var results []TagResult
	var failures []error
	open := slices.Clone(j.parts)
	for pause := firstPoll; ; pause = min(pause*3/2, lastPoll) {
		var still []tagPart
		for i, part := range open {
			s, err := j.status(ctx, "tags.wait", part.id)
			switch {
			case err != nil && (ctx.Err() != nil || unheard(err)):
				return results, errors.Join(append(failures, unfinished(append(still, open[i:]...), len(j.parts), err))...)
			case err != nil:
				failures = append(failures, fmt.Errorf("nsx: tags.wait: operation %s: %w", part.id, inner{err}))
			case !s.State.Final():
				still = append(still, part)
			default:
				done, err := j.finish(ctx, part, s)
				results = append(results, done...)
				failures = append(failures, err)
			}
		}
		if open = still; len(open) == 0 {
			return results, errors.Join(failures...)
		}
		if err := sleep(ctx, spread(pause)); err != nil {
			return results, errors.Join(append(failures, unfinished(open, len(j.parts), err))...)
		}
	}
}

// unheard tells whether an error leaves open how far an operation is, because the manager did not get to answer.
func unheard(err error) bool {
	e, answered := errors.AsType[*APIError](err)
	return !answered || errors.Is(err, ErrRateLimited) || e.StatusCode/100 == 5 && e.Retryable()
}

func unfinished(parts []tagPart, all int, err error) error {
	e := &UnfinishedError{All: all, Err: inner{err}}
	for _, part := range parts {
		e.Operations = append(e.Operations, part.id)
	}
	return e
}

// finish returns the results of an operation that is finished. Those of machines that the manager says nothing of are those of the
// whole.
func (j *TagJob) finish(ctx context.Context, part tagPart, s TagStatus) ([]TagResult, error) {
	results := s.Results
	if part.targets.Tag == (Tag{}) {
		var err error
		if part.targets, err = (&Tags{j.at}).operation(ctx, "tags.wait", part.id); err != nil && s.State == OperationError {
			return results, errors.Join(failed(part.id, results), fmt.Errorf("nsx: tags.wait: operation %s failed, and what it was to do cannot be read: %w", part.id, inner{err}))
		}
	}
	type key struct {
		vm      ExternalID
		removed bool
	}
	told := make(map[key]bool)
	for _, r := range results {
		told[key{folded(r.VM), r.Removed}] = true
	}
	add := func(ids []ExternalID, removed bool) {
		for _, id := range ids {
			if told[key{folded(id), removed}] {
				continue
			}
			r := TagResult{VM: id, Removed: removed, Done: s.State == OperationSuccess}
			if !r.Done {
				r.Details = "the operation failed, and the manager does not say what became of this one"
			}
			results = append(results, r)
		}
	}
	add(part.targets.AddTo, false)
	add(part.targets.RemoveFrom, true)
	err := failed(part.id, results)
	if err == nil && s.State == OperationError {
		err = fmt.Errorf("nsx: tags.wait: operation %s failed, though no virtual machine of it did", part.id)
	}
	return results, err
}

func failed(id TagOperationID, results []TagResult) error {
	var failures []error
	for _, r := range results {
		if !r.Done {
			failures = append(failures, &TagResultError{Result: r, Operation: id})
		}
	}
	return errors.Join(failures...)
}

// wireStatus is the vendor's form of a status.
type wireStatus struct {
	State      OperationState `json:"status"`
	Tag        Tag            `json:"tag"`
	AddTo      []wireResults  `json:"apply_to"`
	RemoveFrom []wireResults  `json:"remove_from"`
}

type wireResults struct {
	Results []struct {
		ID      ExternalID     `json:"resource_id"`
		Name    string         `json:"resource_display_name"`
		State   OperationState `json:"tag_status"`
		Details string         `json:"details"`
	} `json:"resource_tag_status"`
}

// results are what is said of machines. One without a state of its own is as the whole is.
func (w wireStatus) results() []TagResult {
	var out []TagResult
	for removed, lists := range [][]wireResults{w.AddTo, w.RemoveFrom} {
		for _, list := range lists {
			for _, r := range list.Results {
				if r.ID != "" {
					out = append(out, TagResult{VM: r.ID, Name: r.Name, Removed: removed == 1, Done: cmp.Or(r.State, w.State) == OperationSuccess, Details: r.Details})
				}
			}
		}
	}
	return out
}

func (j *TagJob) status(ctx context.Context, op string, id TagOperationID) (TagStatus, error) {
	call := (&Tags{j.at}).operationCall(op, "/status", id)
	call.Method = http.MethodGet
	var w wireStatus
	if err := j.at.core.do(ctx, call, &w); err != nil {
		return TagStatus{}, err
	}
	if w.State == "" {
		return TagStatus{}, odd(op, "not the documented answer: it does not say how far the operation is")
	}
	return TagStatus{ID: id, State: w.State, Tag: w.Tag, Results: w.results()}, nil
}
