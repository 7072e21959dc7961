package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDeleteOverrides is how many overrides one call deletes. The vendor publishes no limit.
const maxDeleteOverrides = 1000

// OverridesError says what went wrong for which overrides. The other overrides of the call are not concerned.
type OverridesError struct {
	// Op is the operation, such as "reputation.delete_many".
	Op string
	// IDs are the overrides, each of which may or may not be there still.
	IDs []OverrideID
	Err error
}

// Error names the overrides, the first ones of many.
func (e *OverridesError) Error() string {
	name := func(id OverrideID) string { return printable(string(id)) }
	return fmt.Sprintf("cbc: %s: override %s: %s", e.Op, firstOf(e.IDs, 3, name), unprefixed(e.Op, e.Err))
}

// Unwrap returns Err.
func (e *OverridesError) Unwrap() error { return e.Err }

// DeleteMany removes overrides, any number of them, in calls of a thousand; none is no call. It returns the ids of those that are gone by it.
// What failed is an [*OverridesError] for each override that the vendor names or does not mention, and one for all of a call that
// failed, joined. It is never repeated after an error that leaves open whether it was done: a repetition would report as failed
// what the first attempt removed. It needs org.reputations (DELETE).
//
//api:op POST /appservices/v6/orgs/{org_key}/reputations/overrides/_delete
func (r *Reputation) DeleteMany(ctx context.Context, ids ...OverrideID) ([]OverrideID, error) {
	const op = "reputation.delete_many"
	seen := make(map[OverrideID]bool, len(ids))
	var unique []OverrideID
	for _, id := range ids {
		if strings.TrimSpace(string(id)) == "" {
			return nil, fmt.Errorf("cbc: %s: an id is empty", op)
		}
		if !seen[id] {
			seen[id] = true
			unique = append(unique, id)
		}
	}
	var deleted []OverrideID
	var problems []error
	for chunk := range slices.Chunk(unique, maxDeleteOverrides) {
		gone, err := r.deleteChunk(ctx, op, chunk)
		deleted = append(deleted, gone...)
		problems = append(problems, err)
	}
	return deleted, errors.Join(problems...)
}

func (r *Reputation) deleteChunk(ctx context.Context, op string, ids []OverrideID) ([]OverrideID, error) {
	call := r.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/reputations/overrides/_delete")
	call.Body = ids
	var answer deletedAnswer
	result, err := r.c.send(ctx, call, &answer)
	if err != nil && result.Status == http.StatusNoContent {
		return slices.Clone(ids), nil // instead of naming them
	}
	if err != nil {
		return nil, &OverridesError{Op: op, IDs: slices.Clone(ids), Err: err}
	}
	reasons := answer.reasons()
	var deleted []OverrideID
	var problems []error
	for _, id := range ids {
		reason, failed := reasons[strings.ToLower(string(id))]
		switch {
		case failed:
			problems = append(problems, &OverridesError{Op: op, IDs: []OverrideID{id}, Err: reason})
		case slices.ContainsFunc(answer.Results, func(gone string) bool { return strings.EqualFold(gone, string(id)) }):
			deleted = append(deleted, id)
		default:
			problems = append(problems, &OverridesError{Op: op, IDs: []OverrideID{id}, Err: answerError(op, result.Status, nil, errors.New("it does not say what became of it"))})
		}
	}
	return deleted, errors.Join(problems...)
}

// deletedAnswer is the answer of a bulk deletion. The form of its errors is not documented.
type deletedAnswer struct {
	Results []string       `json:"results"`
	Errors  jsontext.Value `json:"errors"`
}

// reasons are the errors by the ids, in lower case, that they are about.
func (a deletedAnswer) reasons() map[string]error {
	reasons := make(map[string]error)
	for _, raw := range items(a.Errors) {
		if id, ok := scalar(raw); ok {
			reasons[strings.ToLower(id)] = errors.New("not deleted")
			continue
		}
		members, ok := object(raw)
		if !ok {
			continue
		}
		reason := errors.New("not deleted")
		if text := members.first("message", "error_message", "reason", "error", "error_code"); text != "" {
			reason = fmt.Errorf("not deleted: %s", printable(text))
		}
		if members.first("error_code") == "NOT_FOUND" {
			reason = fmt.Errorf("%w: %w", reason, ErrNotFound)
		}
		if id := members.first("id", "override_id", "resource_id"); id != "" {
			reasons[strings.ToLower(id)] = reason
		}
	}
	return reasons
}
