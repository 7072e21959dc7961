package cbc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

const (
	opDevice  = "GET /appservices/v6/orgs/{org_key}/devices/{device_id}"
	opDevices = "POST /appservices/v6/orgs/{org_key}/devices/_search"
	opAction  = "POST /appservices/v6/orgs/{org_key}/device_actions"
)

func devices(ids ...cbc.DeviceID) cbctest.World {
	world := cbctest.World{Policies: []cbctest.Policy{{ID: 88231, Name: "Standard"}, {ID: 88402, Name: "Contain", NoLiveResponse: true}}}
	for _, id := range ids {
		world.Devices = append(world.Devices, cbctest.Device{ID: int64(id), Name: fmt.Sprintf(`CORP\LAP-%d`, id)})
	}
	return world
}

func upTo(n int) []cbc.DeviceID {
	ids := make([]cbc.DeviceID, n)
	for i := range ids {
		ids[i] = cbc.DeviceID(i + 1)
	}
	return ids
}

func TestDevicesGet(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(devices(7, 8)).Client())
	got, err := client.Devices.Get(t.Context(), 7)
	if err != nil || got.ID != 7 || got.Host() != "lap-7" || got.PolicyID != 88231 || !got.LiveResponse() || got.Quarantined || got.LastContact.IsZero() {
		t.Errorf("Get(7) = %+v, %v", got, err)
	}
	if _, err := client.Devices.Get(t.Context(), 9); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Get(9) = %v, want ErrNotFound", err)
	}
	for _, id := range []cbc.DeviceID{0, -7} {
		if _, err := client.Devices.Get(t.Context(), id); err == nil || errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Get(%d) = %v, want an error that says that it is no id", id, err)
		}
	}
}

func TestDevicesSearchPagesFromOne(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(upTo(25)...))
	client := connect(t, srv.Client())
	var got []cbc.DeviceID
	for d, err := range client.Devices.Search(t.Context(), cbc.DeviceQuery{Rows: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.ID)
	}
	if diff := cmp.Diff(upTo(25), got); diff != "" {
		t.Errorf("Search mismatch (-want +got):\n%s", diff)
	}
	var starts []float64
	for _, r := range srv.Requests() {
		var body struct{ Start float64 }
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		starts = append(starts, body.Start)
	}
	if diff := cmp.Diff([]float64{1, 11, 21}, starts); diff != "" {
		t.Errorf("the pages begin at (-want +got):\n%s", diff)
	}
}

