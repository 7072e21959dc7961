package cbc_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opExport = "POST /appservices/v6/orgs/{org_key}/devices/_export"
	opFacet  = "POST /appservices/v6/orgs/{org_key}/devices/_facet"
)

func TestDevicesExport(t *testing.T) {
	t.Parallel()
	for _, redirects := range []bool{false, true} {
		t.Run(fmt.Sprintf("answered by a redirect: %v", redirects), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				world := devices(7, 8, 9)
				world.Devices[1].Quarantined = true
				world.Devices[2].OS = "LINUX"
				world.Switches.Devices.ExportRedirects = redirects
				world.Switches.Jobs.Progress = "early"
				client := connect(t, cbctest.New(world).Client())
				job, err := client.Devices.Export(t.Context(), cbc.DeviceQuery{OS: []string{"WINDOWS"}, Rows: 1})
				if err != nil {
					t.Fatal(err)
				}
				file, err := client.Jobs.Job(job.ID).Download(t.Context()) // as another process would
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				var got []cbc.Device
				for row, err := range cbc.DeviceRows(file) {
					if err != nil {
						t.Fatal(err)
					}
					device, err := row.Device()
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, cbc.Device{ID: device.ID, Name: device.Name, OS: device.OS, Quarantined: device.Quarantined})
				}
				want := []cbc.Device{{ID: 7, Name: `CORP\LAP-7`, OS: "WINDOWS"}, {ID: 8, Name: `CORP\LAP-8`, OS: "WINDOWS", Quarantined: true}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("export mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestDevicesExportFails(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opExport: {
		`{"id":"12077","type":"ENDPOINTS","status":"IN_PROGRESS"}`, `{"status":"IN_PROGRESS"}`, `303 `, `403 {}`,
	}})
	job, err := client.Devices.Export(t.Context(), cbc.DeviceQuery{Sort: []cbc.DeviceSort{{Field: "name"}}, NotSensorVersions: []string{"1"}})
	if err != nil || job.ID != 12077 {
		t.Errorf("Export = %+v, %v", job, err)
	}
	want := `{"criteria":{"status":["ALL"]},"exclusions":{"sensor_version":["1"]},"sort":[{"field":"name","order":"ASC"}],"format":"CSV"}`
	if got := string(srv.Requests()[0].Body); got != want {
		t.Errorf("Export sent %s, want %s", got, want)
	}
	for _, want := range []string{"200 OK: not the documented answer: a job without an id", "303 See Other: not the documented answer: a job without an id", "403"} {
		if job, err := client.Devices.Export(t.Context(), cbc.DeviceQuery{}); job != nil || err == nil || !strings.Contains(err.Error(), "cbc: devices.export: "+want) {
			t.Errorf("Export = %v, %v, want %q", job, err, want)
		}
	}
	if job, err := client.Devices.Export(t.Context(), cbc.DeviceQuery{IDs: []cbc.DeviceID{0}}); job != nil || err == nil || len(srv.Requests()) != 4 {
		t.Errorf("Export of an id that is none = %v, %v", job, err)
	}
}

func TestDevicesExportOfAFailedJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := devices(7)
		world.Switches.Jobs.Fail = true
		job, err := connect(t, cbctest.New(world).Client()).Devices.Export(t.Context(), cbc.DeviceQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if file, err := job.Download(t.Context()); file != nil || !errors.Is(err, cbc.ErrJobFailed) {
			t.Errorf("Download = %v, %v, want ErrJobFailed", file, err)
		}
	})
}

func TestServiceJobsOfTheFake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := devices(7)
		world.Switches.Jobs.Progress = "stuck"
		client := connect(t, cbctest.New(world).Client())
		job, err := client.Devices.Export(t.Context(), cbc.DeviceQuery{})
		if err != nil {
			t.Fatal(err)
		}
		info, err := job.Wait(t.Context())
		if err != nil || info.Status != cbc.ServiceJobCompleted || info.Progress.Completed != 0 || info.Type != "ENDPOINTS" || info.Created.IsZero() {
			t.Errorf("Wait = %+v, %v, want a completed job whatever its numbers", info, err)
		}
		listed, err := client.Jobs.List(t.Context())
		if diff := cmp.Diff([]cbc.ServiceJobInfo{info}, listed); err != nil || diff != "" {
			t.Errorf("List mismatch, error %v (-want +got):\n%s", err, diff)
		}
		if progress, err := client.Jobs.Progress(t.Context(), job.ID); err != nil || progress != info.Progress {
			t.Errorf("Progress = %+v, %v, want %+v", progress, err, info.Progress)
		}
		if _, err := client.Jobs.Get(t.Context(), job.ID+1); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
	})
}

