package cbc

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// maxErrorBody is how much of an answer an error keeps.
const maxErrorBody = 64 << 10

func bounded(raw []byte) []byte { return bytes.Clone(raw[:min(len(raw), maxErrorBody)]) }

// withoutAnswer takes an answer of success out of the error that it could not be read: for answers that have secrets in them.
func withoutAnswer(err error) error {
	if e, ok := errors.AsType[*APIError](err); ok && e.StatusCode/100 == 2 {
		e.Body = nil
	}
	return err
}

// newAPIError makes the error of an answer without success.
func newAPIError(a rest.Answer) error {
	e := &APIError{Op: a.Op, StatusCode: a.Status, RetryAfter: a.RetryAfter, Body: bounded(a.Body), RequestID: requestID(a.Header)}
	e.readBody(a.Body)
	return e
}

// readBody takes what it can from an error body. There is no single form: every service has its own member names, members may
// have any type, and gateways answer with text, a page or nothing.
func (e *APIError) readBody(body []byte) {
	body = bytes.TrimSpace(body)
	members, ok := object(body)
	if !ok {
		if e.StatusCode/100 == 2 {
			e.Message = "not the documented answer: no JSON"
		} else if len(body) <= 200 && !bytes.HasPrefix(body, []byte("<")) && !bytes.HasPrefix(body, []byte("[")) && !bytes.HasPrefix(body, []byte("{")) {
			e.Message = strings.Trim(strings.ToValidUTF8(string(body), "?"), `"`)
		}
		return
	}
	e.Code = members.first("error_code", "translation_key")
	if reason := members.first("reason"); e.Code == "" && !strings.Contains(reason, " ") {
		e.Code = reason
	}
	if e.Code == "" {
		e.Code = members.first("status") // "NOT_FOUND"; the number of the same name is no text
	}
	e.Message = members.first("message", "errorMessage", "reason", "error")
	e.Field = members.first("field")
	e.ResourceType = members.first("resource_type")
}

// faultOf is the error of an answer that says 200 and means no.
func faultOf(op string, status int, raw []byte) error {
	if !bytes.Contains(raw, []byte(`"errorMessage"`)) && !bytes.Contains(raw, []byte(`"success"`)) {
		return nil
	}
	members, ok := object(raw)
	if !ok || members.first("errorMessage") == "" && string(bytes.TrimSpace(members["success"])) != "false" {
		return nil
	}
	e := &APIError{Op: op, StatusCode: status, Body: bounded(raw)}
	e.readBody(raw)
	if e.Message == "" {
		e.Message = "the answer says that it failed"
	}
	return e
}

// members are the members of a JSON object whose types are not known.
type members map[string]jsontext.Value

func object(body []byte) (members, bool) {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return nil, false
	}
	var m members
	err := json.Unmarshal(body, &m, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	return m, err == nil
}

// first is the first of the named members that is a text and not empty.
func (m members) first(names ...string) string {
	for _, name := range names {
		v, ok := m[name]
		if !ok || v.Kind() != '"' {
			continue
		}
		var s string
		if json.Unmarshal(v, &s, jsontext.AllowInvalidUTF8(true)) == nil && strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}

// requestID looks where gateways put the id of a call. The vendor documents no place.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "X-Correlation-Id", "X-Amzn-Requestid", "X-Amzn-Trace-Id"} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}
