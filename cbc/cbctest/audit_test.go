package cbctest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// audit is where the paths of the audit log begin.
const audit = "/audit_log/v1/orgs/" + cbctest.OrgKey + "/logs"

// logged is a world with four entries, two keys and a device.
func logged() cbctest.World {
	return cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}, {ID: 8, Name: "LAB-8"}},
		Keys:    []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret}, {ID: "OTHER", Secret: "S"}},
		Audit: []cbctest.AuditEntry{
			{Description: "Logged in successfully", Verbose: true, Created: noon.Add(-10 * 24 * time.Hour)},
			{Description: "Changed policy, again", Actor: "root@corp.example", Flagged: true, Created: noon.Add(-3 * time.Hour)},
			{Description: "Logged in successfully", ActorIP: "198.51.100.7", RequestURL: "/login", Created: noon.Add(-2 * time.Hour)},
			{Description: "Exported alerts", Created: noon.Add(-time.Hour)},
		},
	}
}

func descriptions(answer map[string]any) []string { return column(rows(answer), "description") }

func TestAuditQueue(t *testing.T) {
	t.Parallel()
	world := logged()
	world.Switches.Audit.QueueSize = 3
	c := newConsole(t, world)
	all := []string{"Logged in successfully", "Changed policy, again", "Logged in successfully", "Exported alerts"}
	for step, want := range []struct {
		found float64
		rows  []string
	}{{4, all[:3]}, {1, all[3:]}, {0, []string{}}} {
		got := c.call("GET", audit+"/_queue", "", 200)
		if diff := cmp.Diff(want.rows, descriptions(got)); diff != "" || got["num_found"] != want.found || got["num_available"] != float64(len(want.rows)) {
			t.Errorf("call %d: %v of %v (-want +got):\n%s", step, got["num_available"], got["num_found"], diff)
		}
	}
	c.token = "S/OTHER"
	if diff := cmp.Diff(all[:3], descriptions(c.call("GET", audit+"/_queue", "", 200))); diff != "" {
		t.Errorf("another key (-want +got):\n%s", diff)
	}
	c.raw("GET", audit+"/_queue?rows=1", "", 400)

	c = newConsole(t, cbctest.World{Audit: make([]cbctest.AuditEntry, 2600)})
	if got := c.call("GET", audit+"/_queue", "", 200); len(rows(got)) != 2500 {
		t.Errorf("one call gave %d entries, want 2500", len(rows(got)))
	}
}

