package cbc

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// wireSession is a session on the wire. Names of the older API occur in mixed answers.
type wireSession struct {
	ID                string   `json:"id"`
	DeviceID          DeviceID `json:"device_id"`
	SensorID          DeviceID `json:"sensor_id"`
	Status            string   `json:"status"`
	CheckInTimeout    int64    `json:"check_in_timeout"`
	SessionTimeout    int64    `json:"session_timeout"`
	CommandIndex      int      `json:"current_command_index"`
	CreateTime        stamp    `json:"create_time"`
	CheckInTime       stamp    `json:"device_check_in_time"`
	SensorCheckInTime stamp    `json:"sensor_check_in_time"`
	Hostname          string   `json:"hostname"`
	Address           string   `json:"address"`
	OSVersion         string   `json:"os_version"`
	WorkingDirectory  string   `json:"current_working_directory"`
	SupportedCommands []string `json:"supported_commands"`
	Drives            []string `json:"drives"`
}

// info is the session, if it says which it is and how it is.
func (w wireSession) info(op string) (SessionInfo, error) {
	if w.ID == "" || w.Status == "" {
		return SessionInfo{}, answerError(op, http.StatusOK, nil, errors.New("a session without an id or a status"))
	}
	info := SessionInfo{
		ID: SessionID(w.ID), DeviceID: w.DeviceID, Status: w.Status,
		CheckInTimeout: seconds(w.CheckInTimeout), IdleTimeout: seconds(w.SessionTimeout),
		CommandIndex: w.CommandIndex, Created: w.CreateTime.Time, CheckedIn: w.CheckInTime.Time,
		Hostname: w.Hostname, Address: w.Address, OSVersion: w.OSVersion,
		WorkingDirectory: w.WorkingDirectory, SupportedCommands: w.SupportedCommands, Drives: w.Drives,
	}
	if info.DeviceID == 0 {
		info.DeviceID = w.SensorID
	}
	if info.CheckedIn.IsZero() {
		info.CheckedIn = w.SensorCheckInTime.Time
	}
	return info, nil
}

// seconds is a number of seconds as a duration; what makes no sense is zero.
func seconds(n int64) time.Duration {
	if n < 0 || n > math.MaxInt64/int64(time.Second) {
		return 0
	}
	return time.Duration(n) * time.Second
}

// wireCommand is a command on the wire. The id is kept as it came: 0 is a valid one, and absent is not 0.
type wireCommand struct {
	ID          jsontext.Value `json:"id"`
	Name        string         `json:"name"`
	Status      string         `json:"status"`
	ResultCode  hresult        `json:"result_code"`
	ResultType  string         `json:"result_type"`
	ResultDesc  string         `json:"result_desc"`
	FileDetails struct {
		FileID string `json:"file_id"`
	} `json:"file_details"`
	FileID         string             `json:"file_id"`
	Processes      []wireProcess      `json:"processes"`
	Files          []wireFile         `json:"files"`
	SubKeys        []string           `json:"sub_keys"`
	Values         []wireValue        `json:"values"`
	Value          maybe[wireValue]   `json:"value"`
	ProcessDetails maybe[wireStarted] `json:"process_details"`
	PID            int64              `json:"pid"`
	ReturnCode     int64              `json:"return_code"`
	MemoryDump     maybe[wireDump]    `json:"mem_dump"`
	Object         string             `json:"object"`
	Input          maybe[wireInput]   `json:"input"`
	Created        stamp              `json:"create_time"`
	Finished       stamp              `json:"finish_time"`
	Completed      stamp              `json:"completion_time"`
	Ended          stamp              `json:"completion"`
}

// wireStarted is what create process answers.
type wireStarted struct {
	PID        int64 `json:"pid"`
	ReturnCode int64 `json:"return_code"`
}

// wireDump is what memdump answers.
type wireDump struct {
	ReturnCode int64 `json:"return_code"`
}

// wireInput is what was asked of a command.
type wireInput struct {
	Object string `json:"object"`
}

// maybe is an object that belongs to one kind of command. What others have in its place is passed over.
type maybe[T any] struct{ is T }

// UnmarshalJSONFrom reads an object.
func (m *maybe[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil || raw.Kind() != '{' {
		return err
	}
	return json.Unmarshal(raw, &m.is, forgiving())
}

func (w wireCommand) id() (int, error) {
	text, ok := scalar(w.ID)
	if !ok {
		return 0, errors.New("a command without an id")
	}
	n, err := parseInteger(strings.TrimSpace(text))
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, errors.New("a command without a usable id")
	}
	return int(n), nil
}

// final tells whether the command is over. Words that are not known count as running, until there is no patience left.
func (w wireCommand) final() bool {
	switch strings.ToUpper(w.Status) {
	case "COMPLETE", "ERROR", "CANCELLED", "CANCELED", "CANCEL": //nolint:misspell // the service's own spellings
		return true
	}
	return false
}

func (w wireCommand) file() string {
	if w.FileDetails.FileID != "" {
		return w.FileDetails.FileID
	}
	return w.FileID
}

// wireProcess is a process on the wire, under its names and those of the older API.
type wireProcess struct {
	PID            jsontext.Value `json:"process_pid"`
	OldPID         jsontext.Value `json:"pid"`
	Path           string         `json:"process_path"`
	OldPath        string         `json:"path"`
	CommandLine    string         `json:"process_cmdline"`
	OldCommandLine string         `json:"command_line"`
	Username       string         `json:"process_username"`
	OldUsername    string         `json:"username"`
	CreateTime     string         `json:"process_create_time"`
	OldCreateTime  string         `json:"create_time"`
	SID            string         `json:"sid"`
	ParentPID      int64          `json:"parent_pid"`
	OlderParentPID int64          `json:"parent"`
}

// process is the process; with the error, all of it but its id.
func (w wireProcess) process() (RunningProcess, error) {
	p := RunningProcess{
		Path: either(w.Path, w.OldPath), CommandLine: either(w.CommandLine, w.OldCommandLine), Username: either(w.Username, w.OldUsername),
		Started: either(w.CreateTime, w.OldCreateTime), SID: w.SID, ParentPID: either(w.ParentPID, w.OlderParentPID),
	}
	for _, raw := range []jsontext.Value{w.PID, w.OldPID} {
		text, ok := scalar(raw)
		if !ok {
			continue
		}
		pid, err := parseInteger(strings.TrimSpace(text))
		if err == nil && (pid < 0 || pid > math.MaxUint32) {
			err = fmt.Errorf("%d is out of range", pid)
		}
		p.PID = pid
		return p, err
	}
	return p, errors.New("it is missing")
}

func either[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// hresult is the result of a command: 32 bits that come as a signed number, as an unsigned one, or as text.
type hresult uint32

// UnmarshalJSONFrom reads any of the forms. What is none of them is zero, like what is not there: the status decides.
func (h *hresult) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	text, _ := scalar(raw)
	n, err := parseInteger(strings.TrimSpace(text))
	if err != nil {
		n, err = strconv.ParseInt(strings.TrimSpace(text), 0, 64) // 0x80070002
	}
	*h = 0
	if err == nil && n >= math.MinInt32 && n <= math.MaxUint32 {
		*h = hresult(uint32(n & math.MaxUint32)) // what makes the signed form unsigned
	}
	return nil
}
