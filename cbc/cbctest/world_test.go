package cbctest_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestWorldFile(t *testing.T) {
	t.Parallel()
	const file = `{
		"org_key": "ABCD1234",
		"keys": [{"id": "ID", "secret": "S", "permissions": ["device:READ"]}, {"id": "ALL", "secret": "S"}],
		"devices": [{"id": 7, "name": "LAB-7", "check_in": "45s", "offline": true, "online_after": "2m0s",
			"running": [{"pid": 5, "path": "c:\\a.exe"}], "files": [{"path": "c:\\a.exe", "content": "MZ"}]}],
		"processes": [{"device_id": 7, "pids": [5], "touched": {"scriptload_hash": ["00"]}, "time": "2025-02-11T08:00:00Z"}],
		"switches": {
			"search": {"duration": "3s", "stuck_one_short": true},
			"rate_limit": {"calls": 10, "per": "5m0s"},
			"live_response": {"command_delay": "1.5s"}
		}
	}`
	var world cbctest.World
	if err := json.Unmarshal([]byte(file), &world); err != nil {
		t.Fatal(err)
	}
	want := cbctest.World{
		OrgKey: "ABCD1234",
		Keys:   []cbctest.Key{{ID: "ID", Secret: "S", Permissions: []string{"device:READ"}}, {ID: "ALL", Secret: "S"}},
		Devices: []cbctest.Device{{
			ID: 7, Name: "LAB-7", CheckIn: 45 * time.Second, Offline: true, OnlineAfter: 2 * time.Minute,
			Running: []cbctest.RunningProcess{{PID: 5, Path: `c:\a.exe`}}, Files: []cbctest.File{{Path: `c:\a.exe`, Content: "MZ"}},
		}},
		Processes: []cbctest.Process{{
			DeviceID: 7, PIDs: []int64{5}, Touched: map[string][]string{"scriptload_hash": {"00"}},
			Time: time.Date(2025, 2, 11, 8, 0, 0, 0, time.UTC),
		}},
		Switches: cbctest.Switches{
			Search:       cbctest.SearchSwitches{Duration: 3 * time.Second, StuckOneShort: true},
			RateLimit:    cbctest.RateLimit{Calls: 10, Per: 5 * time.Minute},
			LiveResponse: cbctest.LiveResponseSwitches{CommandDelay: 1500 * time.Millisecond},
		},
	}
	noClock := cmpopts.IgnoreFields(cbctest.World{}, "Now")
	if diff := cmp.Diff(want, world, noClock); diff != "" {
		t.Errorf("the world of a file (-want +got):\n%s", diff)
	}
	again, err := json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	var second cbctest.World
	if err := json.Unmarshal(again, &second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, second, noClock); diff != "" {
		t.Errorf("written and read again (-want +got):\n%s", diff)
	}
	for _, bad := range []string{
		`{"devices":[{"id":7,"nam":"x"}]}`, `{"devices":[{"id":7,"check_in":45}]}`, `{"devices":[{"id":7,"check_in":"soon"}]}`,
		`{"switches":{"search":{"stuck":true}}}`,
	} {
		if err := json.Unmarshal([]byte(bad), &world); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// Every struct with a duration must write it as text itself; JSON has no durations.
func TestDurationsAreText(t *testing.T) {
	t.Parallel()
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Slice, reflect.Map, reflect.Pointer:
			visit(typ.Elem())
		case reflect.Struct:
			for f := range typ.Fields() {
				if f.Tag.Get("json") == "-" {
					continue
				}
				if f.Tag.Get("json") == "" && !f.Anonymous {
					t.Errorf("%v.%s has no name in the world file", typ, f.Name)
				}
				if f.Type == reflect.TypeFor[time.Duration]() && !typ.Implements(reflect.TypeFor[json.Marshaler]()) {
					t.Errorf("%v has the duration %s and does not write it as text", typ, f.Name)
				}
				if f.Type.PkgPath() != "time" {
					visit(f.Type)
				}
			}
		default:
		}
	}
	visit(reflect.TypeFor[cbctest.World]())
	visit(reflect.TypeFor[cbctest.State]())
}