func TestDeviceRows(t *testing.T) {
	t.Parallel()
	columns := []string{"Device Id", "deviceName", "Status", "last_contact_time", "Quarantined", "Sensor States", "Uninstall Code", "Vulnerability Score", "Next Year's"}
	want := []cbc.DeviceRow{
		{Line: 2, Columns: columns, Values: []string{"4571602", `CORP\LAP-0417`, "REGISTERED", "2025-02-11T08:18:44.902Z", "true", "ACTIVE", "", "7.5", "a \"quoted\", value\non two lines"}},
		{Line: 4, Columns: columns, Values: []string{"4571603", "LAP-0418", "PENDING", "", "false", "", "", "", ""}},
	}
	var got []cbc.DeviceRow
	for row, err := range cbc.DeviceRows(strings.NewReader(platformSample(t, "devices.csv"))) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("DeviceRows mismatch (-want +got):\n%s", diff)
	}
	if v := got[0].Value("next_years"); v != "a \"quoted\", value\non two lines" || got[0].Value("uninstallCode") != "" || got[0].Value("none") != "" {
		t.Errorf("Value = %q", v)
	}
	device, err := got[0].Device()
	wantDevice := cbc.Device{
		ID: 4571602, Name: `CORP\LAP-0417`, Status: "REGISTERED", LastContact: time.Date(2025, 2, 11, 8, 18, 44, 902e6, time.UTC),
		Quarantined: true, SensorStates: []string{"ACTIVE"}, VulnerabilityScore: 7.5,
	}
	if diff := cmp.Diff(wantDevice, device); err != nil || diff != "" {
		t.Errorf("Device mismatch, error %v (-want +got):\n%s", err, diff)
	}
}

func TestDeviceRowsFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, want string
		rows             int
	}{
		{name: "nothing", file: ""},
		{name: "nothing but the columns", file: "id,name\n"},
		{name: "a line with a value too many", file: "id,name\n7,x\n8,y,z\n9,z\n", rows: 1, want: "cbc: devices.export: record on line 3: wrong number of fields"},
		{name: "cut off within quotes", file: "id,name\n7,\"x", want: "cbc: devices.export: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows, errs := 0, ""
			for _, err := range cbc.DeviceRows(strings.NewReader(tt.file)) {
				if err != nil {
					errs += err.Error()
					continue
				}
				rows++
			}
			if rows != tt.rows || (errs == "") != (tt.want == "") || !strings.HasPrefix(errs, tt.want) {
				t.Errorf("%d rows, error %q, want %d and %q", rows, errs, tt.rows, tt.want)
			}
		})
	}
	broken := io.MultiReader(strings.NewReader("id\n7\n"), brokenReader{})
	var last error
	for _, err := range cbc.DeviceRows(broken) {
		last = err
	}
	if !errors.Is(last, errBroken) {
		t.Errorf("DeviceRows = %v, want the error of the reader", last)
	}
	for row := range cbc.DeviceRows(strings.NewReader("name\nx\n")) {
		if d, err := row.Device(); err == nil || err.Error() != "cbc: devices.export: line 2: a device without an id" {
			t.Errorf("Device = %+v, %v, want an error", d, err)
		}
	}
}

var errBroken = errors.New("broken")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

