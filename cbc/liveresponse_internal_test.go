package cbc

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

func decode[T any](t *testing.T, data []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v, forgiving()); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDecodeSession(t *testing.T) {
	t.Parallel()
	created := time.Date(2024, 5, 14, 9, 11, 2, 118e6, time.UTC)
	pending := SessionInfo{
		ID: "4182:7654321", DeviceID: 7654321, Status: "PENDING", CheckInTimeout: 15 * time.Minute, IdleTimeout: 15 * time.Minute,
		Created: created, CheckedIn: created.Add(2 * time.Millisecond),
	}
	nulls := pending
	nulls.Status, nulls.CheckedIn = "pending", time.Time{}
	for _, tt := range []struct {
		file  string
		want  SessionInfo
		state string
	}{
		{"session_pending.json", pending, "pending"},
		{"session_nulls.json", nulls, "pending"},
		{"session_active.json", SessionInfo{
			ID: "4182:7654321", DeviceID: 7654321, Status: "ACTIVE", CheckInTimeout: 15 * time.Minute, IdleTimeout: 15 * time.Minute,
			CommandIndex: 3, Created: created, CheckedIn: created.Add(29*time.Second + 822*time.Millisecond),
			WorkingDirectory: `C:\Windows\system32`, Drives: []string{`C:\`, `D:\`},
			SupportedCommands: []string{
				"put file", "get file", "memdump", "create directory", "delete file", "directory list", "reg enum key", "reg query value",
				"reg create key", "reg delete key", "reg delete value", "reg set value", "process list", "kill", "create process",
			},
		}, "active"},
		{"session_v3.json", SessionInfo{
			ID: "4182:7654321", DeviceID: 7654321, Status: "active", CheckInTimeout: 2 * time.Minute, IdleTimeout: 5 * time.Minute,
			Created: created, CheckedIn: created.Add(29*time.Second + 822*time.Millisecond), Hostname: "LAB-7", Address: "192.0.2.7",
			WorkingDirectory: `C:\Windows\CarbonBlack`, Drives: []string{`C:\`},
			SupportedCommands: []string{"delete file", "process list", "kill"},
		}, "active"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			got, err := decode[wireSession](t, sample(t, "edr/"+tt.file)).info("op")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("session mismatch (-want +got):\n%s", diff)
			}
			if got.pending() != (tt.state == "pending") || got.active() != (tt.state == "active") || got.ended() {
				t.Errorf("%q counts as pending %t, active %t, ended %t", got.Status, got.pending(), got.active(), got.ended())
			}
		})
	}
}

func TestSessionWithoutIdentityIsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"id":"1:2"}`, `{"status":"ACTIVE"}`, `{"id":null,"status":"ACTIVE"}`} {
		if got, err := decode[wireSession](t, []byte(body)).info("op"); err == nil {
			t.Errorf("session of %s = %+v, want an error", body, got)
		}
	}
}

func TestSessionStatuses(t *testing.T) {
	t.Parallel()
	for status, ended := range map[string]bool{
		"PENDING": false, "pending": false, "ACTIVE": false, "Active": false, "ERROR": true, "CLOSED": true, "TIMEOUT": true, "": true,
	} {
		if got := (SessionInfo{Status: status}).ended(); got != ended {
			t.Errorf("ended with status %q = %t, want %t", status, got, ended)
		}
	}
}

func TestDecodeCommand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file  string
		id    int
		final bool
		code  uint32
		desc  string
	}{
		{"command_pending.json", 0, false, 0, ""},
		{"command_error.json", 2, true, 0x80070002, "File not found"},
		{"command_error_unsigned.json", 3, true, 0x80070057, ""},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			w := decode[wireCommand](t, sample(t, "edr/"+tt.file))
			id, err := w.id()
			if err != nil || id != tt.id {
				t.Errorf("id = %d, %v, want %d", id, err, tt.id)
			}
			if w.final() != tt.final || uint32(w.ResultCode) != tt.code || w.ResultDesc != tt.desc {
				t.Errorf("final %t, code %#x, description %q; want %t, %#x, %q", w.final(), uint32(w.ResultCode), w.ResultDesc, tt.final, tt.code, tt.desc)
			}
		})
	}
	w := decode[wireCommand](t, sample(t, "edr/command_get_file.json"))
	if got, want := w.file(), "7c3d9a52-8f11-4b2e-9d1f-0e6a5b4c3d21"; got != want {
		t.Errorf("file id = %q, want %q", got, want)
	}
	if got := decode[wireCommand](t, []byte(`{"id":0,"file_id":"old"}`)).file(); got != "old" {
		t.Errorf("file id at the top = %q, want %q", got, "old")
	}
}

