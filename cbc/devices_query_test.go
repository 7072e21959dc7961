package cbc_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

var noon = time.Date(2025, 2, 11, 12, 0, 0, 0, time.UTC)

func TestDevicesSearchByEveryCriterion(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opDevices: {`{"results":[],"num_found":0}`}})
	for _, query := range []cbc.DeviceQuery{
		{
			IDs: []cbc.DeviceID{7}, Statuses: []string{"ACTIVE", "BYPASS"}, OS: []string{"LINUX"}, PolicyIDs: []cbc.PolicyID{88231}, ADGroupIDs: []int64{0},
			TargetPriorities: []string{"HIGH"}, DeploymentTypes: []string{"AWS"}, VirtualizationProviders: []string{"VMW_ESX"},
			CloudAccountIDs: []string{"1234"}, AutoScalingGroups: []string{"asg"}, VirtualPrivateClouds: []string{"vpc"},
			ContactedFrom: noon.In(time.FixedZone("CET", 3600)), ContactedUntil: noon.Add(time.Hour),
			NotSensorVersions: []string{"4.0.0.1"}, Sort: []cbc.DeviceSort{{Field: "name"}, {Field: "last_contact_time", Descending: true}}, Rows: 9999,
		},
		{ContactedWithin: 14 * 24 * time.Hour},
	} {
		for d, err := range client.Devices.Search(t.Context(), query) {
			t.Fatalf("Search yields %+v, %v", d, err)
		}
	}
	want := []map[string]any{
		{
			"criteria": map[string]any{
				"id": []any{7.0}, "status": []any{"ACTIVE", "BYPASS"}, "os": []any{"LINUX"}, "policy_id": []any{88231.0}, "ad_group_id": []any{0.0},
				"target_priority": []any{"HIGH"}, "deployment_type": []any{"AWS"}, "virtualization_provider": []any{"VMW_ESX"},
				"cloud_provider_account_id": []any{"1234"}, "auto_scaling_group_name": []any{"asg"}, "virtual_private_cloud_id": []any{"vpc"},
				"last_contact_time": map[string]any{"start": "2025-02-11T12:00:00.000Z", "end": "2025-02-11T13:00:00.000Z"},
			},
			"exclusions": map[string]any{"sensor_version": []any{"4.0.0.1"}}, "rows": 9999.0, "start": 1.0,
			"sort": []any{map[string]any{"field": "name", "order": "ASC"}, map[string]any{"field": "last_contact_time", "order": "DESC"}},
		},
		{
			"criteria": map[string]any{"status": []any{"ALL"}, "last_contact_time": map[string]any{"range": "-2w"}},
			"rows":     1000.0, "start": 1.0, "sort": []any{map[string]any{"field": "id", "order": "ASC"}},
		},
	}
	var got []map[string]any
	for _, r := range srv.Requests() {
		var body map[string]any
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		got = append(got, body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Search sent (-want +got):\n%s", diff)
	}
}

