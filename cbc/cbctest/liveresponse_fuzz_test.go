package cbctest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// FuzzCommand sends any body as a command: it is accepted or refused with a reason, and the session goes on answering.
func FuzzCommand(f *testing.F) {
	for _, body := range []string{
		`{"name": "process list"}`,
		`{"name": "kill", "pid": "5120", "object": "5120"}`,
		`{"name": "delete file", "path": "C:\\x\\*"}`,
		`{"name": "directory list", "path": "*"}`,
		`{"name": "directory list", "path": "C:\\Users\\["}`,
		`{"name": "get file", "path": "C:\\Users\\kim\\Downloads\\holiday.txt", "offset": 99, "get_count": 9223372036854775807}`,
		`{"name": "create process", "path": "\""}`,
		`{"name": "memdump", "path": "a:"}`,
		`{"name": "reg set value", "path": "\\", "value_type": "REG_MULTI_SZ", "value_data": null}`,
		`{"name": "reg delete key", "path": "HKLM"}`,
		`null`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{laptop()}})
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, "/appservices/v6/orgs/"+cbctest.OrgKey+"/liveresponse/sessions"+path, strings.NewReader(body))
			r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, r)
			return w
		}
		send("POST", "", `{"device_id": 7}`)
		switch w := send("POST", "/4001:7/commands", body); w.Code {
		case http.StatusCreated:
			if got := send("GET", "/4001:7/commands/0", ""); got.Code != http.StatusOK {
				t.Errorf("the accepted command %q answers %d: %s", body, got.Code, got.Body)
			}
		case http.StatusBadRequest:
			if !strings.Contains(w.Body.String(), `"message"`) {
				t.Errorf("the command %q is refused without a reason", body)
			}
		default:
			t.Errorf("the command %q = %d", body, w.Code)
		}
	})
}
