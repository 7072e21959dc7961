package cbc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const opScroll = "POST /appservices/v6/orgs/{org_key}/devices/_scroll"

func TestScrollGoesBeyondASearch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		devices int
		early   bool
	}{{"an empty page is the end", 10001, false}, {"the cursor ends early", 9, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := devices(upTo(tt.devices)...)
			world.Switches.Devices.ScrollEndsEarly = tt.early
			var got []cbc.DeviceID
			for d, err := range connect(t, cbctest.New(world).Client()).Devices.Scroll(t.Context(), cbc.DeviceQuery{Rows: (tt.devices + 1) / 2}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, d.ID)
			}
			slices.Sort(got)
			if diff := cmp.Diff(upTo(tt.devices), got); diff != "" {
				t.Errorf("Scroll mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScrollStopsWithItsLoop(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(upTo(30)...))
	for _, err := range connect(t, srv.Client()).Devices.Scroll(t.Context(), cbc.DeviceQuery{Rows: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestScrollIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(upTo(5)...))
	query := cbc.DeviceQuery{Rows: 2, Statuses: []string{"REGISTERED"}}
	var sizes []int
	seen := map[cbc.DeviceID]bool{}
	position := cbc.DeviceCursor("")
	for range 10 {
		page, err := connect(t, srv.Client()).Devices.ScrollPage(t.Context(), query, position) // as another process would
		if err != nil {
			t.Fatal(err)
		}
		if page.Found != 5 {
			t.Errorf("Found = %d, want 5", page.Found)
		}
		sizes = append(sizes, len(page.Devices))
		for _, d := range page.Devices {
			seen[d.ID] = true
		}
		if position = page.Next; position == "" {
			break
		}
	}
	if diff := cmp.Diff([]int{2, 2, 1, 0}, sizes); diff != "" || len(seen) != 5 {
		t.Errorf("%d devices on pages of (-want +got):\n%s", len(seen), diff)
	}
}

func TestScrollSendsPositionsAsTheyCame(t *testing.T) {
	t.Parallel()
	const position = `WzE3MzkyNjE3OTA1NTUsNDU3MTYwMl0=/+ <ü>`
	device := func(id int) string { return fmt.Sprintf(`{"id":%d,"name":"x","status":"REGISTERED"}`, id) }
	client, srv := scripted(t, map[string][]string{opScroll: {
		`{"results":[` + device(1) + `,` + device(2) + `],"num_found":2,"search_after":"WzE3MzkyNjE3OTA1NTUsNDU3MTYwMl0=/+ <ü>"}`,
		`{"results":[` + device(2) + `,` + device(3) + `],"num_found":4,"search_after":""}`,
	}})
	var got []cbc.DeviceID
	for d, err := range client.Devices.Scroll(t.Context(), cbc.DeviceQuery{NotSensorVersions: []string{"1.0"}}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.ID)
	}
	if diff := cmp.Diff([]cbc.DeviceID{1, 2, 3}, got); diff != "" {
		t.Errorf("a device that checks in comes twice (-want +got):\n%s", diff)
	}
	var bodies []map[string]any
	for _, r := range srv.Requests() {
		var body map[string]any
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	first := map[string]any{
		"criteria": map[string]any{"status": []any{"ALL"}}, "exclusions": map[string]any{"sensor_version": []any{"1.0"}}, "rows": 1000.0,
	}
	second := map[string]any{"search_after": position}
	maps.Copy(second, first)
	if diff := cmp.Diff([]map[string]any{first, second}, bodies); diff != "" {
		t.Errorf("Scroll sent (-want +got):\n%s", diff)
	}
}

func TestScrollFails(t *testing.T) {
	t.Parallel()
	page := func(id int, next string) string {
		return fmt.Sprintf(`{"results":[{"id":%d,"name":"x","status":"REGISTERED"}],"num_found":9,"search_after":%q}`, id, next)
	}
	for _, tt := range []struct {
		name    string
		query   cbc.DeviceQuery
		answers []string
		want    string
		is      error
	}{
		{name: "a page that leads to itself", answers: []string{page(1, "A"), page(2, "A")}, want: "leads to itself", is: cbc.ErrIncomplete},
		{name: "a circle", answers: []string{page(1, "A"), page(2, "B"), page(3, "A")}, want: "the same position came twice after 3", is: cbc.ErrIncomplete},
		{name: "nothing where there is something", answers: []string{`{"results":[],"num_found":9,"search_after":""}`}, want: "none of 9 came", is: cbc.ErrIncomplete},
		{name: "no results", answers: []string{`{"search_after":""}`}, want: "neither results nor num_found"},
		{name: "a device without an id", answers: []string{`{"results":[{"name":"x"}],"num_found":1}`}, want: "without an id"},
		{name: "sorted", query: cbc.DeviceQuery{Sort: []cbc.DeviceSort{{Field: "name"}}}, want: "cannot be sorted"},
		{name: "too many rows", query: cbc.DeviceQuery{Rows: 10001}, want: "want 1 to 10000"},
		{name: "half a time", query: cbc.DeviceQuery{ContactedFrom: noon}, want: "go together"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, srv := scripted(t, map[string][]string{opScroll: append(tt.answers, `{}`)})
			var last error
			for _, err := range client.Devices.Scroll(t.Context(), tt.query) {
				last = err
			}
			if last == nil || !strings.HasPrefix(last.Error(), "cbc: devices.scroll: ") || !strings.Contains(last.Error(), tt.want) || tt.is != nil && !errors.Is(last, tt.is) {
				t.Errorf("Scroll = %v, want an error that says %q", last, tt.want)
			}
			if len(srv.Requests()) != len(tt.answers) {
				t.Errorf("%d calls, want %d", len(srv.Requests()), len(tt.answers))
			}
		})
	}
}

func TestScrollNeedsAPermission(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Keys: []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: []string{"org.policies:READ"}}}})
	if _, err := connect(t, srv.Client()).Devices.ScrollPage(t.Context(), cbc.DeviceQuery{}, ""); !errors.Is(err, cbc.ErrForbidden) {
		t.Errorf("ScrollPage = %v, want ErrForbidden", err)
	}
}

func TestScrollIsRepeatedAfterAGatewayError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(devices(7))
		srv.FailNext(1, http.StatusBadGateway)
		page, err := connect(t, srv.Client()).Devices.ScrollPage(t.Context(), cbc.DeviceQuery{}, "")
		if err != nil || len(page.Devices) != 1 || len(srv.Requests()) != 2 {
			t.Errorf("ScrollPage = %+v, %v after %d calls, want a device after two", page, err, len(srv.Requests()))
		}
	})
}
