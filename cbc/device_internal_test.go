package cbc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fullDevice is the device of device_full.json.
func fullDevice() Device {
	at := func(hour, minute, second, ns int) time.Time {
		return time.Date(2025, 2, 11, hour, minute, second, ns, time.UTC)
	}
	const uuid = "5a4b3c2d-0000-4000-8000-00000000000"
	return Device{
		ID: 4571802, Name: "srv-db-02.corp.example", Status: "REGISTERED", OrgID: 1204, OrgName: "corp.example",
		OS: "WINDOWS", OSVersion: "Windows Server 2022 x64", WindowsPlatform: "SERVER_X64",
		SensorVersion: "4.0.3.1234", SensorKit: KitWindows, SensorStates: []string{"ACTIVE", "LIVE_RESPONSE_ENABLED", "STATE_OF_NEXT_YEAR"},
		SensorOutOfDate: true, SensorPendingUpdate: true, SensorGateway: "https://gateway.corp.example", SensorGatewayID: uuid + "1",
		Quarantined: true,
		PolicyID:    88402, PolicyName: "Contain", PolicyOverride: true, PolicyAssignmentType: "MANUAL", CurrentSensorPolicy: "Standard",
		PolicyRequested: at(8, 0, 0, 0), PolicyChanged: at(8, 1, 0, 5e8), PolicyUpdated: at(8, 2, 0, 0),
		AssetGroups:    []AssetGroup{{ID: "7f6d8a4e-1f7e-4d39-8a51-1f2f3a4b5c6d", Name: "Servers", MembershipType: "MANUAL"}},
		TargetPriority: "MISSION_CRITICAL",
		DeploymentType: "WORKLOAD", VirtualMachine: true, VirtualizationProvider: "VMW_ESX",
		VMName: "srv-db-02", VMUUID: "5023c1d2-aaaa-4bbb-8ccc-000000000002", VMIP: "192.0.2.52",
		VCenterName: "vc-1", VCenterUUID: uuid + "2", VCenterURL: "vc-1.corp.example",
		ESXHostName: "esx-7", ESXHostUUID: uuid + "3", ClusterName: "cluster-1", DatacenterName: "dc-1",
		ApplianceName: "cbc-appliance", ApplianceUUID: uuid + "4", NSXEnabled: true, NSXTag: NSXQuarantine,
		VDIBaseDevice: 4571000, VDIProvider: "NONE", GoldenDevice: "false", GoldenDeviceID: 4571001, BaseDevice: "4571002",
		CloudAccountID: "123456789012", CloudResourceID: "i-0abc", CloudResourceGroup: "group-1", CloudScaleGroup: "scale-1",
		CloudNetwork: "net-1", CloudManagedIdentity: "identity-1", CloudTags: []string{"role=db", "tier=1"},
		VirtualPrivateCloud: "vpc-0abc", AutoScalingGroup: "asg-1", Infrastructure: "VSPHERE",
		ADDomain: "corp", ADOrgUnit: "Servers", MACAddress: "02005e100002",
		InternalIP: "192.0.2.52", ExternalIP: "203.0.113.40", Location: "ONSITE", User: `CORP\dba`,
		Email: "dba@corp.example", FirstName: "Dana", LastName: "Adams", OwnerID: "4711",
		Metadata: []DeviceMetadata{{Name: "OS_MAJOR_VERSION", Value: "Windows Server 2022"}, {Name: "SUBNET", Value: "192.0.2", Position: 1}},
		AVStatus: []string{"AV_ACTIVE", "ONDEMAND_SCAN_DISABLED"}, AVEngine: "4.15.1.560", AVPackVersion: "8.5.0.90",
		AVProductVersion: "4.3.0", AVAveVersion: "8.3.64.172", AVVdfVersion: "8.19.18.26",
		AVLastScan: time.Date(2025, 2, 10, 1, 0, 0, 0, time.UTC), AVUpdateServers: []string{"updates.corp.example"},
		HostFirewallStatus: "ENABLED", VulnerabilityScore: 7.5, VulnerabilitySeverity: "IMPORTANT", ComplianceStatus: "UNKNOWN",
		LastContact: at(8, 18, 44, 902e6), LastReported: at(8, 17, 0, 0), LastShutdown: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		Registered: time.Date(2024, 2, 11, 8, 0, 0, 123456e3, time.UTC),
	}
}

