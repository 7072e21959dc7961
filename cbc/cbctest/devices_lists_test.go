package cbctest_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// contacts are devices that were in contact one after the other: the one with the lowest id last.
func contacts(n int) cbctest.World {
	world := cbctest.World{}
	for i := range n {
		world.Devices = append(world.Devices, cbctest.Device{
			ID: int64(i + 1), Name: fmt.Sprintf("D-%d", i+1), Offline: true, LastContact: noon.Add(-time.Duration(i+1) * time.Hour),
		})
	}
	return world
}

// scroll goes through a whole scroll and returns the ids page by page; between is called after each page.
func (c *console) scroll(rest string, between func(page int)) (pages []string) {
	c.t.Helper()
	after := ""
	for page := 1; page < 20; page++ {
		body := fmt.Sprintf(`{"search_after":%q%s}`, after, rest)
		got := c.call("POST", devices+"/_scroll", body, 200)
		pages = append(pages, strings.Join(column(rows(got), "id"), ","))
		if after, _ = got["search_after"].(string); after == "" || len(rows(got)) == 0 {
			return pages
		}
		between(page)
	}
	c.t.Fatal("the scroll has no end")
	return nil
}

func TestDeviceScroll(t *testing.T) {
	t.Parallel()
	nothing := func(int) {}
	c := newConsole(t, contacts(5))
	if diff := cmp.Diff([]string{"5,4", "3,2", "1", ""}, c.scroll(`,"rows":2`, nothing)); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"4,3,2", ""}, c.scroll(`,"rows":3,"query":"id:[2 TO 4]","criteria":{"os":["WINDOWS"]},"exclusions":{}`, nothing)); diff != "" {
		t.Errorf("pages of a search (-want +got):\n%s", diff)
	}
	first := c.call("POST", devices+"/_scroll", `{"rows":2}`, 200)
	if first["num_found"] != 5.0 || first["num_remaining"] != 3.0 {
		t.Errorf("counts = %v found, %v remaining", first["num_found"], first["num_remaining"])
	}
	world := contacts(5)
	world.Switches.Devices.ScrollEndsEarly = true
	if diff := cmp.Diff([]string{"5,4", "3,2", "1"}, newConsole(t, world).scroll(`,"rows":2`, nothing)); diff != "" {
		t.Errorf("pages of one that ends early (-want +got):\n%s", diff)
	}
}

// A device that makes contact meanwhile may come twice, but none is missed, and the scroll ends even though sensors are in
// contact all the time.
func TestDeviceScrollWhileDevicesMove(t *testing.T) {
	t.Parallel()
	world := contacts(5)
	world.Devices = append(world.Devices, cbctest.Device{ID: 6, Name: "D-6"}, cbctest.Device{ID: 7, Name: "D-7"})
	c := newConsole(t, world)
	pages := c.scroll(`,"rows":2`, func(page int) {
		c.wait(time.Minute)
		if page == 1 {
			c.srv.SetOffline(5, false) // was handed out already
			c.srv.SetOffline(3, false) // was not
		}
	})
	if diff := cmp.Diff([]string{"5,4", "2,1", "3,5", "6,7", ""}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

// What a search finds can change while one scrolls.
func TestDeviceScrollCountMoves(t *testing.T) {
	t.Parallel()
	c := newConsole(t, contacts(4))
	first := c.call("POST", devices+"/_scroll", `{"rows":1,"criteria":{"policy_id":[88231]}}`, 200)
	for _, id := range []string{"1", "2"} {
		c.srv.SetOffline(map[string]int64{"1": 1, "2": 2}[id], false)
		c.raw("POST", actions, `{"action_type":"UNINSTALL_SENSOR","device_id":[`+id+`]}`, 204)
	}
	body := fmt.Sprintf(`{"rows":9,"criteria":{"policy_id":[88231]},"search_after":%q}`, first["search_after"])
	if got := c.call("POST", devices+"/_scroll", body, 200); first["num_found"] != 4.0 || got["num_found"] != 2.0 {
		t.Errorf("num_found = %v, then %v; want 4, then 2", first["num_found"], got["num_found"])
	}
}

func TestDeviceScrollRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, contacts(1))
	for body, reason := range map[string]string{
		`{"sort":[{"field":"name","order":"ASC"}]}`: "sort",
		`{"start":1}`:                   "start",
		`{"rows":10001}`:                "10000",
		`{"rows":0}`:                    "10000",
		`{"search_after":"x"}`:          "search_after",
		`{"search_after":"WzFd"}`:       "search_after",
		`{"criteria":{"os":["DOS"]}}`:   "INVALID_ENUM_VALUE",
		`{"query":"(a","rows":1}`:       "query",
		`{"exclusions":{"name":["a"]}}`: "exclusions.name",
	} {
		if got := string(c.raw("POST", devices+"/_scroll", body, 400)); !strings.Contains(got, reason) {
			t.Errorf("%s = %s, want a reason with %q", body, got, reason)
		}
	}
}

