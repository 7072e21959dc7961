package cbc

import "context"

// processFacets is where the counts of processes are.
//
//api:op GET /api/investigate/v2/orgs/{org_key}/processes/facet_jobs/{job_id}/results
func processFacets() jobKind {
	return jobKind{"processes.facets_", "/api/investigate/v2/orgs/{org_key}/processes/facet_jobs/{job_id}/results"}
}

// StartFacets begins to count and returns the job. It is repeated when its answer is lost, like [Processes.Start]. It needs
// org.search.events (CREATE).
//
//api:op POST /api/investigate/v2/orgs/{org_key}/processes/facet_jobs
func (p *Processes) StartFacets(ctx context.Context, q FacetQuery) (*FacetJob, error) {
	return p.c.facetJob(ctx, processFacets(), "/api/investigate/v2/orgs/{org_key}/processes/facet_jobs", q, anchor)
}

// FacetJob picks up a job of [Processes.StartFacets] by its id. It calls nobody.
func (p *Processes) FacetJob(id JobID) *FacetJob {
	return &FacetJob{ID: id, c: p.c, kind: processFacets()}
}

// Facets counts values in the records of processes: the cheap way to learn on which devices a hash was seen. Counts that are not
// complete come together with an [*IncompleteError]. It needs org.search.events (CREATE, READ).
func (p *Processes) Facets(ctx context.Context, q FacetQuery) (Facets, error) {
	job, err := p.StartFacets(ctx, q)
	if err != nil {
		return Facets{}, err
	}
	return job.counts(ctx, "processes.facets")
}