func TestAuditSearch(t *testing.T) {
	t.Parallel()
	c := newConsole(t, logged())
	const login, policy, export = "Logged in successfully", "Changed policy, again", "Exported alerts"
	for body, want := range map[string][]string{
		`{}`:                   {export, login, policy, login},
		`{"rows":1,"start":1}`: {login},
		`{"start":9}`:          {},
		`{"sort":[{"field":"create_time","order":"ASC"}],"rows":2}`:                                                {login, policy},
		`{"criteria":{"create_time":{"range":"-5d"}}}`:                                                             {export, login, policy},
		`{"exclusions":{"create_time":{"range":"-5d"}}}`:                                                           {login},
		`{"criteria":{"create_time":{"start":"2025-02-11T00:00:00.000000Z","end":"2025-02-11T09:30:00.000000Z"}}}`: {policy},
		`{"criteria":{"flagged":true}}`:                                                                            {policy},
		`{"criteria":{"flagged":false,"verbose":false}}`:                                                           {export, login},
		`{"exclusions":{"verbose":true}}`:                                                                          {export, login, policy},
		`{"criteria":{"actor":["root@corp.example"]}}`:                                                             {policy},
		`{"criteria":{"actor_ip":["198.51.100.7","192.0.2.99"]}}`:                                                  {login},
		`{"criteria":{"description":["` + export + `"]}}`:                                                          {export},
		`{"query":"description:Logged*"}`:                                                                          {login, login},
		`{"query":"actor_ip:198.51.100.7 OR flagged:true"}`:                                                        {login, policy},
		`{"query":"create_time:[2025-02-11T09:30:00Z TO *]"}`:                                                      {export, login},
	} {
		if diff := cmp.Diff(want, descriptions(c.call("POST", audit+"/_search", body, 200))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	want := map[string]any{"num_found": 1.0, "num_available": 1.0, "results": []any{map[string]any{
		"org_key": cbctest.OrgKey, "actor_ip": "198.51.100.7", "actor": "analyst@corp.example", "request_url": "/login",
		"description": login, "flagged": false, "verbose": false, "create_time": "2025-02-11T10:00:00.000Z",
	}}}
	if diff := cmp.Diff(want, c.call("POST", audit+"/_search", `{"criteria":{"actor_ip":["198.51.100.7"]}}`, 200)); diff != "" {
		t.Errorf("an entry (-want +got):\n%s", diff)
	}
	for _, body := range []string{
		`{"criteria":{"flagged":[true]}}`, `{"criteria":{"actor":"x"}}`, `{"criteria":{"shade":["x"]}}`, `{"criteria":{"create_time":{"range":"5d"}}}`,
		`{"criteria":{"create_time":{}}}`, `{"query":"(a"}`, `{"rows":-1}`, `{"start":10001}`, `{"sort":[{"field":"actor","order":"asc"}]}`,
		`{"sort":[{"field":"shade","order":"ASC"}]}`, `{"format":"csv"}`, `{"time_range":{"range":"-5d"}}`,
	} {
		c.raw("POST", audit+"/_search", body, 400)
	}
}

func TestAuditExport(t *testing.T) {
	t.Parallel()
	c := newConsole(t, logged())
	export := func(body string) string {
		id, isNumber := c.call("POST", audit+"/_export", body, 200)["job_id"].(float64)
		if !isNumber {
			t.Fatalf("%s: job_id is no number", body)
		}
		path := jobs + "/" + fmt.Sprint(int(id)) + "/download"
		c.raw("GET", path, "", 404)
		c.wait(finished)
		return string(c.raw("GET", path, "", 200))
	}
	want := "org_key,actor_ip,actor,request_url,description,flagged,verbose,create_time\n" +
		cbctest.OrgKey + `,203.0.113.9,root@corp.example,,"Changed policy, again",true,false,2025-02-11T09:00:00.000Z`
	if diff := cmp.Diff(want, export(`{"criteria":{"flagged":true},"format":"csv"}`)); diff != "" {
		t.Errorf("csv (-want +got):\n%s", diff)
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(export(`{"format":"json"}`)), &list); err != nil || len(list) != 4 || list[0]["description"] != "Exported alerts" {
		t.Errorf("json = %v, %v", list, err)
	}
	if err := json.Unmarshal([]byte(export(`{"format":"json","start":1,"rows":2}`)), &list); err != nil || len(list) != 2 || list[1]["flagged"] != true {
		t.Errorf("two entries = %v, %v", list, err)
	}
	if text := export(`{"format":"csv","query":"actor:nobody"}`); strings.Contains(text, "\n") || !strings.HasPrefix(text, "org_key,") {
		t.Errorf("an empty export = %q, want the names alone", text)
	}
	for _, body := range []string{`{}`, `{"format":"CSV"}`, `{"format":"xml"}`, `{"format":"csv","query":"(a"}`} {
		c.raw("POST", audit+"/_export", body, 400)
	}
}

func TestAuditWitnesses(t *testing.T) {
	t.Parallel()
	world := logged()
	world.Audit = nil
	c := newConsole(t, world)
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[7,8],"options":{"toggle":"ON"}}`, 204)
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[7]}`, 400)
	o := c.call("POST", overrides, `{"override_list":"BLACK_LIST","override_type":"SHA256","sha256_hash":"`+evil+`"}`, 200)
	id, _ := o["id"].(string)
	c.raw("DELETE", overrides+"/"+id, "", 204)
	c.raw("DELETE", overrides+"/"+id, "", 404)
	c.token = "S/OTHER"
	c.raw("POST", "LR/sessions", `{"device_id":7}`, 201)
	c.raw("POST", devices+"/_search", `{}`, 200)
	var got []string
	for _, e := range c.srv.Audit() {
		got = append(got, e.Actor+": "+e.Description)
		if !e.Created.Equal(noon) || e.ActorIP == "" {
			t.Errorf("entry %+v lacks its time or its address", e)
		}
	}
	want := []string{
		cbctest.KeyID + `: Asked for QUARANTINE {"toggle":"ON"} of the devices 7, 8`,
		cbctest.KeyID + ": Added the override " + id + ": BLACK_LIST SHA256 " + evil,
		cbctest.KeyID + ": Deleted the override " + id,
		"OTHER: Live Response: POST sessions",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Audit() (-want +got):\n%s", diff)
	}
	world.Switches.Audit.Silent = true
	c = newConsole(t, world)
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[7],"options":{"toggle":"ON"}}`, 204)
	if got := c.srv.Audit(); len(got) != 0 {
		t.Errorf("silent: Audit() = %v", got)
	}
}
