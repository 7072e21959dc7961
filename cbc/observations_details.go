package cbc

import (
	"context"
	"iter"
)

// StartDetails asks for everything that is known about observations, and returns the job. How many the vendor takes at a time is not
// documented. It is repeated when its answer is lost, like [Processes.Start]. It needs org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/observations/detail_jobs
func (o *Observations) StartDetails(ctx context.Context, ids ...ObservationID) (*RowJob[Observation], error) {
	ids, err := checkIDs("observations.details_start", "observation id", ids)
	if err != nil {
		return nil, err
	}
	return o.startDetails(ctx, struct {
		IDs []ObservationID `json:"observation_ids"`
	}{ids})
}

// StartAlertDetails is StartDetails for the observations of an alert.
func (o *Observations) StartAlertDetails(ctx context.Context, alert AlertID) (*RowJob[Observation], error) {
	if err := checkID("observations.details_start", "alert id", alert); err != nil {
		return nil, err
	}
	return o.startDetails(ctx, struct {
		Alert AlertID `json:"alert_id"`
	}{alert})
}

func (o *Observations) startDetails(ctx context.Context, body any) (*RowJob[Observation], error) {
	id, err := o.c.startJob(ctx, "observations.details_start", "/api/investigate/v2/orgs/{org_key}/observations/detail_jobs", body)
	if err != nil {
		return nil, err
	}
	job := o.DetailJob(id)
	job.waiting = started()
	return job, nil
}

// DetailJob picks up a job of [Observations.StartDetails] or [Observations.StartAlertDetails] by its id. It calls nobody.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/observations/detail_jobs/{job_id}/results
func (o *Observations) DetailJob(id JobID) *RowJob[Observation] {
	return &RowJob[Observation]{
		ID: id, Rows: MaxRows, c: o.c, decode: decodeObservation,
		kind: jobKind{"observations.details_", "/api/investigate/v2/orgs/{org_key}/observations/detail_jobs/{job_id}/results"},
	}
}

// Details yields everything that is known about observations. It yields at most one error, last: an [*IncompleteError] if rows may be
// missing, or an [ErrNotFound] that names the observations that the vendor does not know, or knows no more. It needs
// org.search.events (CREATE, READ).
func (o *Observations) Details(ctx context.Context, ids ...ObservationID) iter.Seq2[Observation, error] {
	return details(ctx, "observations.details", "observation id", ids, func(chunk ...ObservationID) (*RowJob[Observation], error) {
		return o.StartDetails(ctx, chunk...)
	}, func(row Observation) ObservationID { return row.ID })
}

// ByAlert yields everything that is known about the observations of an alert; there may be none. It yields at most one error, last.
// It needs org.search.events (CREATE, READ).
func (o *Observations) ByAlert(ctx context.Context, alert AlertID) iter.Seq2[Observation, error] {
	return func(yield func(Observation, error) bool) {
		job, err := o.StartAlertDetails(ctx, alert)
		if err != nil {
			yield(Observation{}, err)
			return
		}
		job.all(ctx, "observations.by_alert", yield)
	}
}

// observationFacets is where the counts of observations are.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/observations/facet_jobs/{job_id}/results
func observationFacets() jobKind {
	return jobKind{"observations.facets_", "/api/investigate/v2/orgs/{org_key}/observations/facet_jobs/{job_id}/results"}
}

// StartFacets begins to count and returns the job. It is repeated when its answer is lost, like [Processes.Start]. It needs
// org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/observations/facet_jobs
func (o *Observations) StartFacets(ctx context.Context, q FacetQuery) (*FacetJob, error) {
	return o.c.facetJob(ctx, observationFacets(), "/api/investigate/v2/orgs/{org_key}/observations/facet_jobs", q, observationAnchor)
}

// FacetJob picks up a job of [Observations.StartFacets] by its id. It calls nobody.
func (o *Observations) FacetJob(id JobID) *FacetJob {
	return &FacetJob{ID: id, c: o.c, kind: observationFacets()}
}

// Facets counts values in observations. Counts that are not complete come together with an [*IncompleteError]. It needs
// org.search.events (CREATE, READ).
func (o *Observations) Facets(ctx context.Context, q FacetQuery) (Facets, error) {
	job, err := o.StartFacets(ctx, q)
	if err != nil {
		return Facets{}, err
	}
	return job.counts(ctx, "observations.facets")
}
