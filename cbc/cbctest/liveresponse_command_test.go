package cbctest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestLiveResponseCommandShape(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{laptop()}})
	id := openSession(c)
	c.wait(1500 * time.Millisecond)
	got := c.call("POST", "LR/sessions/"+id+"/commands",
		`{"session_id": "`+id+`", "name": "delete file", "path": "C:\\nowhere.exe", "object": "C:\\nowhere.exe"}`, http.StatusCreated)
	want := map[string]any{
		"id": 0.0, "name": "delete file", "status": "PENDING",
		"input":       map[string]any{"name": "delete file", "object": `C:\nowhere.exe`},
		"create_time": "2025-02-11T12:00:01Z", "finish_time": "2025-02-11T12:00:01.500Z",
		"result_code": 0.0, "result_desc": "", "values": []any{}, "sub_keys": []any{}, "files": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accepted command mismatch (-want +got):\n%s", diff)
	}
	got = c.call("GET", "LR/sessions/"+id+"/commands/0", "", http.StatusOK)
	want["status"], want["result_code"] = "ERROR", -2147024894.0
	want["result_type"], want["result_desc"] = "WinHresult", "File not found"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failed command mismatch (-want +got):\n%s", diff)
	}
}

func TestLiveResponseOlderForms(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Devices: []cbctest.Device{laptop()}}
	world.Switches.LiveResponse = cbctest.LiveResponseSwitches{
		LowerStatus: true, UnsignedResults: true, NullWhilePending: true, AbsentResults: true, EpochTimes: true,
		WrappedLists: true, KeepAliveEmpty: true, EndedStatus: "CLOSED", RunningStatus: "IN PROGRESS", CommandDelay: time.Minute,
	}
	c := newConsole(t, world)
	first := c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)
	if v, ok := first["supported_commands"]; !ok || v != nil || first["status"] != "pending" || first["create_time"] != 1739275200000.0 {
		t.Errorf("the pending session is %v", first)
	}
	id := openSession(c)
	c.raw("GET", "LR/sessions/"+id+"/keepalive", "", http.StatusNoContent)
	running := runCommand(c, id, `{"name": "kill", "pid": 1}`)
	if running["status"] != "in progress" {
		t.Errorf("a command at work is %v, want in progress", running["status"])
	}
	c.wait(time.Minute)
	done := c.call("GET", "LR/sessions/"+id+"/commands/0", "", http.StatusOK)
	want := map[string]any{
		"id": 0.0, "name": "kill", "status": "error", "input": map[string]any{"name": "kill", "object": 1.0},
		"create_time": 1739275200.0, "finish_time": 1739275260.0,
		"result_code": 2147942487.0, "result_type": "WinHresult", "result_desc": "",
	}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("failed command mismatch (-want +got):\n%s", diff)
	}
	for _, path := range []string{"LR/sessions", "LR/sessions/" + id + "/commands"} {
		if list, _ := c.call("GET", path, "", http.StatusOK)["results"].([]any); len(list) != 1 {
			t.Errorf("GET %s has %d results, want 1", path, len(list))
		}
	}
	c.raw("DELETE", "LR/sessions/"+id, "", http.StatusNoContent)
	if got := c.call("GET", "LR/sessions/"+id, "", http.StatusOK)["status"]; got != "closed" {
		t.Errorf("the ended session is %v, want closed", got)
	}
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "process list"}`, http.StatusNotFound)
}

func TestLiveResponseProcesses(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{laptop()}})
	id := openSession(c)
	list := runCommand(c, id, `{"name": "process list"}`)["processes"].([]any)
	last := list[len(list)-1].(map[string]any)
	delete(last, "process_create_time")
	delete(last, "parent_create_time")
	want := map[string]any{
		"process_pid": 5120.0, "process_path": `c:\users\kim\downloads\invoice.exe`,
		"process_cmdline": `"C:\Users\kim\Downloads\Invoice.exe" /s`, "process_username": `CORP\kim`,
		"sid": "s-1-5-18", "parent_pid": 0.0,
	}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("a line of the process list mismatch (-want +got):\n%s", diff)
	}
	if len(list) != 4 {
		t.Errorf("the process list has %d lines, want the 2 pseudo processes and 2 others", len(list))
	}
	for _, tc := range []struct {
		body   string
		status string
		code   float64
	}{
		{`{"name": "kill", "pid": 4}`, "ERROR", -2147024891},
		{`{"name": "kill", "pid": 999}`, "ERROR", -2147024809},
		{`{"name": "kill", "pid": "5120", "object": "5120"}`, "COMPLETE", 0},
		{`{"name": "kill", "object": "5120"}`, "ERROR", -2147024809},
		{`{"name": "create process", "path": "C:\\nowhere.exe /s"}`, "ERROR", -2147024894},
		{`{"name": "create process", "path": "\"C:\\Users\\kim\\Downloads\\Invoice.exe\" /again"}`, "COMPLETE", 0},
		{`{"name": "create process", "path": "cmd.exe /c dir", "wait": true, "output_file": "C:\\out.tmp"}`, "COMPLETE", 0},
	} {
		got := runCommand(c, id, tc.body)
		if got["status"] != tc.status || got["result_code"] != tc.code {
			t.Errorf("%s = %v %v, want %v %v", tc.body, got["status"], got["result_code"], tc.status, tc.code)
		}
	}
	wantRunning := []cbctest.RunningProcess{
		laptop().Running[0],
		{PID: 5124, Path: `C:\Users\kim\Downloads\Invoice.exe`, CmdLine: `"C:\Users\kim\Downloads\Invoice.exe" /again`},
	}
	if diff := cmp.Diff(wantRunning, c.srv.Running(7)); diff != "" {
		t.Errorf("Running(7) mismatch (-want +got):\n%s", diff)
	}
	details := runCommand(c, id, `{"name": "create process", "path": "cmd.exe", "wait": true}`)["process_details"]
	if diff := cmp.Diff(map[string]any{"pid": 5132.0, "return_code": 0.0}, details); diff != "" {
		t.Errorf("process_details mismatch (-want +got):\n%s", diff)
	}
}

func TestLiveResponseDeletes(t *testing.T) {
	t.Parallel()
	const invoice = `C:\\Users\\kim\\Downloads\\Invoice.exe`
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{laptop()}})
	id := openSession(c)
	remove := func(path string, want float64) {
		t.Helper()
		got := runCommand(c, id, `{"name": "delete file", "path": "`+path+`"}`)
		if got["result_code"] != want {
			t.Errorf("delete file %s = %v, want %v", path, got["result_code"], want)
		}
	}
	remove(invoice, -2147024864) // runs
	runCommand(c, id, `{"name": "kill", "pid": 5120}`)
	remove(`c:/users//KIM/downloads/invoice.exe`, 0)
	remove(invoice, -2147024894)
	remove(`C:\\none\\x.exe`, -2147024893)
	remove(`C:\\Users\\kim\\Down?oads`, -2147024773)
	remove(`Invoice.exe`, -2147024773)
	remove(`C:\\Users\\kim\\Downloads\\`, -2147024751)
	remove(`C:\\Users\\kim\\Downloads\\holiday.txt`, 0)
	remove(`C:\\Users\\kim\\Downloads`, 0)
	want := []cbctest.File{{Path: `C:\Windows\explorer.exe`, Content: "MZ"}}
	if diff := cmp.Diff(want, c.srv.Files(7)); diff != "" {
		t.Errorf("Files(7) mismatch (-want +got):\n%s", diff)
	}
}

