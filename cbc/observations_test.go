package cbc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opObserve = "POST /api/investigate/v2/orgs/{org_key}/observations/search_jobs"
	opSeen    = "GET /api/investigate/v2/orgs/{org_key}/observations/search_jobs/{job_id}/results"
	opGroups  = "POST /api/investigate/v2/orgs/{org_key}/observations/search_jobs/{job_id}/group_results"
)

// observed is a world with n observations of one process, the even ones of an alert.
func observed(n int, sw cbctest.SearchSwitches) cbctest.World {
	world := fleet(1, sw)
	for i := range n {
		o := cbctest.Observation{
			ID: fmt.Sprintf("O-%d", i), Type: []string{"CB_ANALYTICS", "TAMPER"}[i%2], Description: "something", ProcessGUID: "G-1001",
			ScriptHashes: []string{third}, Time: time.Now().Add(-time.Duration(i+1) * time.Minute),
		}
		if i%2 == 0 {
			o.AlertIDs = []string{"A-1"}
		}
		world.Observations = append(world.Observations, o)
	}
	return world
}

func ids(observations []cbc.Observation) string {
	var all []string
	for _, o := range observations {
		all = append(all, string(o.ID))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestObservations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(observed(4, cbctest.SearchSwitches{}))
		client := connect(t, srv.Client())
		query := cbc.ObservationQuery{Query: cbc.Field("observation_type").AnyOf("TAMPER"), Sort: []cbc.Sort{{Field: "device_timestamp"}}}
		began := time.Now()
		found, err := gather(client.Observations.Search(t.Context(), query))
		if err != nil || ids(found) != "O-1 O-3" {
			t.Fatalf("Search = %s, %v, want two", ids(found), err)
		}
		wait(t, began, 900*time.Millisecond, 1400*time.Millisecond)
		if o := found[0]; o.ID != "O-3" || o.Type != "TAMPER" || o.GUID != "G-1001" || o.DeviceID != 1001 || !o.HasSHA256(hash(t, evil)) || !o.HasScriptSHA256(hash(t, third)) {
			t.Errorf("the oldest of them is %+v", o)
		}
		if n := count(operations(srv), opSeen); n > 5 {
			t.Errorf("it looked %d times", n)
		}
		found, err = gather(client.Observations.Details(t.Context(), "O-0", "O-9", "O-2"))
		if !errors.Is(err, cbc.ErrNotFound) || !strings.Contains(err.Error(), "O-9") || ids(found) != "O-0 O-2" {
			t.Errorf("Details = %s, %v, want two and ErrNotFound for O-9", ids(found), err)
		}
		found, err = gather(client.Observations.ByAlert(t.Context(), "A-1"))
		if err != nil || ids(found) != "O-0 O-2" || !slices.Equal(found[0].AlertIDs, []string{"A-1"}) {
			t.Errorf("ByAlert = %s, %v, want two", ids(found), err)
		}
		found, err = gather(client.Observations.ByAlert(t.Context(), "A-2"))
		if err != nil || len(found) != 0 {
			t.Errorf("ByAlert of an alert without observations = %s, %v, want none", ids(found), err)
		}
		facets, err := client.Observations.Facets(t.Context(), cbc.FacetQuery{Query: cbc.Field("device_id").AnyOf("1001"), Terms: []string{"observation_type"}})
		if err != nil || len(facets.Terms) != 1 {
			t.Fatalf("Facets = %+v, %v", facets, err)
		}
		want := []cbc.FacetValue{{ID: "CB_ANALYTICS", Name: "CB_ANALYTICS", Total: 2}, {ID: "TAMPER", Name: "TAMPER", Total: 2}}
		if diff := cmp.Diff(want, facets.Terms[0].Values); diff != "" {
			t.Errorf("Facets (-want +got):\n%s", diff)
		}
	})
}

func TestObservationJobsArePickedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(observed(3, cbctest.SearchSwitches{}))
		first := connect(t, srv.Client()).Observations
		query := cbc.ObservationQuery{Criteria: map[string][]string{"observation_type": {"CB_ANALYTICS", "TAMPER"}}, Rows: 2}
		search, err := first.Start(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		details, err := first.StartAlertDetails(t.Context(), "A-1")
		if err != nil {
			t.Fatal(err)
		}
		facets, err := first.StartFacets(t.Context(), cbc.FacetQuery{Criteria: query.Criteria, Terms: []string{"device_id"}})
		if err != nil {
			t.Fatal(err)
		}
		again := connect(t, srv.Client()).Observations
		job := again.Job(search.ID)
		if status, err := job.Wait(t.Context()); err != nil || !status.Truncated || status.Available != 2 {
			t.Errorf("Wait = %+v, %v, want two rows of more", status, err)
		}
		if found, err := gather(job.Results(t.Context())); err != nil || len(found) != 2 {
			t.Errorf("Results = %s, %v, want two", ids(found), err)
		}
		if found, err := gather(again.DetailJob(details.ID).Results(t.Context())); err != nil || ids(found) != "O-0 O-2" {
			t.Errorf("Results of details = %s, %v, want two", ids(found), err)
		}
		if counts, err := again.FacetJob(facets.ID).Results(t.Context()); err != nil || len(counts.Terms) != 1 {
			t.Errorf("Results of facets = %+v, %v", counts, err)
		}
		if _, err := gather(again.Search(t.Context(), query)); !errors.Is(err, cbc.ErrTruncated) {
			t.Errorf("Search = %v, want ErrTruncated", err)
		}
	})
}