func TestDeviceFacet(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	value := func(total float64, id, name string) map[string]any {
		return map[string]any{"total": total, "id": id, "name": name}
	}
	for body, want := range map[string][]any{
		`{"terms":{"fields":["policy_id","os"]}}`: {
			map[string]any{"field": "policy_id", "values": []any{value(3, "10", "Standard"), value(1, "20", "Contain"), value(1, "21", "Contain VDI")}},
			map[string]any{"field": "os", "values": []any{value(4, "WINDOWS", "WINDOWS"), value(1, "LINUX", "LINUX")}},
		},
		`{"criteria":{"deployment_type":["VDI","WORKLOAD"]},"query":"","exclusions":{},"terms":{"fields":["deployment_type","status"],"rows":1}}`: {
			map[string]any{"field": "deployment_type", "values": []any{value(1, "VDI", "VDI")}},
			map[string]any{"field": "status", "values": []any{value(1, "BYPASS", "BYPASS")}},
		},
		`{"query":"name:nobody","terms":{"fields":["ad_group_id","virtual_private_cloud_id"]}}`: {
			map[string]any{"field": "ad_group_id", "values": []any{}}, map[string]any{"field": "virtual_private_cloud_id", "values": []any{}},
		},
	} {
		if diff := cmp.Diff(map[string]any{"results": want}, c.call("POST", devices+"/_facet", body, 200)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	got := c.call("POST", devices+"/_facet", `{"terms":{"fields":["os","shade"]}}`, 400)
	if got["error_code"] != "INVALID_ENUM_VALUE" || got["field"] != "terms.fields[1]" || got["invalid_value"] != "shade" {
		t.Errorf("an unknown field = %v", got)
	}
	for _, body := range []string{`{}`, `{"terms":{"fields":[]}}`, `{"terms":{"fields":["os"],"rows":-1}}`, `{"terms":{"fields":["os"]},"rows":1}`} {
		c.raw("POST", devices+"/_facet", body, 400)
	}
}

// table reads CSV and returns one column.
func table(t *testing.T, text, name string) []string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("CSV: %v in %q", err, text)
	}
	i := slices.Index(lines[0], name)
	if i < 0 {
		t.Fatalf("CSV has no column %q: %q", name, lines[0])
	}
	out := []string{}
	for _, line := range lines[1:] {
		out = append(out, line[i])
	}
	return out
}

