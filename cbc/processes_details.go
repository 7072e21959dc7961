package cbc

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// maxDetails is how many processes are asked for in one job. How many the vendor takes is not documented; its own SDK asks for one.
const maxDetails = 100

// StartDetails asks for everything that is known about processes, and returns the job. How many processes the vendor takes at a
// time is not documented; a job keeps at most MaxRows rows. It is repeated when its answer is lost, like [Processes.Start]. It
// needs org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/processes/detail_jobs
func (p *Processes) StartDetails(ctx context.Context, guids ...ProcessGUID) (*RowJob[Process], error) {
	guids, err := checkIDs("processes.details_start", "process GUID", guids)
	if err != nil {
		return nil, err
	}
	body := struct {
		GUIDs []ProcessGUID `json:"process_guids"`
	}{guids}
	id, err := p.c.startJob(ctx, "processes.details_start", "/api/investigate/v2/orgs/{org_key}/processes/detail_jobs", body)
	if err != nil {
		return nil, err
	}
	job := p.DetailJob(id)
	job.waiting = started()
	return job, nil
}

// DetailJob picks up a job of [Processes.StartDetails] by its id. It calls nobody.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/processes/detail_jobs/{job_id}/results
func (p *Processes) DetailJob(id JobID) *RowJob[Process] {
	return &RowJob[Process]{
		ID: id, Rows: MaxRows, c: p.c, decode: decodeProcess,
		kind: jobKind{"processes.details_", "/api/investigate/v2/orgs/{org_key}/processes/detail_jobs/{job_id}/results"},
	}
}

// Details yields everything that is known about processes, those fields included that a search does not have. One process can have
// several rows. It yields at most one error, last: an [*IncompleteError] if rows may be missing, or an [ErrNotFound] that names
// the processes that the vendor does not know, or knows no more. It needs org.search.events (CREATE, READ).
func (p *Processes) Details(ctx context.Context, guids ...ProcessGUID) iter.Seq2[Process, error] {
	return details(ctx, "processes.details", "process GUID", guids, func(chunk ...ProcessGUID) (*RowJob[Process], error) {
		return p.StartDetails(ctx, chunk...)
	}, func(row Process) ProcessGUID { return row.GUID })
}

// details asks for records by their ids, some at a time, and tells which did not come.
func details[T any, K ~string](
	ctx context.Context, op, what string, ids []K, start func(...K) (*RowJob[T], error), id func(T) K,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		ids, err := checkIDs(op, what, ids)
		if err != nil {
			yield(none, err)
			return
		}
		var flaw error
		missing := make(map[K]bool, len(ids))
		for _, id := range ids {
			missing[id] = true
		}
		for chunk := range slices.Chunk(ids, maxDetails) {
			job, err := start(chunk...)
			if err != nil {
				yield(none, err)
				return
			}
			for row, err := range job.Results(ctx) {
				if !yield(row, err) || err != nil {
					return
				}
				delete(missing, id(row))
			}
			if err := job.waiting.flaw(op, job.ID); err != nil {
				flaw = err
			}
		}
		switch {
		case flaw != nil:
			yield(none, flaw) // what did not come may be what is missing
		case len(missing) > 0:
			yield(none, missingError(op, what, slices.DeleteFunc(ids, func(id K) bool { return !missing[id] })))
		}
	}
}

// missingError names what was asked for and did not come.
func missingError[K ~string](op, what string, missing []K) error {
	const shown = 10
	names := make([]string, 0, shown+1)
	for _, id := range missing[:min(len(missing), shown)] {
		names = append(names, printable(string(id)))
	}
	if len(missing) > shown {
		names = append(names, fmt.Sprintf("and %d more", len(missing)-shown))
	}
	return fmt.Errorf("cbc: %s: %s %s: %w", op, what, strings.Join(names, ", "), ErrNotFound)
}

// checkIDs drops repetitions and refuses what is no id.
func checkIDs[K ~string](op, what string, ids []K) ([]K, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("cbc: %s: no %s is given", op, what)
	}
	seen := make(map[K]bool, len(ids))
	unique := make([]K, 0, len(ids))
	for _, id := range ids {
		if err := checkID(op, what, id); err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			unique = append(unique, id)
		}
	}
	return unique, nil
}

// checkID refuses an empty id.
func checkID[K ~string](op, what string, id K) error {
	if strings.TrimSpace(string(id)) == "" {
		return fmt.Errorf("cbc: %s: a %s is empty", op, what)
	}
	return nil
}