func TestDevicesSearchSendsWhatItSays(t *testing.T) {
	t.Parallel()
	sorted := []any{map[string]any{"field": "id", "order": "ASC"}}
	for _, tt := range []struct {
		name  string
		query cbc.DeviceQuery
		want  map[string]any
	}{
		{"nothing", cbc.DeviceQuery{}, map[string]any{
			"criteria": map[string]any{"status": []any{"ALL"}}, "rows": 1000.0, "start": 1.0, "sort": sorted,
		}},
		{"everything", cbc.DeviceQuery{
			IDs: []cbc.DeviceID{7}, Statuses: []string{"ACTIVE"}, OS: []string{"WINDOWS"}, PolicyIDs: []cbc.PolicyID{88231},
			TargetPriorities: []string{"HIGH"}, DeploymentTypes: []string{"VDI"}, Query: cbc.Field("name").Prefix("lap-04"), Rows: 5,
		}, map[string]any{
			"criteria": map[string]any{
				"id": []any{7.0}, "status": []any{"ACTIVE"}, "os": []any{"WINDOWS"}, "policy_id": []any{88231.0},
				"target_priority": []any{"HIGH"}, "deployment_type": []any{"VDI"},
			},
			"query": `name:lap\-04*`, "rows": 5.0, "start": 1.0, "sort": sorted,
		}},
		{"lists without elements", cbc.DeviceQuery{IDs: []cbc.DeviceID{}, OS: []string{}}, map[string]any{
			"criteria": map[string]any{"status": []any{"ALL"}}, "rows": 1000.0, "start": 1.0, "sort": sorted,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, srv := scripted(t, map[string][]string{opDevices: {`{"results":[],"num_found":0}`}})
			for d, err := range client.Devices.Search(t.Context(), tt.query) {
				t.Fatalf("Search yields %+v, %v", d, err)
			}
			var got map[string]any
			if err := json.Unmarshal(srv.Requests()[0].Body, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Search sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDevicesSearchFails(t *testing.T) {
	t.Parallel()
	device := func(id int) string { return fmt.Sprintf(`{"id":%d,"name":"x","status":"REGISTERED"}`, id) }
	for _, tt := range []struct {
		name    string
		query   cbc.DeviceQuery
		answers []string
		want    string
		is      error
	}{
		{name: "rows below zero", query: cbc.DeviceQuery{Rows: -1}, want: "Rows is -1"},
		{name: "rows beyond what a search reaches", query: cbc.DeviceQuery{Rows: 10000}, want: "Rows is 10000"},
		{name: "an id that is none", query: cbc.DeviceQuery{IDs: []cbc.DeviceID{0}}, want: "zero or below"},
		{name: "an expression with quotes", query: cbc.DeviceQuery{Query: cbc.Field("name").AnyOf("OR")}, want: "quotes"},
		{name: "an expression that only excludes", query: cbc.DeviceQuery{Query: cbc.Not(cbc.Field("name").AnyOf("a"))}, want: "only excludes"},
		{name: "a broken expression", query: cbc.DeviceQuery{Query: cbc.Field("name").AnyOf("")}, want: "empty value"},
		{name: "no results", answers: []string{`{}`}, want: "neither results nor num_found"},
		{name: "no total", answers: []string{`{"results":[]}`}, want: "no num_found"},
		{name: "a device without an id", answers: []string{`{"results":[{"name":"x"}],"num_found":1}`}, want: "without an id"},
		{name: "a page that is empty too early", answers: []string{`{"results":[` + device(1) + `],"num_found":2}`, `{"results":[],"num_found":2}`}, want: "1 of 2 came", is: cbc.ErrIncomplete},
		{name: "the same page for ever", answers: slices.Repeat([]string{`{"results":[` + device(1) + `],"num_found":3}`}, 3), want: "the same page", is: cbc.ErrIncomplete},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, srv := scripted(t, map[string][]string{opDevices: append(tt.answers, `{}`)})
			var last error
			for _, err := range client.Devices.Search(t.Context(), tt.query) {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), tt.want) || tt.is != nil && !errors.Is(last, tt.is) {
				t.Errorf("Search = %v, want an error that says %q", last, tt.want)
			}
			if tt.answers == nil && len(srv.Requests()) != 0 {
				t.Errorf("Search sent something")
			}
		})
	}
}

func TestDevicesSearchEndsWhereTheVendorEnds(t *testing.T) {
	t.Parallel()
	srv := fake.New(fake.Config{Name: "endless", URL: cbctest.URL})
	srv.Handle(opDevices, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Start, Rows int }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Start < 1 || body.Start+body.Rows > 10000 {
			http.Error(w, "start and rows go too far", http.StatusBadRequest)
			return
		}
		rows := make([]map[string]any, body.Rows)
		for i := range rows {
			rows[i] = map[string]any{"id": body.Start + i, "name": "x", "status": "REGISTERED"}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"results": rows, "num_found": 10100})
	})
	seen := 0
	var last error
	for _, err := range connect(t, srv.Client()).Devices.Search(t.Context(), cbc.DeviceQuery{}) {
		if last = err; err == nil {
			seen++
		}
	}
	if seen != 9999 || !errors.Is(last, cbc.ErrTruncated) {
		t.Errorf("Search yields %d devices and %v, want 9999 and ErrTruncated", seen, last)
	}
}

func TestDevicesByIDs(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(upTo(1500)...))
	client := connect(t, srv.Client())
	asked := append([]cbc.DeviceID{9001, 3}, upTo(1500)...)
	got, err := client.Devices.ByIDs(t.Context(), append(asked, 9002, 9001)...)
	var ids []cbc.DeviceID
	for _, d := range got {
		ids = append(ids, d.ID)
	}
	want := slices.Concat([]cbc.DeviceID{3, 1, 2}, upTo(1500)[3:])
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("ByIDs mismatch (-want +got):\n%s", diff)
	}
	missing, ok := errors.AsType[*cbc.DevicesError](err)
	if !ok || !errors.Is(err, cbc.ErrNotFound) || !slices.Equal(missing.IDs, []cbc.DeviceID{9001, 9002}) {
		t.Errorf("ByIDs = %v, want both missing ids named", err)
	}
	if want := "cbc: devices.by_ids: device 9001, 9002: not found"; err != nil && err.Error() != want {
		t.Errorf("ByIDs = %q, want %q", err, want)
	}
	if n := len(srv.Requests()); n != 2 {
		t.Errorf("ByIDs took %d calls, want 2", n)
	}
	if got, err := client.Devices.ByIDs(t.Context()); err != nil || len(got) != 0 || len(srv.Requests()) != 2 {
		t.Errorf("ByIDs() = %v, %v, want nothing and no call", got, err)
	}
}

func TestDevicesByIDsFailsForAChunk(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(upTo(1500)...))
	srv.FailNext(1, http.StatusForbidden)
	got, err := connect(t, srv.Client()).Devices.ByIDs(t.Context(), upTo(1500)...)
	failed, ok := errors.AsType[*cbc.DevicesError](err)
	if len(got) != 500 || !ok || len(failed.IDs) != 1000 || !errors.Is(err, cbc.ErrForbidden) || errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("ByIDs = %d devices, %v, want those of the second call and an error for those of the first", len(got), err)
	}
}
