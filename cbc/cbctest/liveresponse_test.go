package cbctest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// laptop is a Windows device with a dropped file that runs.
func laptop() cbctest.Device {
	return cbctest.Device{
		ID: 7, Name: `CORP\LAP-7`,
		Running: []cbctest.RunningProcess{
			{PID: 880, Path: `C:\Windows\explorer.exe`, CmdLine: "explorer.exe", Username: `CORP\kim`},
			{PID: 5120, Path: `C:\Users\kim\Downloads\Invoice.exe`, CmdLine: `"C:\Users\kim\Downloads\Invoice.exe" /s`, Username: `CORP\kim`},
		},
		Files: []cbctest.File{
			{Path: `C:\Users\kim\Downloads\Invoice.exe`, Content: "bad"},
			{Path: `C:\Users\kim\Downloads\holiday.txt`, Content: "0123456789"},
		},
	}
}

// openSession starts a session on the laptop and looks at it once, which makes it active.
func openSession(c *console) string {
	c.t.Helper()
	id := c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)["id"].(string)
	if status := c.call("GET", "LR/sessions/"+id, "", http.StatusOK)["status"]; !strings.EqualFold(status.(string), "ACTIVE") {
		c.t.Fatalf("the session is %v, want ACTIVE", status)
	}
	return id
}

// runCommand gives a command and looks at it once.
func runCommand(c *console, session, body string) map[string]any {
	c.t.Helper()
	made := c.call("POST", "LR/sessions/"+session+"/commands", body, http.StatusCreated)
	return c.call("GET", fmt.Sprintf("LR/sessions/%s/commands/%v", session, made["id"]), "", http.StatusOK)
}

