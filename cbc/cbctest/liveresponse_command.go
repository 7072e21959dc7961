package cbctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// command is one command of a session.
type command struct {
	id      int
	name    string
	windows bool   // the device's
	object  string // its main argument as text
	pid     int64
	request request
	input   map[string]any // what the service echoes
	created time.Time
	started time.Time // zero: still queued
	done    time.Time // zero: still running
	status  string
	fault   fault
	code    uint32
	result  map[string]any // what only this kind of command answers
	file    *transfer      // of get file and put file
}

// request is the body of a command, member by member.
type request map[string]json.RawMessage

// kind says what a command asks for.
type kind struct {
	issue   string   // permission to issue it
	poll    string   // permission to look at it
	main    string   // the member with its main argument: "path", "pid" or none
	need    []string // further members that must be there
	may     []string // further members that may be there
	windows bool     // known on Windows alone
}

// kindOf looks up a command by its name.
func kindOf(name string) (kind, bool) {
	const (
		process  = "org.liveresponse.process:"
		file     = "org.liveresponse.file:"
		registry = "org.liveresponse.registry:"
		memory   = "org.liveresponse.memdump:"
	)
	switch name {
	case "process list":
		return kind{issue: process + "READ", poll: process + "READ"}, true
	case "kill":
		return kind{issue: process + "DELETE", poll: process + "READ", main: "pid"}, true
	case "create process":
		return kind{
			issue: process + "EXECUTE", poll: process + "READ", main: "path",
			may: []string{"wait", "output_file", "working_directory"},
		}, true
	case "directory list":
		return kind{issue: file + "READ", poll: file + "READ", main: "path"}, true
	case "delete file":
		return kind{issue: file + "DELETE", poll: file + "READ", main: "path"}, true
	case "get file":
		return kind{issue: file + "READ", poll: file + "READ", main: "path", may: []string{"offset", "get_count"}}, true
	case "put file":
		return kind{issue: file + "CREATE", poll: file + "READ", main: "path", need: []string{"file_id"}}, true
	case "create directory":
		return kind{issue: file + "CREATE", poll: file + "READ", main: "path"}, true
	case "memdump":
		return kind{issue: memory + "READ", poll: memory + "READ", main: "path", may: []string{"compress"}}, true
	case "reg enum key", "reg query value":
		return kind{issue: registry + "READ", poll: registry + "READ", main: "path", windows: true}, true
	case "reg create key":
		return kind{issue: registry + "CREATE", poll: registry + "READ", main: "path", windows: true}, true
	case "reg set value":
		return kind{
			issue: registry + "UPDATE", poll: registry + "READ", main: "path", windows: true,
			need: []string{"value_type", "value_data"}, may: []string{"overwrite"},
		}, true
	case "reg delete key", "reg delete value":
		return kind{issue: registry + "DELETE", poll: registry + "READ", main: "path", windows: true}, true
	default:
		return kind{}, false
	}
}

// commandNames lists what a sensor supports, in the order in which sensors send it.
func commandNames(windows bool) []string {
	all := []string{
		"put file", "get file", "memdump", "create directory", "delete file", "directory list", "reg enum key",
		"reg query value", "reg create key", "reg delete key", "reg delete value", "reg set value", "process list",
		"kill", "create process",
	}
	if windows {
		return all
	}
	return slices.DeleteFunc(all, func(name string) bool {
		k, _ := kindOf(name)
		return k.windows
	})
}

// parseCommand reads the body of a command and checks every member of it.
func parseCommand(body []byte, sessionID string) (*command, kind, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil || r == nil {
		return nil, kind{}, errors.New("the body is not a JSON object")
	}
	name, err := r.text("name")
	if err != nil {
		return nil, kind{}, err
	}
	k, ok := kindOf(name)
	if !ok {
		return nil, kind{}, fmt.Errorf("unknown command %q", name)
	}
	// Older clients send the main argument as object, alone or beside path or pid, and the SDK repeats the session.
	known := slices.Concat([]string{"name", "session_id", "object", k.main}, k.need, k.may)
	for _, member := range slices.Sorted(maps.Keys(r)) {
		if member == "" || !slices.Contains(known, member) {
			return nil, kind{}, fmt.Errorf("unknown member %q in %s", member, name)
		}
	}
	for _, member := range k.need {
		if _, ok := r[member]; !ok {
			return nil, kind{}, fmt.Errorf("%s needs the member %s", name, member)
		}
	}
	if id, err := r.text("session_id"); r["session_id"] != nil && (err != nil || id != sessionID) {
		return nil, kind{}, errors.New("session_id is not the session of the path")
	}
	c := &command{name: name, request: r, status: statusPending, input: map[string]any{"name": name}}
	if err := c.argument(k); err != nil {
		return nil, kind{}, err
	}
	if err := r.check(); err != nil {
		return nil, kind{}, err
	}
	for _, member := range slices.Concat(k.need, k.may) {
		if raw, ok := r[member]; ok {
			c.input[member] = raw
		}
	}
	return c, k, nil
}

// argument reads the main argument from path or pid, or from object.
func (c *command) argument(k kind) error {
	if k.main == "" {
		return nil
	}
	var given []string
	for _, member := range []string{k.main, "object"} {
		raw, ok := c.request[member]
		if !ok {
			continue
		}
		text, err := c.request.text(member)
		if err != nil && k.main == "pid" {
			text, err = string(bytes.TrimSpace(raw)), nil
		}
		if err != nil {
			return err
		}
		given = append(given, text)
		c.input["object"] = raw
	}
	if len(given) == 0 || given[0] == "" {
		return fmt.Errorf("%s needs the member %s", c.name, k.main)
	}
	if len(given) == 2 && given[0] != given[1] {
		return fmt.Errorf("%s and object differ", k.main)
	}
	c.object = given[0]
	if k.main == "pid" {
		pid, err := strconv.ParseInt(c.object, 10, 64)
		if err != nil {
			return errors.New("pid is not a number")
		}
		c.pid = pid
	}
	return nil
}

// check verifies the types of the further members.
func (r request) check() error {
	for _, member := range []string{"wait", "compress", "overwrite"} {
		if raw := r[member]; raw != nil && string(raw) != "true" && string(raw) != "false" {
			return fmt.Errorf("%s is not true or false", member)
		}
	}
	for _, member := range []string{"offset", "get_count"} {
		var n int64
		if raw := r[member]; raw != nil && (json.Unmarshal(raw, &n) != nil || n < 0) {
			return fmt.Errorf("%s is not a number of bytes", member)
		}
	}
	for _, member := range []string{"output_file", "working_directory", "file_id", "value_type"} {
		if r[member] == nil {
			continue
		}
		if _, err := r.text(member); err != nil {
			return err
		}
	}
	return nil
}

// text reads a member that is a string.
func (r request) text(member string) (string, error) {
	var v *string
	if err := json.Unmarshal(r[member], &v); err != nil || v == nil {
		return "", fmt.Errorf("%s is missing or not a string", member)
	}
	return *v, nil
}

// maybe reads a string that need not be there.
func (r request) maybe(member string) string {
	v, err := r.text(member)
	if err != nil {
		return ""
	}
	return v
}

// flag reads a checked boolean; absent is false.
func (r request) flag(member string) bool { return string(r[member]) == "true" }

// number reads a checked number; absent is 0.
func (r request) number(member string) int64 {
	var n int64
	if raw := r[member]; raw != nil && json.Unmarshal(raw, &n) != nil {
		return 0
	}
	return n
}