func TestWorldCheck(t *testing.T) {
	t.Parallel()
	if err := (cbctest.World{}).Check(); err != nil {
		t.Errorf("the empty world: %v", err)
	}
	for _, good := range []cbctest.World{fleet(), office0417()} {
		if err := good.Check(); err != nil {
			t.Errorf("a good world: %v", err)
		}
	}
	bad := cbctest.World{
		Keys:     []cbctest.Key{{ID: "A", Secret: "S"}, {ID: "A", Secret: "S"}, {ID: "B"}},
		Policies: []cbctest.Policy{{ID: 1, Name: "P"}, {ID: 1, Name: "Q"}, {Name: "R", PriorityLevel: "TOP"}},
		Devices: []cbctest.Device{
			{ID: 1, Name: "A"}, {ID: 1, Name: "B", PolicyID: 9}, {Name: "C", OS: "DOS"}, {ID: 2, Name: "D", OnlineAfter: 1},
		},
		Processes: []cbctest.Process{
			{DeviceID: 9},
			{DeviceID: 1, Hashes: []string{"xyz"}},
			{DeviceID: 1, Touched: map[string][]string{"filemod_sha256": {"0z"}}},
			{DeviceID: 1, GUID: "g", Events: []cbctest.Event{{SHA256: "x"}}},
			{DeviceID: 1, GUID: "g"},
		},
		Overrides: []cbctest.Override{{SHA256: "x"}, {Type: "CERT", SignedBy: "x"}},
		Binaries:  []cbctest.Binary{{SHA256: "x"}},
		Switches: cbctest.Switches{
			RateLimit: cbctest.RateLimit{RetryAfter: "soon", Calls: -1}, RetiredStatus: 200,
			Overrides: cbctest.OverrideSwitches{Duplicates: "maybe"},
		},
	}
	err := bad.Check()
	if err == nil {
		t.Fatal("a bad world has no problems")
	}
	for _, want := range []string{
		"the key A is there twice", "keys[2] lacks", "the policy 1 is there twice", "policies[2] lacks", `"TOP"`,
		"the device 1 is there twice", "no policy: 9", "devices[2] lacks", `"DOS"`, "not offline", "processes[0] ran on device 9",
		`"xyz"`, `"0z"`, `"filemod_sha256"`, "lacks its type", "malformed sha256", "the process g is there twice", "overrides[0]",
		"overrides[1]: BLACK_LIST", "binaries[0]", `"soon"`, `"maybe"`, "negative", "retired_status",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check() does not say %s:\n%v", want, err)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[4571602],"options":{"toggle":"ON"}}`, 204)
	c.call("POST", overrides, ban(evil), 200)
	c.start(`{"query":"process_name:a.exe"}`)
	text, err := json.Marshal(c.srv.State())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{
		"time", "devices", "policies", "overrides", "search_jobs", "sessions", "feeds", "reports", "watchlists",
	} {
		if _, ok := got[member]; !ok {
			t.Errorf("State() lacks %s", member)
		}
	}
	list, _ := got["devices"].([]any)
	device, _ := list[0].(map[string]any)
	if device["quarantined"] != true || device["last_contact"] != "2025-02-11T12:00:00Z" {
		t.Errorf("the device in State() = %v", device)
	}
}

// A world can be used for several servers; none of them changes it.
func TestWorldIsNotShared(t *testing.T) {
	t.Parallel()
	world := fleet()
	before := jsonText(t, world)
	c := newConsole(t, world)
	c.raw("POST", actions, `{"action_type":"UPDATE_POLICY","device_id":[1,2,3],"options":{"policy_id":21}}`, 204)
	c.call("POST", overrides, ban(evil), 200)
	c.wait(time.Hour)
	c.srv.State()
	if diff := cmp.Diff(before, jsonText(t, world)); diff != "" {
		t.Errorf("the world changed (-before +after):\n%s", diff)
	}
}