func TestObservationGroups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, cbctest.New(observed(5, cbctest.SearchSwitches{})).Client())
		job, err := client.Observations.Start(t.Context(), cbc.ObservationQuery{Query: cbc.Field("device_id").AnyOf("1001")})
		if err != nil {
			t.Fatal(err)
		}
		groups, err := job.Groups(t.Context(), cbc.GroupQuery{Fields: []string{"observation_type"}, MaxEvents: 2})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range groups {
			got = append(got, fmt.Sprint(g.Field, " ", g.Value, " ", g.Total, " ", len(g.Observations), " ", g.Start.Before(g.End)))
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"observation_type CB_ANALYTICS 3 2 true", "observation_type TAMPER 2 2 true"}, got); diff != "" {
			t.Errorf("Groups (-want +got):\n%s", diff)
		}
		groups, err = job.Groups(t.Context(), cbc.GroupQuery{Fields: []string{"observation_type"}, Rows: 1})
		if !errors.Is(err, cbc.ErrTruncated) || len(groups) != 1 {
			t.Errorf("Groups = %d, %v, want one and ErrTruncated", len(groups), err)
		}
	})
	t.Run("answers that are odd", func(t *testing.T) {
		t.Parallel()
		for answer, want := range map[string]string{
			`{}`: "no group_results",
			`{"group_results":[{"group_key":"a","results":[{}]}]}`: "1 rows could not be read",
		} {
			client, _ := scripted(t, map[string][]string{opSeen: {page(0)}, opGroups: {answer}})
			if groups, err := client.Observations.Job("j").Groups(t.Context(), cbc.GroupQuery{Fields: []string{"a"}}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Groups of %s = %+v, %v, want an error that says %q", answer, groups, err, want)
			}
		}
	})
	t.Run("a search that comes to no end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			client := connect(t, cbctest.New(observed(5, cbctest.SearchSwitches{StuckHalfway: true})).Client())
			job, err := client.Observations.Start(t.Context(), cbc.ObservationQuery{Query: cbc.Field("device_id").AnyOf("1001")})
			if err != nil {
				t.Fatal(err)
			}
			groups, err := job.Groups(t.Context(), cbc.GroupQuery{Fields: []string{"observation_type"}})
			if !errors.Is(err, cbc.ErrIncomplete) || len(groups) == 0 {
				t.Errorf("Groups = %+v, %v, want what came and that it is incomplete", groups, err)
			}
		})
	})
}

func TestObservationsRefuseBeforeTheySend(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(observed(1, cbctest.SearchSwitches{}))
	o := connect(t, srv.Client()).Observations
	good := cbc.Field("a").AnyOf("1")
	for name, query := range map[string]cbc.ObservationQuery{
		"nothing":              {},
		"a broken expression":  {Query: cbc.Field("x").AnyOf("")},
		"too many rows":        {Query: good, Rows: 10001},
		"an order by no field": {Query: good, Sort: []cbc.Sort{{}}},
		"half a span":          {Query: good, End: time.Now()},
		"a span of nothing":    {Query: good, Start: time.UnixMilli(1), End: time.UnixMilli(1).Add(time.Microsecond)},
	} {
		if _, err := gather(o.Search(t.Context(), query)); err == nil {
			t.Errorf("Search with %s has no error", name)
		}
	}
	for name, query := range map[string]cbc.GroupQuery{
		"no field": {}, "a field that is none": {Fields: []string{"a b"}}, "too many rows": {Fields: []string{"a"}, Rows: 10001},
		"rows below zero": {Fields: []string{"a"}, Rows: -1}, "events below zero": {Fields: []string{"a"}, MaxEvents: -1},
	} {
		if _, err := o.Job("j").Groups(t.Context(), query); err == nil {
			t.Errorf("Groups with %s has no error", name)
		}
	}
	if _, err := gather(o.Details(t.Context())); err == nil {
		t.Error("Details of nothing has no error")
	}
	if _, err := o.StartDetails(t.Context(), "O-1", ""); err == nil {
		t.Error("StartDetails of an empty id has no error")
	}
	if _, err := gather(o.ByAlert(t.Context(), "")); err == nil {
		t.Error("ByAlert of nothing has no error")
	}
	if _, err := o.Facets(t.Context(), cbc.FacetQuery{}); err == nil {
		t.Error("Facets of nothing has no error")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestObservationsSendWhatTheySay(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opObserve: {`{"job_id":"j"}`}})
	if _, err := client.Observations.Start(t.Context(), cbc.ObservationQuery{Query: cbc.Not(cbc.Field("a").AnyOf("1"))}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(srv.Requests()[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"query": "observation_id:* AND NOT a:1", "rows": 10000.0, "start": 0.0, "time_range": map[string]any{"window": "-2w"},
		"fields": []any{"*", "process_cmdline", "process_start_time", "device_os", "device_policy"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Start sent (-want +got):\n%s", diff)
	}
}

func TestObservationsValidateAndSuggest(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(observed(1, cbctest.SearchSwitches{})).Client())
	if err := client.Observations.Validate(t.Context(), cbc.Field("observation_type").AnyOf("TAMPER")); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if err := client.Observations.Validate(t.Context(), cbc.Raw("a AND")); !errors.Is(err, cbc.ErrQuerySyntax) {
		t.Errorf("Validate of half an expression = %v, want ErrQuerySyntax", err)
	}
	list, err := client.Observations.Suggest(t.Context(), "observation_ty", 5)
	if err != nil || len(list) != 1 || list[0].Term != "observation_type" {
		t.Errorf("Suggest = %+v, %v, want observation_type", list, err)
	}
}