func TestLiveResponseSwitchedFaults(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Devices: []cbctest.Device{laptop()}}
	world.Switches.LiveResponse.ImagesDeletable = true
	world.Switches.LiveResponse.KillAnything = true
	c := newConsole(t, world)
	id := openSession(c)
	if got := runCommand(c, id, `{"name": "delete file", "path": "C:\\Users\\kim\\Downloads\\Invoice.exe"}`); got["status"] != "COMPLETE" {
		t.Errorf("deleting the image of a running process: %v", got)
	}
	if got := runCommand(c, id, `{"name": "kill", "pid": 4}`); got["result_code"] != -2147024809.0 {
		t.Errorf("killing 4, which the world does not run: %v", got)
	}

	world.Switches.LiveResponse = cbctest.LiveResponseSwitches{RefuseWhilePending: true, RefuseDisabled: true}
	world.Devices[0].CheckIn = time.Minute
	world.Devices = append(world.Devices, cbctest.Device{ID: 8, Name: "LAP-8", SensorStates: []string{"LIVE_RESPONSE_DISABLED"}})
	c = newConsole(t, world)
	id = c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)["id"].(string)
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "process list"}`, http.StatusBadRequest)
	c.call("POST", "LR/sessions", `{"device_id": 8}`, http.StatusForbidden)

	world.Switches.LiveResponse = cbctest.LiveResponseSwitches{FailStart: true}
	world.Devices[0].CheckIn = 0
	c = newConsole(t, world)
	id = c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)["id"].(string)
	if got := c.call("GET", "LR/sessions/"+id, "", http.StatusOK)["status"]; got != "ERROR" {
		t.Errorf("a session that cannot start is %v, want ERROR", got)
	}
	c.call("POST", "LR/sessions/"+id+"/commands", `{"name": "process list"}`, http.StatusBadRequest)
	if again := c.call("POST", "LR/sessions", `{"device_id": 7}`, http.StatusCreated)["id"]; again == id {
		t.Errorf("a failed session is given out again")
	}
}

func TestLiveResponseQueue(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Devices: []cbctest.Device{laptop()}}
	world.Switches.LiveResponse.CommandDelay = 10 * time.Second
	c := newConsole(t, world)
	id := openSession(c)
	for _, body := range []string{`{"name": "kill", "pid": 880}`, `{"name": "kill", "pid": 5120}`, `{"name": "process list"}`} {
		c.call("POST", "LR/sessions/"+id+"/commands", body, http.StatusCreated)
	}
	c.raw("DELETE", "LR/sessions/"+id+"/commands/1", "", http.StatusNoContent)
	c.wait(10 * time.Second)
	c.call("DELETE", "LR/sessions/"+id+"/commands/0", "", http.StatusConflict)
	var got []string
	for _, cmd := range c.srv.Sessions()[0].Commands {
		got = append(got, fmt.Sprint(cmd.ID, cmd.Name, cmd.Object, cmd.Status))
	}
	want := []string{
		fmt.Sprint(0, "kill", "880", "COMPLETE"),
		fmt.Sprint(1, "kill", "5120", "CANCELLED"), //nolint:misspell // the service's own spelling
		fmt.Sprint(2, "process list", "", "PENDING"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commands mismatch (-want +got):\n%s", diff)
	}
	c.raw("DELETE", "LR/sessions/"+id, "", http.StatusNoContent)
	c.wait(time.Minute)
	if n := len(c.srv.Running(7)); n != 1 {
		t.Errorf("%d processes run, want 1: the canceled kill must not have happened", n)
	}
}

func TestLiveResponseProcessThatComesBack(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{{
		ID: 7, Name: "LAB-7", Running: []cbctest.RunningProcess{{PID: 5120, Path: `C:\Temp\a.exe`, Started: 1739264400, Restarts: 1}},
	}}})
	id := openSession(c)
	for _, want := range [][]cbctest.RunningProcess{
		{{PID: 5120, Path: `C:\Temp\a.exe`, Started: 1739264400, Restarts: 1}}, {{PID: 5124, Path: `C:\Temp\a.exe`, Started: 1739264401}}, nil,
	} {
		running := c.srv.Running(7)
		if diff := cmp.Diff(want, running, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Running(7) mismatch (-want +got):\n%s", diff)
		}
		for _, p := range running {
			list, _ := runCommand(c, id, `{"name": "process list"}`)["processes"].([]any)
			if last, _ := list[len(list)-1].(map[string]any); last["process_create_time"] != float64(p.Started) {
				t.Errorf("process list = %v, want %d as the time of the start", list, p.Started)
			}
			runCommand(c, id, fmt.Sprintf(`{"name": "kill", "pid": %d}`, p.PID))
		}
	}
}

func TestLiveResponseLinux(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{{
		ID: 7, Name: "srv-7", OS: "LINUX",
		Running: []cbctest.RunningProcess{{PID: 4, Path: "/tmp/miner"}},
		Files:   []cbctest.File{{Path: "/tmp/Miner"}},
	}}})
	id := openSession(c)
	got := runCommand(c, id, `{"name": "delete file", "path": "/tmp/MINER"}`)
	if got["result_code"] != 2.0 || got["result_type"] == "WinHresult" {
		t.Errorf("a missing file: %v", got)
	}
	for _, body := range []string{`{"name": "delete file", "path": "/tmp/miner"}`, `{"name": "kill", "pid": 4}`} {
		if got := runCommand(c, id, body); got["status"] != "COMPLETE" {
			t.Errorf("%s: %v", body, got)
		}
	}
	if got := runCommand(c, id, `{"name": "kill", "pid": 4}`); got["result_code"] != 3.0 {
		t.Errorf("a missing process: %v", got)
	}
	if diff := cmp.Diff([]cbctest.File{{Path: "/tmp/Miner"}}, c.srv.Files(7)); diff != "" {
		t.Errorf("Files(7) mismatch (-want +got):\n%s", diff)
	}
}