func TestDevicesSearchFindsByCriteria(t *testing.T) {
	t.Parallel()
	now := time.Now()
	world := devices(1, 2, 3, 4)
	world.Devices[0].Extra = map[string]any{"cloud_provider_account_id": "1234", "virtualization_provider": "VMW_ESX"}
	world.Devices[1].SensorVersion, world.Devices[1].Name = "4.0.0.1", "AAA"
	world.Devices[2].Offline, world.Devices[2].LastContact = true, now.Add(-72*time.Hour)
	world.Devices[3].OS = "LINUX"
	client := connect(t, cbctest.New(world).Client())
	for _, tt := range []struct {
		name  string
		query cbc.DeviceQuery
		want  []cbc.DeviceID
	}{
		{"cloud account", cbc.DeviceQuery{CloudAccountIDs: []string{"1234"}}, []cbc.DeviceID{1}},
		{"provider", cbc.DeviceQuery{VirtualizationProviders: []string{"VMW_ESX", "VirtualBox"}}, []cbc.DeviceID{1}},
		{"not a sensor version", cbc.DeviceQuery{NotSensorVersions: []string{"4.0.0.1"}}, []cbc.DeviceID{1, 3, 4}},
		{"contacted within a day", cbc.DeviceQuery{ContactedWithin: 24 * time.Hour}, []cbc.DeviceID{1, 2, 4}},
		{"contacted days ago", cbc.DeviceQuery{ContactedFrom: now.Add(-80 * time.Hour), ContactedUntil: now.Add(-40 * time.Hour)}, []cbc.DeviceID{3}},
		{"sorted", cbc.DeviceQuery{OS: []string{"WINDOWS"}, Sort: []cbc.DeviceSort{{Field: "name", Descending: true}}}, []cbc.DeviceID{3, 1, 2}},
		{"an expression", cbc.DeviceQuery{Query: cbc.Field("name").Prefix("AA")}, []cbc.DeviceID{2}},
		{"an expression for what no device has", cbc.DeviceQuery{Query: cbc.Or(cbc.Field("name").Prefix("AA"), cbc.Field("process_guid").Exists())}, []cbc.DeviceID{2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []cbc.DeviceID
			for d, err := range client.Devices.Search(t.Context(), tt.query) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, d.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Search mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeviceQueriesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opDevices: {`{"results":[],"num_found":0}`}})
	for want, query := range map[string]cbc.DeviceQuery{
		"a policy id is zero":              {PolicyIDs: []cbc.PolicyID{0}},
		"an empty value":                   {CloudAccountIDs: []string{""}},
		"go together":                      {ContactedUntil: noon},
		"exclude each other":               {ContactedFrom: noon, ContactedUntil: noon.Add(1), ContactedWithin: time.Hour},
		"ContactedFrom is not before":      {ContactedFrom: noon, ContactedUntil: noon},
		"whole seconds, at least one":      {ContactedWithin: -time.Hour},
		"ContactedWithin is 1.5s":          {ContactedWithin: 1500 * time.Millisecond},
		`Sort: "Name; drop" is no field`:   {Sort: []cbc.DeviceSort{{Field: "Name; drop"}}},
		"devices.search: Rows is 10000":    {Rows: 10000},
		"needs quotes":                     {Query: cbc.Field("name").AnyOf("AND")},
		"an expression that only excludes": {Query: cbc.Or(cbc.Field("name").AnyOf("a"), cbc.Not(cbc.Field("name").AnyOf("b")))},
		"a device id is zero or below":     {IDs: []cbc.DeviceID{1, 0}},
		"field \"name\": an empty value":   {Query: cbc.Field("name").Prefix("")},
		"cbc: query: \"N\" is no field n":  {Query: cbc.Field("N").Exists()},
	} {
		var last error
		for _, err := range client.Devices.Search(t.Context(), query) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), want) {
			t.Errorf("Search(%+v) = %v, want %q", query, last, want)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

func TestAnswersWithDevicesStayOutOfErrors(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{
		opDevice:  {`{"id":7,"name":"x","uninstall_code":"S3CR3T","name":"y"}`, `{"id":7,"uninstall_code":"S3CR3T"`, `{"id":8,"uninstall_code":"S3CR3T"}`},
		opDevices: {`{"results":[{"uninstall_code":"S3CR3T"}],"num_found":1}`},
	})
	check := func(err error) {
		t.Helper()
		e, ok := errors.AsType[*cbc.APIError](err)
		if !ok {
			t.Fatalf("%v, want an APIError", err)
		}
		if strings.Contains(err.Error()+string(e.Body), "S3CR3T") {
			t.Errorf("%v keeps %s", err, e.Body)
		}
	}
	for range 3 {
		_, err := client.Devices.Get(t.Context(), 7)
		check(err)
	}
	for _, err := range client.Devices.Search(t.Context(), cbc.DeviceQuery{}) {
		check(err)
	}
}