func TestDeviceDownload(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	for query, want := range map[string][]string{
		"status=ALL": {"1", "2", "3", "4", "5", "6"},
		"status=ACTIVE,DEREGISTERED&policy_id=10,21&sort_field=name&sort_order=DESC":  {"6", "3", "4", "1"},
		"status=ALL&target_priority=HIGH&ad_group_id=0&query_string=name:lap-0418%2A": {"2"},
		"status=ALL&query_string=nobody&policy_id=10&sort_field=name&sort_order=ASC":  {},
		"status=BYPASS": {"6"},
	} {
		if diff := cmp.Diff(want, table(t, string(c.raw("GET", devices+"/_search/download?"+query, "", 200)), "id")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	names := table(t, string(c.raw("GET", devices+"/_search/download?status=ALL", "", 200)), "name")
	if names[0] != `CORP\LAP-0417` {
		t.Errorf("names = %q", names)
	}
	for _, query := range []string{
		"", "status=", "status=GONE", "status=ALL&policy_id=x", "status=ALL&os=MAC", "status=ALL&sort_field=name",
		"status=ALL&status=ACTIVE", "status=ALL&query_string=(a",
	} {
		c.raw("GET", devices+"/_search/download?"+query, "", 400)
	}
}

// Everything that the vendor lists is there, be it null.
func TestDeviceMembers(t *testing.T) {
	t.Parallel()
	got := newConsole(t, fleet()).call("GET", devices+"/1", "", 200)
	for member := range strings.FieldsSeq(`
		id name status os os_version windows_platform sensor_version sensor_kit_type sensor_states sensor_out_of_date
		sensor_pending_update quarantined passive_mode policy_id policy_name policy_override policy_assignment_type
		current_sensor_policy_name last_device_policy_changed_time last_device_policy_requested_time last_policy_updated_time
		asset_group ad_group_id ad_domain ad_org_unit deployment_type virtual_machine virtualization_provider vm_name vm_uuid vm_ip
		vcenter_name vcenter_uuid vcenter_host_url esx_host_name esx_host_uuid cluster_name datacenter_name appliance_name
		appliance_uuid nsx_enabled nsx_distributed_firewall_policy vdi_base_device vdi_provider golden_device golden_device_id
		base_device mac_address last_internal_ip_address last_external_ip_address last_location last_contact_time
		last_reported_time last_reset_time last_shutdown_time registered_time deregistered_time login_user_name email first_name
		middle_name last_name device_owner_id organization_id organization_name target_priority av_status av_engine
		av_pack_version av_product_version av_ave_version av_vdf_version av_last_scan_time av_update_servers av_master scan_status
		scan_last_action_time scan_last_complete_time activation_code encoded_activation_code activation_code_expiry_time
		uninstall_code device_meta_data_item_list cloud_provider_account_id cloud_provider_resource_id
		cloud_provider_resource_group cloud_provider_scale_group cloud_provider_network cloud_provider_managed_identity
		cloud_provider_tags virtual_private_cloud_id auto_scaling_group_name infrastructure_provider host_based_firewall_status
		host_based_firewall_reasons vulnerability_score vuln_score vulnerability_severity vuln_severity sensor_gateway_url
		sensor_gateway_uuid linux_kernel_version compliance_status`) {
		if _, ok := got[member]; !ok {
			t.Errorf("the device lacks %s", member)
		}
	}
}

func TestDeviceStatuses(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{
		{ID: 1, Name: "A", SensorOutOfDate: true, SensorKit: "RHEL", OS: "LINUX", CheckIn: time.Minute},
		{ID: 2, Name: "B", SensorStates: []string{"ACTIVE", "DRIVER_INIT_ERROR"}},
		{ID: 3, Name: "C", Status: "UNINSTALLED"},
		{ID: 4, Name: "D", Status: "PENDING"},
	}})
	find := func(status string) []string { return ids(c, `{"criteria":{"status":["`+status+`"]}}`) }
	for status, want := range map[string][]string{
		"SENSOR_OUTOFDATE": {"1"}, "ERROR": {"2"}, "UNINSTALLED": {"3"}, "PENDING": {"4"}, "SENSOR_PENDING_UPDATE": {}, "DELETED": {},
		"REGISTERED": {"1", "2"},
	} {
		if diff := cmp.Diff(want, find(status)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", status, diff)
		}
	}
	if got := c.call("GET", devices+"/3", "", 200)["status"]; got != "DEREGISTERED" {
		t.Errorf("an uninstalled device says %v", got)
	}
	if got := c.call("GET", devices+"/4", "", 200); got["activation_code"] == nil || got["activation_code_expiry_time"] == nil {
		t.Errorf("a pending device has no activation code: %v", got)
	}
	const update = `{"action_type":"UPDATE_SENSOR_VERSION","search":{"criteria":{"os":["LINUX"]}},"options":{"sensor_version":{"RHEL":"5.0"}}}`
	c.raw("POST", actions, update, 204)
	if diff := cmp.Diff([]string{"1"}, find("SENSOR_PENDING_UPDATE")); diff != "" {
		t.Errorf("pending updates (-want +got):\n%s", diff)
	}
	c.wait(time.Minute)
	if got := append(find("SENSOR_PENDING_UPDATE"), find("SENSOR_OUTOFDATE")...); len(got) != 0 {
		t.Errorf("after the update = %v", got)
	}
}

// A Python program writes times without a zone.
func TestDeviceSearchTimeWithoutZone(t *testing.T) {
	t.Parallel()
	c := newConsole(t, contacts(3))
	const body = `{"criteria":{"last_contact_time":{"start":"2025-02-11T09:30:00","end":"2025-02-11T10:30:00.123456"}}}`
	if diff := cmp.Diff([]string{"2"}, ids(c, body)); diff != "" {
		t.Errorf("devices in a span (-want +got):\n%s", diff)
	}
}
