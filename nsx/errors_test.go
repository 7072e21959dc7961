package nsx_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/nsx"
)

func TestErrorsOfTheManager(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer canned
		want   nsx.APIError
		text   string
		is     error
		again  bool
	}{
		{
			"the whole form",
			canned{status: 400, header: http.Header{"X-Nsx-Requestid": {"8e0b"}}, body: `{
				"httpStatus":"BAD_REQUEST","error_code":500157,"module_name":"Policy","error_message":"Error while creating the object.","details":"",
				"related_errors":[{"httpStatus":"BAD_REQUEST","error_code":610717,"module_name":"policy","error_message":"Lower-level message","details":"tags, field 31 count exceeds the maximum allowed"}]}`},
			nsx.APIError{
				StatusCode: 400, Code: 500157, Module: "Policy", Message: "Error while creating the object.", RequestID: "8e0b",
				Related: []nsx.RelatedError{{Code: 610717, Module: "policy", Message: "Lower-level message", Details: "tags, field 31 count exceeds the maximum allowed"}},
			},
			"nsx: virtual_machines.get: 400 Bad Request: Error while creating the object.: Lower-level message: tags, field 31 count exceeds the maximum allowed (code 500157) (request 8e0b)", nil, false,
		},
		{"wrong credentials", canned{status: 403, body: `{"module_name":"common-services","error_message":"locked","error_code":403}`}, nsx.APIError{StatusCode: 403, Code: 403, Module: "common-services", Message: "locked"}, "nsx: virtual_machines.get: 403 Forbidden: locked (code 403)", nsx.ErrUnauthorized, false},
		{"a code in quotes", canned{status: 403, body: `{"error_code":"98"}`}, nsx.APIError{StatusCode: 403, Code: 98}, "nsx: virtual_machines.get: 403 Forbidden (code 98)", nsx.ErrUnauthorized, false},
		{"401", canned{status: 401}, nsx.APIError{StatusCode: 401}, "nsx: virtual_machines.get: 401 Unauthorized", nsx.ErrUnauthorized, false},
		{"a license", canned{status: 403, body: `{"error_code":505,"error_message":"license"}`}, nsx.APIError{StatusCode: 403, Code: 505, Message: "license"}, "nsx: virtual_machines.get: 403 Forbidden: license (code 505)", nsx.ErrForbidden, false},
		{"403 without a form", canned{status: 403, body: "no"}, nsx.APIError{StatusCode: 403, Message: "no"}, "nsx: virtual_machines.get: 403 Forbidden: no", nsx.ErrForbidden, false},
		{"not found", canned{status: 404, body: `{"error_code":600}`}, nsx.APIError{StatusCode: 404, Code: 600}, "nsx: virtual_machines.get: 404 Not Found (code 600)", nsx.ErrNotFound, false},
		{"conflict", canned{status: 409}, nsx.APIError{StatusCode: 409}, "nsx: virtual_machines.get: 409 Conflict", nsx.ErrConflict, false},
		{"precondition", canned{status: 412}, nsx.APIError{StatusCode: 412}, "nsx: virtual_machines.get: 412 Precondition Failed", nsx.ErrConflict, false},
		{"throttled", canned{status: 429}, nsx.APIError{StatusCode: 429}, "nsx: virtual_machines.get: 429 Too Many Requests", nsx.ErrRateLimited, true},
		{"aborted", canned{status: 500, body: `{"error_code":607}`}, nsx.APIError{StatusCode: 500, Code: 607}, "nsx: virtual_machines.get: 500 Internal Server Error (code 607)", nil, true},
		{"a general error", canned{status: 500, body: `{"error_code":100,"details":"java.lang.NullPointerException"}`}, nsx.APIError{StatusCode: 500, Code: 100, Details: "java.lang.NullPointerException"}, "nsx: virtual_machines.get: 500 Internal Server Error: java.lang.NullPointerException (code 100)", nil, false},
		{"the page of a gateway", canned{status: 502, body: "<html><body>Bad gateway</body></html>"}, nsx.APIError{StatusCode: 502}, "nsx: virtual_machines.get: 502 Bad Gateway", nil, true},
		{"text", canned{status: 503, body: " try\r\nlater \x1b[31m"}, nsx.APIError{StatusCode: 503, Message: "try\r\nlater \x1b[31m"}, "nsx: virtual_machines.get: 503 Service Unavailable: try later [31m", nil, true},
		{"odd types", canned{status: 400, body: `{"error_code":null,"error_message":{"a":1},"details":7,"related_errors":{"a":1},"module_name":"m"}`}, nsx.APIError{StatusCode: 400, Module: "m"}, "nsx: virtual_machines.get: 400 Bad Request", nil, false},
		{"a redirect", canned{status: 307, header: http.Header{"Location": {"https://other.example/"}}}, nsx.APIError{StatusCode: 307}, "nsx: virtual_machines.get: 307 Temporary Redirect", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, tc.answer)
			err := get(t.Context(), client)
			got, ok := errors.AsType[*nsx.APIError](err)
			if !ok {
				t.Fatalf("error = %v, want an APIError", err)
			}
			tc.want.Op, tc.want.Body = "virtual_machines.get", []byte(tc.answer.body)
			if diff := cmp.Diff(tc.want, *got, cmpopts.IgnoreUnexported(nsx.APIError{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if err.Error() != tc.text || got.Retryable() != tc.again {
				t.Errorf("error = %q, retryable %v; want %q, %v", err, got.Retryable(), tc.text, tc.again)
			}
			for _, sentinel := range []error{nsx.ErrUnauthorized, nsx.ErrForbidden, nsx.ErrNotFound, nsx.ErrConflict, nsx.ErrRateLimited, nsx.ErrAmbiguous} {
				if errors.Is(err, sentinel) != (sentinel == tc.is) { //nolint:errorlint // which of the sentinels it is
					t.Errorf("errors.Is(%v, %v) = %v", err, sentinel, errors.Is(err, sentinel))
				}
			}
		})
	}
}

