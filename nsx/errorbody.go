package nsx

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// requestIDHeader is on every answer; the vendor's support asks for it.
const requestIDHeader = "X-Nsx-Requestid"

func requestID(h http.Header) string { return h.Get(requestIDHeader) }

// errorBody is the vendor's form of an error, with every member optional and of any type: the same pages that document it
// declare errors to be plain text, and gateways in between have forms of their own.
type errorBody struct {
	Code    jsontext.Value `json:"error_code"`
	Module  jsontext.Value `json:"module_name"`
	Message jsontext.Value `json:"error_message"`
	Details jsontext.Value `json:"details"`
	Related jsontext.Value `json:"related_errors"`
}

// newAPIError makes the error of an answer without success.
func newAPIError(a rest.Answer) error {
	e := &APIError{Op: a.Op, StatusCode: a.Status, RetryAfter: a.RetryAfter, Body: a.Body, RequestID: requestID(a.Header)}
	body, ok := readErrorBody(a.Body)
	switch {
	case ok:
		e.Code, e.Module, e.Message, e.Details = number(body.Code), text(body.Module), text(body.Message), text(body.Details)
		for _, r := range related(body.Related) {
			e.Related = append(e.Related, RelatedError{Code: number(r.Code), Module: text(r.Module), Message: text(r.Message), Details: text(r.Details)})
		}
	case a.Status/100 == 2:
		e.Message = "not the documented answer"
	default:
		e.Message = plain(a.Body)
	}
	return e
}

func readErrorBody(raw []byte) (errorBody, bool) {
	var body errorBody
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return body, false
	}
	err := json.Unmarshal(raw, &body, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	return body, err == nil && (body.Code != nil || body.Message != nil || body.Module != nil)
}

// codeOf is the vendor's number in an answer, zero if there is none.
func codeOf(raw []byte) int {
	body, _ := readErrorBody(raw)
	return number(body.Code)
}

func related(v jsontext.Value) []errorBody {
	var list []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &list, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) != nil {
		return nil
	}
	var bodies []errorBody
	for _, item := range list {
		if body, ok := readErrorBody(item); ok {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

func text(v jsontext.Value) string {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s, jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	return s
}

// number reads a code, which is sometimes quoted.
func number(v jsontext.Value) int {
	var n int
	if v.Kind() == '"' {
		v = jsontext.Value(strings.TrimSpace(text(v)))
	}
	if len(v) == 0 || json.Unmarshal(v, &n) != nil {
		return 0
	}
	return n
}

// plain is what a short text says. Pages say nothing to a reader of logs.
func plain(raw []byte) string {
	s := strings.TrimSpace(string(raw))
	if len(s) > 500 || strings.HasPrefix(s, "<") || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		return ""
	}
	return s
}