func TestDecodeFullDevice(t *testing.T) {
	t.Parallel()
	var w wireDevice
	if err := json.Unmarshal(sample(t, "platform/device_full.json"), &w, forgiving()); err != nil {
		t.Fatal(err)
	}
	got := w.device()
	if diff := cmp.Diff(fullDevice(), got); diff != "" {
		t.Errorf("device mismatch (-want +got):\n%s", diff)
	}
	if !got.InGroup("7F6D8A4E-1f7e-4d39-8a51-1f2f3a4b5c6d") || got.InGroup("Servers") {
		t.Error("InGroup does not go by the id")
	}
	written, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%+v %#v", got, got), string(written)} {
		if strings.Contains(text, "S3CR3T") {
			t.Errorf("a secret can be printed: %s", text)
		}
	}
}

func TestDecodeDeviceWithOddMembers(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"groups and metadata of other shapes": `{"id":7,"name":"x","asset_group":"a","device_meta_data_item_list":{"key_name":[]},"vulnerability_score":"high"}`,
		"present names win":                   `{"id":7,"name":"x","asset_group":[],"groups":[{}],"vulnerability_score":0,"vuln_score":null,"quarantined":[]}`,
	} {
		var w wireDevice
		if err := json.Unmarshal([]byte(raw), &w, forgiving()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(Device{ID: 7, Name: "x"}, w.device(), cmpopts.IgnoreFields(Device{}, "AssetGroups", "Metadata")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzDevice(f *testing.F) {
	for _, name := range []string{"device.json", "device_nulls.json", "platform/device_full.json"} {
		f.Add(sample(f, name))
	}
	f.Add([]byte(`{"id":["7"],"asset_group":[[],{"id":7}],"vuln_score":"1e999","last_contact_time":"9999-12-31T23:59:59-23:59"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var w wireDevice
		if json.Unmarshal(data, &w, forgiving()) != nil {
			return
		}
		device := w.device()
		written, err := json.Marshal(device)
		if err != nil {
			if strings.Contains(err.Error(), "UTF-8") {
				return
			}
			t.Fatalf("the decoded device %+v cannot be written: %v", device, err)
		}
		var again wireDevice
		err = json.Unmarshal(written, &again, forgiving())
		if diff := cmp.Diff(device, again.device(), cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("written and read again (-first +second), error %v:\n%s", err, diff)
		}
	})
}

func TestFindsAnything(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		expr Expr
		want bool
	}{
		{Expr{}, true},
		{Field("name").AnyOf("a"), false},
		{Field("name").Prefix("a"), false},
		{Field("name").Exists(), true},
		{Not(Field("name").AnyOf("a")), true},
		{And(Field("name").Exists(), Not(Field("os").AnyOf("MAC"))), true},
		{And(Field("name").Exists(), Field("os").AnyOf("MAC")), false},
		{Or(Field("name").Exists(), Field("os").AnyOf("MAC")), true},
		{Or(Field("name").AnyOf("*"), Field("os").AnyOf("MAC")), false},
		{Raw("*"), true},
		{Raw("*:*"), true},
		{Raw("(name:*)"), true},
		{Raw("id:[* TO *]"), true},
		{Raw("NOT os:MAC"), true},
		{Raw("-os:MAC"), true},
		{Raw("os:MAC"), false},
		{Raw("lap"), false},
	} {
		if got := findsAnything(tt.expr); got != tt.want {
			t.Errorf("findsAnything(%s) = %v, want %v", tt.expr, got, tt.want)
		}
	}
}