// An answer of any kind is either machines or an error that can be printed on a line.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"results":[]}`, `{"results":[{"external_id":"1","tags":[{"scope":null}]}],"cursor":"00360000"}`, `<html>`, `null`, `{"results":[null]}`,
		`{"error_code":98}`, `{"error_code":"x","related_errors":[{"error_message":"m"},3]}`, "{\"error_message\":\"\xff\\u001b\"}", `{"error_code":1e99}`,
		`{"results":[{"external_id":"1","_last_sync_time":1e300}]}`, `{"results":[{"external_id":"1","compute_ids":["a","b:"]}]}`,
	} {
		f.Add(200, seed)
		f.Add(403, seed)
		f.Add(500, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		client, _ := scripted(t, canned{status: status, body: body})
		for vm, err := range client.VirtualMachines.List(t.Context(), nsx.VMQuery{}) {
			switch {
			case err == nil && vm.ExternalID == "":
				t.Errorf("%d %q: a machine without an id", status, body)
			case err != nil && strings.ContainsFunc(err.Error(), unicode.IsControl):
				t.Errorf("%d %q: the error %q has control characters", status, body, err)
			case err != nil && len(err.Error()) > 8000:
				t.Errorf("%d: an error of %d bytes", status, len(err.Error()))
			}
		}
	})
}

// Whatever a manager says to any question, the answer is data or an error that can be printed on a line.
func FuzzLists(f *testing.F) {
	for _, name := range []string{"groups.json", "security_policies.json", "tag_status_partial.json"} {
		f.Add(200, sample(f, name))
	}
	for _, seed := range []string{`{"results":[]}`, `{"results":[{"external_id":"1","ip_address_info":[{"ip_addresses":[""]}]}]}`, `{"results":[null],"cursor":"1"}`, `{"healthy":false}`, `{"members":[null]}`, `{"active_sessions":[{"login_time":1}]}`} {
		f.Add(200, seed)
		f.Add(503, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == http.StatusTooManyRequests { // which makes the next call wait
			return
		}
		client, _ := scripted(t, canned{status: status, body: body})
		ctx, id := t.Context(), nsx.ExternalID("vm-a")
		var failures []error
		for _, err := range client.Interfaces.List(ctx, nsx.InterfaceQuery{}) {
			failures = append(failures, err)
		}
		for _, err := range client.Policy.VirtualMachines.List(ctx) {
			failures = append(failures, err)
		}
		for _, err := range client.Policy.Tags.List(ctx, nsx.TagQuery{}) {
			failures = append(failures, err)
		}
		for _, err := range client.VirtualMachines.Search(ctx, nsx.VMSearch{Text: "x"}) {
			failures = append(failures, err)
		}
		failures = append(failures,
			second(client.Policy.Groups.Of(ctx, id)), second(client.Policy.Groups.Tags(ctx, "g")), second(client.VirtualMachines.Owners(ctx, id)),
			second(client.Policy.SecurityPolicies.ExcludeList(ctx)), second(client.Policy.VirtualMachines.GuestSessions(ctx, id)),
			second(client.Policy.IsolationOf(ctx, id, quarantine)), second(client.Node.Version(ctx)), second(client.Node.Health(ctx)),
		)
		for _, err := range failures {
			if err != nil && (strings.ContainsFunc(err.Error(), unicode.IsControl) || !strings.HasPrefix(err.Error(), "nsx: ")) {
				t.Errorf("%d %q: the error %q", status, body, err)
			}
		}
	})
}