func TestLiveResponseSessionLife(t *testing.T) {
	t.Parallel()
	d := laptop()
	d.CheckIn = 30 * time.Second
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{d}})

	got := c.call("POST", "LR/sessions", `{"device_id": "7"}`, http.StatusCreated)
	want := map[string]any{
		"id": "4001:7", "device_id": 7.0, "status": "PENDING", "check_in_timeout": 900.0, "session_timeout": 900.0,
		"current_command_index": 0.0, "create_time": "2025-02-11T12:00:00.000Z",
		"device_check_in_time": "2025-02-11T12:00:00.000Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("POST /sessions mismatch (-want +got):\n%s", diff)
	}
	again := c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)
	if again["id"] != "4001:7" {
		t.Errorf("the second session of a device is %v, want the first one", again["id"])
	}
	c.wait(30 * time.Second)
	got = c.call("GET", "LR/sessions/4001%3A7", "", http.StatusOK)
	if got["status"] != "ACTIVE" || got["current_working_directory"] != `C:\Windows\system32` {
		t.Errorf("after the check-in the session is %v", got)
	}
	if n := len(got["supported_commands"].([]any)); n != 15 {
		t.Errorf("a Windows sensor supports %d commands, want 15", n)
	}
	if diff := cmp.Diff([]any{`C:\`}, got["drives"]); diff != "" {
		t.Errorf("drives mismatch (-want +got):\n%s", diff)
	}
	if list := c.raw("GET", "LR/sessions", "", http.StatusOK); !strings.HasPrefix(string(list), `[{`) {
		t.Errorf("the list of sessions is %s, want a bare array", list)
	}
	c.raw("PUT", "LR/sessions/4001:7", `{"session_id": "4001:7", "status": "CLOSE"}`, http.StatusMethodNotAllowed)
	c.raw("DELETE", "LR/sessions/4001:7", "", http.StatusNoContent)
	gone := c.call("GET", "LR/sessions/4001:7", "", http.StatusNotFound)
	if diff := cmp.Diff(map[string]any{"error_code": "NOT_FOUND", "message": "Session not found"}, gone); diff != "" {
		t.Errorf("after the end mismatch (-want +got):\n%s", diff)
	}
	c.call("DELETE", "LR/sessions/4001:7", "", http.StatusNotFound)
	c.call("GET", "LR/sessions/4001:7/keepalive", "", http.StatusNotFound)
	c.call("POST", "LR/sessions/4001:7/commands", `{"name": "process list"}`, http.StatusNotFound)

	wantSessions := []cbctest.Session{{
		ID: "4001:7", DeviceID: 7, Status: "ENDED", Created: noon, CheckedIn: noon.Add(30 * time.Second),
		Ended: noon.Add(30 * time.Second), Reason: "closed", Opened: 2,
	}}
	if diff := cmp.Diff(wantSessions, c.srv.Sessions()); diff != "" {
		t.Errorf("Sessions() mismatch (-want +got):\n%s", diff)
	}
}

func TestLiveResponseSessionEndsByItself(t *testing.T) {
	t.Parallel()
	offline, disabled := laptop(), laptop()
	offline.Offline = true
	disabled.SensorStates = []string{"ACTIVE", "LIVE_RESPONSE_DISABLED"}
	for _, tc := range []struct {
		name   string
		device cbctest.Device
		during func(c *console, id string)
		lives  time.Duration
		reason string
	}{
		{"offline device", offline, func(*console, string) {}, 15 * time.Minute, "not picked up"},
		{"Live Response disabled", disabled, func(*console, string) {}, 15 * time.Minute, "not picked up"},
		{"no command ever", laptop(), func(*console, string) {}, 30 * time.Minute, "no command"},
		{"idle after a command", laptop(), func(c *console, id string) {
			runCommand(c, id, `{"name": "process list"}`)
		}, 15 * time.Minute, "idle"},
		{"kept alive", laptop(), func(c *console, id string) {
			runCommand(c, id, `{"name": "process list"}`)
			c.wait(10 * time.Minute)
			c.call("GET", "LR/sessions/"+id+"/keepalive", "", http.StatusOK)
		}, 25 * time.Minute, "idle"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t, cbctest.World{Devices: []cbctest.Device{tc.device}})
			id := c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)["id"].(string)
			tc.during(c, id)
			c.wait(tc.lives - time.Second - c.elapsed())
			c.call("GET", "LR/sessions/"+id, "", http.StatusOK)
			c.wait(time.Second)
			c.call("GET", "LR/sessions/"+id, "", http.StatusNotFound)
			got := c.srv.Sessions()[0]
			if got.Reason != tc.reason || !got.Ended.Equal(noon.Add(tc.lives)) {
				t.Errorf("ended at %v because of %q, want %v and %q", got.Ended, got.Reason, noon.Add(tc.lives), tc.reason)
			}
		})
	}
}

func TestLiveResponseDeviceComesBack(t *testing.T) {
	t.Parallel()
	d := laptop()
	d.Offline, d.OnlineAfter = true, 5*time.Minute
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{d}})
	id := c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)["id"].(string)
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "kill", "pid": 5120}`, http.StatusCreated)
	c.wait(5*time.Minute - time.Second)
	if got := c.call("GET", "LR/sessions/"+id, "", http.StatusOK)["status"]; got != "PENDING" {
		t.Errorf("before the device is back the session is %v, want PENDING", got)
	}
	c.wait(time.Second)
	if got := c.call("GET", "LR/sessions/"+id+"/commands/0", "", http.StatusOK)["status"]; got != "COMPLETE" {
		t.Errorf("the command that waited is %v, want COMPLETE", got)
	}
	if n := len(c.srv.Running(7)); n != 1 {
		t.Errorf("%d processes run after the kill, want 1", n)
	}
}

func TestLiveResponseLimits(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Devices: []cbctest.Device{laptop(), {ID: 8, Name: "LAP-8"}, {ID: 9, Name: "LAP-9"}}}
	world.Switches.LiveResponse.SessionLimit = 2
	world.Switches.LiveResponse.CommandLimit = 3
	c := newConsole(t, world)
	id := openSession(c)
	last := c.call("POST", "LR/sessions", `{"device_id": 8}`, http.StatusCreated)
	if last["check_in_timeout"] != 60.0 {
		t.Errorf("the request for the last slot lives %v s, want 60", last["check_in_timeout"])
	}
	full := c.call("POST", "LR/sessions", `{"device_id": 9}`, http.StatusForbidden)
	if !strings.Contains(full["message"].(string), "session limit reached") {
		t.Errorf("over the limit: %v", full)
	}
	if got := c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)["id"]; got != id {
		t.Errorf("the device's own session is %v at the limit, want %v", got, id)
	}
	for range 3 {
		runCommand(c, id, `{"name": "process list"}`)
	}
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "process list"}`, http.StatusNotFound)
	c.call("GET", "LR/sessions/"+id+"/commands/0", "", http.StatusNotFound)
}

func TestLiveResponseRefusals(t *testing.T) {
	t.Parallel()
	linux := cbctest.Device{ID: 8, Name: "srv-8", OS: "LINUX"}
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{laptop(), linux}})
	c.call("POST", "LR/sessions", `{"device_id": -1}`, http.StatusNotFound)
	c.call("POST", "LR/sessions", `{"device_id": 7, "wait": true}`, http.StatusBadRequest)
	c.call("POST", "LR/sessions", `{"device_id": "seven"}`, http.StatusBadRequest)
	id := openSession(c)
	path := "LR/sessions/" + id + "/commands"
	for _, body := range []string{
		`{"name": "format disk"}`,
		`{"name": "kill"}`,
		`{"name": "kill", "pid": "x"}`,
		`{"name": "kill", "pid": 5120, "object": "5121"}`,
		`{"name": "kill", "pid": 5120, "force": true}`,
		`{"name": "delete file", "pid": 5120}`,
		`{"name": "delete file", "path": ""}`,
		`{"name": "process list", "session_id": "1:1"}`,
		`{"name": "put file", "path": "C:\\x"}`,
		`{"name": "put file", "path": "C:\\x", "file_id": "none"}`,
		`{"name": "create process", "path": "cmd.exe", "wait": "yes"}`,
		`{"name": "get file", "path": "C:\\x", "offset": -1}`,
		`["process list"]`,
		`{"name": "delete file", "path": "` + strings.Repeat("x", 11<<10) + `"}`,
	} {
		c.call("POST", path, body, http.StatusBadRequest)
	}
	c.call("GET", path+"/0", "", http.StatusNotFound)
	other := c.call("POST", "LR/sessions", `{"device_id": 8}`, http.StatusCreated)["id"].(string)
	c.call("POST", "LR/sessions/"+other+"/commands", `{"name": "reg enum key", "path": "HKLM"}`, http.StatusBadRequest)
	c.call("GET", "LR/sessions/"+id+"?verbose=true", "", http.StatusBadRequest)
}

func TestLiveResponsePermissions(t *testing.T) {
	t.Parallel()
	// What the original project documents as enough, and no more.
	minimum := []string{
		"org.liveresponse.session:CREATE", "org.liveresponse.session:READ", "org.liveresponse.session:DELETE",
		"org.liveresponse.process:READ", "org.liveresponse.process:DELETE", "org.liveresponse.file:DELETE",
	}
	c := newConsole(t, cbctest.World{
		Devices: []cbctest.Device{laptop()},
		Keys:    []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: minimum}},
	})
	id := openSession(c)
	runCommand(c, id, `{"name": "process list"}`)
	runCommand(c, id, `{"name": "kill", "pid": 5120}`)
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "get file", "path": "C:\\x"}`, http.StatusForbidden)
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "create process", "path": "cmd.exe"}`, http.StatusForbidden)
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "delete file", "path": "C:\\Users\\kim\\Downloads\\invoice.exe"}`, http.StatusCreated)
	c.call("GET", "LR/sessions/"+id+"/commands/2", "", http.StatusForbidden)
	c.call("GET", "LR/sessions/"+id+"/files", "", http.StatusForbidden)
	if files := c.srv.Files(7); len(files) != 2 {
		t.Errorf("files after the delete: %v", files)
	}
}