func FuzzDeviceRows(f *testing.F) {
	f.Add(platformSample(f, "devices.csv"))
	f.Add("id,id,activationCode\n7,8,S3CR3T\n")
	f.Fuzz(func(t *testing.T, file string) {
		for row, err := range cbc.DeviceRows(strings.NewReader(file)) {
			if err != nil {
				continue
			}
			if len(row.Values) != len(row.Columns) || row.Line < 1 {
				t.Errorf("line %d of %q has %d values in %d columns", row.Line, file, len(row.Values), len(row.Columns))
			}
			for i, column := range row.Columns {
				if plain := strings.ToLower(column); strings.Contains(plain, "uninstall_code") && row.Values[i] != "" {
					t.Errorf("line %d of %q tells a secret", row.Line, file)
				}
				_ = row.Value(column)
			}
			if d, err := row.Device(); err == nil && d.ID <= 0 {
				t.Errorf("line %d of %q is a device without an id", row.Line, file)
			}
		}
	})
}

func TestDevicesFacet(t *testing.T) {
	t.Parallel()
	world := devices(7, 8, 9)
	world.Devices[0].PolicyID = 88402
	srv := cbctest.New(world)
	client := connect(t, srv.Client())
	got, err := client.Devices.Facet(t.Context(), cbc.DeviceQuery{Statuses: []string{"ACTIVE"}}, "policy_id", "os")
	want := []cbc.Facet{
		{Field: "policy_id", Values: []cbc.FacetValue{{ID: "88231", Name: "Standard", Total: 2}, {ID: "88402", Name: "Contain", Total: 1}}},
		{Field: "os", Values: []cbc.FacetValue{{ID: "WINDOWS", Name: "WINDOWS", Total: 3}}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Facet mismatch, error %v (-want +got):\n%s", err, diff)
	}
	if body, want := string(srv.Requests()[0].Body), `{"criteria":{"status":["ACTIVE"]},"terms":{"fields":["policy_id","os"]}}`; body != want {
		t.Errorf("Facet sent %s, want %s", body, want)
	}
	if _, err := client.Devices.Facet(t.Context(), cbc.DeviceQuery{}, "color"); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("Facet by color = %v, want the vendor's 400", err)
	}
	calls := len(srv.Requests())
	for want, query := range map[string]cbc.DeviceQuery{
		"Rows is -1": {Rows: -1}, "NotSensorVersions": {NotSensorVersions: []string{"1"}}, "zero or below": {IDs: []cbc.DeviceID{-1}},
	} {
		if _, err := client.Devices.Facet(t.Context(), query, "os"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Facet(%+v) = %v, want %q", query, err, want)
		}
	}
	_, none := client.Devices.Facet(t.Context(), cbc.DeviceQuery{})
	_, odd := client.Devices.Facet(t.Context(), cbc.DeviceQuery{}, "os ")
	if none == nil || odd == nil || len(srv.Requests()) != calls {
		t.Errorf("Facet by nothing and by an odd field = %v, %v", none, odd)
	}
}

func TestDevicesFacetDecodesWhatComes(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opFacet: {platformSample(t, "facets.json"), `{}`}})
	got, err := client.Devices.Facet(t.Context(), cbc.DeviceQuery{Rows: 50}, "policy_id", "os", "ad_group_id")
	want := []cbc.Facet{
		{Field: "policy_id", Values: []cbc.FacetValue{{ID: "88231", Name: "Standard", Total: 41}, {ID: "88402", Name: "88402", Total: 2}}},
		{Field: "os", Values: []cbc.FacetValue{{ID: "WINDOWS", Name: "WINDOWS", Total: 43}}},
		{Field: "ad_group_id", Values: []cbc.FacetValue{}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Facet mismatch, error %v (-want +got):\n%s", err, diff)
	}
	if body := string(srv.Requests()[0].Body); !strings.Contains(body, `"rows":50`) {
		t.Errorf("Facet sent %s, want 50 rows", body)
	}
	if got, err := client.Devices.Facet(t.Context(), cbc.DeviceQuery{}, "os"); got != nil || err == nil {
		t.Errorf("Facet = %v, %v, want an error for an answer without results", got, err)
	}
}

func TestAnExportWhoseReaderFailsIsNotWhole(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "id,name\n7,LAB-7\n"} {
		cut := io.MultiReader(strings.NewReader(text), iotest.ErrReader(fmt.Errorf("the connection broke: %w", io.EOF)))
		var last error
		for _, err := range cbc.DeviceRows(cut) {
			last = err
		}
		if last == nil {
			t.Errorf("DeviceRows(%q and an error) ends without an error", text)
		}
	}
}
