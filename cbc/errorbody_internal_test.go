package cbc

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestNewAPIError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file   string
		status int
		want   APIError
		text   string
	}{
		{
			"error_enum.json", 400,
			APIError{Code: "INVALID_ENUM_VALUE", Message: "Malformed JSON input: terms.fields[0]", Field: "terms.fields[0]"},
			"cbc: devices.search: 400 Bad Request: INVALID_ENUM_VALUE: Malformed JSON input: terms.fields[0]",
		},
		{
			"error_org.json", 404,
			APIError{Code: "NOT_FOUND", Message: "org not found", ResourceType: "org"},
			"cbc: devices.search: 404 Not Found: NOT_FOUND: org not found",
		},
		{
			"error_not_found.json", 404,
			APIError{Code: "NOT_FOUND", Message: "Session not found"},
			"cbc: devices.search: 404 Not Found: NOT_FOUND: Session not found",
		},
		{
			"error_reason.json", 400,
			APIError{Code: "query_malformed_syntax", Message: "unbalanced parenthesis"},
			"cbc: devices.search: 400 Bad Request: query_malformed_syntax: unbalanced parenthesis",
		},
		{
			"error_translation.json", 400,
			APIError{Code: "invalid_input", Message: "Solr syntax error"},
			"cbc: devices.search: 400 Bad Request: invalid_input: Solr syntax error",
		},
		{"error_success.json", 401, APIError{Message: "Authorization failed"}, "cbc: devices.search: 401 Unauthorized: Authorization failed"},
		{"error_message.json", 503, APIError{Message: "Unavailable"}, "cbc: devices.search: 503 Service Unavailable: Unavailable"},
		{"error_v3.json", 404, APIError{Code: "NOT_FOUND", Message: "Session not found"}, "cbc: devices.search: 404 Not Found: NOT_FOUND: Session not found"},
		{"error_framework.json", 404, APIError{Message: "Not Found"}, "cbc: devices.search: 404 Not Found: Not Found"},
		{"error_text.txt", 403, APIError{Message: "Forbidden"}, "cbc: devices.search: 403 Forbidden: Forbidden"},
		{"error_page.html", 502, APIError{}, "cbc: devices.search: 502 Bad Gateway"},
		{"error_page.html", 200, APIError{Message: "not the documented answer: no JSON"}, "cbc: devices.search: 200 OK: not the documented answer: no JSON"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			body := sample(t, tt.file)
			tt.want.Op, tt.want.StatusCode, tt.want.Body = "devices.search", tt.status, body
			err := newAPIError(rest.Answer{Op: "devices.search", Status: tt.status, Body: body})
			got, ok := errors.AsType[*APIError](err)
			if !ok {
				t.Fatalf("newAPIError = %T, want *APIError", err)
			}
			if diff := cmp.Diff(tt.want, *got, cmpopts.IgnoreUnexported(APIError{})); diff != "" {
				t.Errorf("newAPIError mismatch (-want +got):\n%s", diff)
			}
			if got.Error() != tt.text {
				t.Errorf("Error() = %q, want %q", got.Error(), tt.text)
			}
		})
	}
}

