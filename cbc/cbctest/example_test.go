package cbctest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// A machine ran a file. It is found by the file's hash and put into quarantine, with nothing but net/http.
func Example() {
	const hash = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
	now := time.Date(2025, 2, 11, 12, 0, 0, 0, time.UTC)
	srv := cbctest.New(cbctest.World{
		Devices:   []cbctest.Device{{ID: 4571602, Name: `CORP\LAP-0417`}},
		Processes: []cbctest.Process{{DeviceID: 4571602, Name: `C:\Users\pat\Downloads\invoice.exe`, Hashes: []string{hash}}},
		Now:       func() time.Time { return now },
	})

	call := func(method, path, body string) (status int, answer map[string]any) {
		r, err := http.NewRequestWithContext(context.Background(), method, cbctest.URL+path, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID) // the secret comes first
		r.Header.Set("Content-Type", "application/json")
		res, err := srv.Client().Do(r)
		if err != nil {
			panic(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusNoContent {
			if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
				panic(err)
			}
		}
		return res.StatusCode, answer
	}

	const jobs = "/api/investigate/v2/orgs/" + cbctest.OrgKey + "/processes/search_jobs"
	_, job := call("POST", jobs, `{"query":"process_hash:`+hash+`","time_range":{"window":"-2w"}}`)
	for range 3 {
		_, page := call("GET", fmt.Sprint(jobs, "/", job["job_id"], "/results?rows=10"), "")
		fmt.Printf("%v of %v searchers: %v found\n", page["completed"], page["contacted"], page["num_available"])
		now = now.Add(500 * time.Millisecond)
	}

	status, _ := call("POST", "/appservices/v6/orgs/"+cbctest.OrgKey+"/device_actions",
		`{"action_type":"QUARANTINE","device_id":[4571602],"options":{"toggle":"ON"}}`)
	device, _ := srv.Device(4571602)
	fmt.Println(status, device.Quarantined)
	// Output:
	// 0 of 0 searchers: 0 found
	// 6 of 24 searchers: 1 found
	// 24 of 24 searchers: 1 found
	// 204 true
}

// The next request is refused; the one after it is answered.
func ExampleServer_FailNext() {
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
	srv.FailNext(1, http.StatusServiceUnavailable)
	for range 2 {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet,
			cbctest.URL+"/appservices/v6/orgs/"+cbctest.OrgKey+"/devices/7", nil)
		if err != nil {
			panic(err)
		}
		r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
		res, err := srv.Client().Do(r)
		if err != nil {
			panic(err)
		}
		fmt.Println(res.Status)
		_ = res.Body.Close()
	}
	for _, r := range srv.Requests() {
		fmt.Println(r.Status, r.Operation)
	}
	// Output:
	// 503 Service Unavailable
	// 200 OK
	// 503 GET /appservices/v6/orgs/{org_key}/devices/{device_id}
	// 200 GET /appservices/v6/orgs/{org_key}/devices/{device_id}
}