// TestCommandIDs keeps an id that is missing from passing for the id 0, which is that of another command.
func TestCommandIDs(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{"id":0}`: 0, `{"id":"7"}`: 7, `{"id":250}`: 250,
		`{}`: -1, `{"id":null}`: -1, `{"id":"x"}`: -1, `{"id":-1}`: -1, `{"id":{}}`: -1, `{"id":1.5}`: -1, `{"id":99999999999}`: -1,
	} {
		got, err := decode[wireCommand](t, []byte(body)).id()
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("id of %s = %d, want %d", body, got, want)
		}
	}
}

func TestCommandStatuses(t *testing.T) {
	t.Parallel()
	for status, final := range map[string]bool{
		"COMPLETE": true, "complete": true, "ERROR": true, "error": true, "CANCELED": true, "cancel": true,
		"CANCELLED": true, //nolint:misspell // the service's own spelling
		"PENDING":   false, "IN PROGRESS": false, "IN_PROGRESS": false, "": false, "anything": false,
	} {
		if got := (wireCommand{Status: status}).final(); got != final {
			t.Errorf("final with status %q = %t, want %t", status, got, final)
		}
	}
}

func TestResultCodes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint32{
		`-2147024894`: 0x80070002, `2147942402`: 0x80070002, `"-2147024894"`: 0x80070002, `"0x80070002"`: 0x80070002,
		`2147942402.0`: 0x80070002, `0`: 0, `null`: 0, `""`: 0, `"x"`: 0, `{}`: 0, `[-2147024894]`: 0x80070002, `2`: 2,
		`4294967296`: 0, `-2147483649`: 0, `true`: 0,
	} {
		var got hresult
		if err := json.Unmarshal([]byte(text), &got); err != nil || uint32(got) != want {
			t.Errorf("result code %s = %#x, %v, want %#x", text, uint32(got), err, want)
		}
	}
}

func TestStamps(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 14, 9, 12, 40, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2024-05-14T09:12:40Z"`: at, `"2024-05-14T09:12:40.310Z"`: at.Add(310 * time.Millisecond), `"2024-05-14T11:12:40+02:00"`: at,
		`1715677960`: at, `1715677960.5`: at.Add(500 * time.Millisecond), `"1715677960"`: at, `1715677960000`: at, `"1715677960310"`: at.Add(310 * time.Millisecond),
		`0`: {}, `null`: {}, `""`: {}, `"yesterday"`: {}, `-5`: {}, `1e300`: {}, `"NaN"`: {}, `"Inf"`: {}, `{}`: {}, `true`: {},
	} {
		var got stamp
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(want) {
			t.Errorf("time %s = %v, %v, want %v", text, got.Time, err, want)
		}
	}
}

func TestDecodeProcesses(t *testing.T) {
	t.Parallel()
	kim := RunningProcess{
		PID: 5120, Path: `c:\users\kim\downloads\invoice.exe`, CommandLine: `"C:\Users\kim\Downloads\invoice.exe" /s`,
		Username: `CONTOSO\kim`, SID: "s-1-5-21-1-2-3-1001", ParentPID: 880, Started: "133600123456",
	}
	old := kim
	old.CommandLine, old.SID, old.Started = "invoice.exe /s", "S-1-5-21-1-2-3-1001", "1715677000"
	system := RunningProcess{PID: 4, Path: "SYSTEM", Username: `NT AUTHORITY\SYSTEM`, SID: "s-1-5-18", Started: "133600000001"}
	idle := RunningProcess{Username: `NT AUTHORITY\SYSTEM`, SID: "s-1-5-18", Started: "0"}
	for file, want := range map[string][]RunningProcess{
		"processes.json":    {idle, system, kim},
		"processes_v3.json": {old},
	} {
		var got []RunningProcess
		for _, w := range decode[wireCommand](t, sample(t, "edr/"+file)).Processes {
			p, err := w.process()
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			got = append(got, p)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", file, diff)
		}
	}
}

func TestProcessIDs(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int64{
		`{"process_pid":5120}`: 5120, `{"pid":"5120"}`: 5120, `{"process_pid":[5120]}`: 5120, `{"process_pid":null,"pid":7}`: 7, `{"process_pid":0}`: 0,
		`{}`: -1, `{"process_pid":null}`: -1, `{"process_pid":"x"}`: -1, `{"process_pid":-1}`: -1, `{"process_pid":99999999999}`: -1,
	} {
		p, err := decode[wireProcess](t, []byte(body)).process()
		got := p.PID
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("process id of %s = %d, want %d", body, got, want)
		}
	}
}
