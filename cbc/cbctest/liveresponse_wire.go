package cbctest

import (
	"cmp"
	"maps"
	"strings"
	"time"
)

// millis is the form of most times on the wire.
const millis = "2006-01-02T15:04:05.000Z"

// seconds is the form of a command's creation.
const seconds = "2006-01-02T15:04:05Z"

// lrTime writes a time of a session or command: unit is that of the older form, which is a number.
func (s *Server) lrTime(t time.Time, layout string, unit time.Duration) any {
	if !s.lr().EpochTimes {
		return t.UTC().Format(layout)
	}
	if unit == time.Millisecond {
		return t.UnixMilli()
	}
	return float64(t.UnixMilli()) / 1000
}

// lrStatus writes a status in the case that is switched on.
func (s *Server) lrStatus(status string) string {
	if s.lr().LowerStatus {
		return strings.ToLower(status)
	}
	return status
}

// sessionJSON is a session on the wire.
func (s *Server) sessionJSON(ss *session) map[string]any {
	status := ss.status()
	if status == statusEnded {
		status = s.lr().EndedStatus
	}
	seen := ss.active
	if seen.IsZero() {
		seen = ss.created
	}
	m := map[string]any{
		"id": ss.id, "device_id": ss.device, "status": s.lrStatus(status),
		"check_in_timeout": int(ss.checkIn.Seconds()), "session_timeout": int(idleTimeout.Seconds()),
		"current_command_index": len(ss.commands),
		"create_time":           s.lrTime(ss.created, millis, time.Millisecond),
		"device_check_in_time":  s.lrTime(seen, millis, time.Millisecond),
	}
	sensor := s.edr.sensors[ss.device]
	switch {
	case status == statusActive:
		m["hostname"], m["address"], m["os_version"] = nil, nil, nil
		m["current_working_directory"] = "/"
		if sensor.windows {
			m["current_working_directory"] = `C:\Windows\system32`
		}
		m["supported_commands"] = commandNames(sensor.windows)
		m["drives"] = sensor.disk.drives()
	case s.lr().NullWhilePending:
		for _, member := range []string{
			"hostname", "address", "os_version", "current_working_directory", "supported_commands", "drives",
		} {
			m[member] = nil
		}
		if ss.active.IsZero() {
			m["device_check_in_time"] = nil
		}
	}
	return m
}

// commandJSON is a command on the wire.
func (s *Server) commandJSON(c *command) map[string]any {
	status := c.status
	if status == statusPending && !c.started.IsZero() && s.lr().RunningStatus != "" {
		status = s.lr().RunningStatus
	}
	// The service sets finish_time while a command is still pending: it is no sign of completion.
	finish := c.done
	if finish.IsZero() {
		finish = c.created
	}
	m := map[string]any{
		"id": c.id, "name": c.name, "status": s.lrStatus(status), "input": c.input,
		"create_time": s.lrTime(c.created, seconds, time.Second),
		"finish_time": s.lrTime(finish, millis, time.Second),
		"result_desc": c.fault.text(),
	}
	m["result_code"] = int32(c.code) //nolint:gosec // the wrap-around is the signed form of an HRESULT
	if s.lr().UnsignedResults {
		m["result_code"] = c.code
	}
	if c.fault != faultNone {
		m["result_type"] = "Errno"
		if c.windows {
			m["result_type"] = "WinHresult"
		}
	}
	if !s.lr().AbsentResults {
		m["values"], m["sub_keys"], m["files"] = []any{}, []any{}, []any{}
	}
	maps.Copy(m, c.result)
	if c.name == "get file" {
		m["file_details"] = map[string]any{
			"file_id": c.file.id, "offset": c.request.number("offset"),
			"count": max(c.request.number("get_count"), int64(len(c.file.data))),
		}
	}
	return m
}

// process is one line of a process list. The times look like the ones the service sends, which nobody can read.
func processLine(p RunningProcess) map[string]any {
	return map[string]any{
		"process_pid": p.PID, "process_path": p.Path, "process_cmdline": p.CmdLine, "process_username": p.Username,
		"process_create_time": cmp.Or(p.Started, 133600000000+p.PID), "sid": "s-1-5-18",
		"parent_pid": 0, "parent_create_time": int64(133600000000000000),
	}
}