func TestAPIErrorIs(t *testing.T) {
	t.Parallel()
	sentinels := map[error]string{
		ErrNotFound: "not found", ErrUnknownOrg: "org", ErrUnauthorized: "unauthorized", ErrForbidden: "forbidden",
		ErrRateLimited: "rate", ErrConflict: "conflict", ErrQuerySyntax: "query", ErrIncomplete: "incomplete", ErrAmbiguous: "ambiguous",
	}
	for _, tt := range []struct {
		name  string
		err   error
		want  string
		again bool
	}{
		{"400", &APIError{StatusCode: 400}, "", false},
		{"400 for a query", &APIError{StatusCode: 400, Code: "query_malformed_syntax"}, "query", false},
		{"401", &APIError{StatusCode: 401}, "unauthorized", false},
		{"403", &APIError{StatusCode: 403}, "forbidden", false},
		{"404", &APIError{StatusCode: 404}, "not found", false},
		{"404 for the organization", &APIError{StatusCode: 404, ResourceType: "org"}, "org", false},
		{"404 for the organization, in words only", &APIError{StatusCode: 404, Message: "Org not found"}, "org", false},
		{"409", &APIError{StatusCode: 409}, "conflict", false},
		{"429", &APIError{StatusCode: 429}, "rate", true},
		{"500", &APIError{StatusCode: 500}, "", true},
		{"501", &APIError{StatusCode: 501}, "", false},
		{"502", &APIError{StatusCode: 502}, "", true},
		{"200 that means no", &APIError{StatusCode: 200}, "", true},
		{"an incomplete search", &IncompleteError{}, "incomplete", true},
		{"a truncated search", &IncompleteError{Status: Status{Finished: true, Truncated: true}}, "incomplete", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for sentinel, name := range sentinels {
				if got, want := errors.Is(tt.err, sentinel), name == tt.want; got != want {
					t.Errorf("errors.Is(%v, %v) = %v, want %v", tt.err, sentinel, got, want)
				}
			}
			if again, ok := errors.AsType[interface {
				error
				Retryable() bool
			}](tt.err); !ok || again.Retryable() != tt.again {
				t.Errorf("Retryable() is not %v", tt.again)
			}
		})
	}
}

func TestAPIErrorKeepsWhatHelps(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxErrorBody+1)
	err := newAPIError(rest.Answer{
		Op: "policies.list", Status: 429, RetryAfter: time.Minute, Body: []byte(long),
		Header: http.Header{"X-Request-Id": {"r-1"}, "X-Auth-Token": {"echoed"}},
	})
	got, _ := errors.AsType[*APIError](err)
	if got.RequestID != "r-1" || got.RetryAfter != time.Minute || len(got.Body) != maxErrorBody {
		t.Errorf("got request %q, wait %v, body of %d", got.RequestID, got.RetryAfter, len(got.Body))
	}
	if want := "cbc: policies.list: 429 Too Many Requests (request r-1)"; got.Error() != want {
		t.Errorf("Error() = %q, want %q", got.Error(), want)
	}
}

func TestFaultOf(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"errorMessage":"Unavailable"}`:         "cbc: x: 200 OK: Unavailable",
		`{"success":false,"message":"no"}`:       "cbc: x: 200 OK: no",
		`{"success" : false }`:                   "cbc: x: 200 OK: the answer says that it failed",
		`{"success":true,"results":[]}`:          "",
		`{"errorMessage":null,"results":[]}`:     "",
		`{"errorMessage":"","results":[]}`:       "",
		`{"results":[{"errorMessage":"inner"}]}`: "",
		`[{"success":false}]`:                    "",
		`{"success":fal`:                         "",
		``:                                       "",
	} {
		got := ""
		if err := faultOf("x", 200, []byte(body)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("faultOf(%s) = %q, want %q", body, got, want)
		}
	}
}

func FuzzErrorBody(f *testing.F) {
	for _, name := range []string{"error_enum.json", "error_org.json", "error_reason.json", "error_translation.json", "error_success.json", "error_message.json", "error_v3.json", "error_framework.json", "error_text.txt", "error_page.html"} {
		f.Add(sample(f, name))
	}
	f.Add([]byte(" "))
	f.Add([]byte(`{"message":["a"],"message":"b","error_code":7,"field":"\u202e"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		err := newAPIError(rest.Answer{Op: "devices.search", Status: 400, Body: body})
		text := err.Error()
		if !strings.HasPrefix(text, "cbc: devices.search: 400 Bad Request") {
			t.Errorf("Error() = %q, want the operation and the status", text)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }) || len([]rune(text)) > 1500 {
			t.Errorf("Error() = %q, want one readable line", text)
		}
		_ = faultOf("x", 200, body)
	})
}
