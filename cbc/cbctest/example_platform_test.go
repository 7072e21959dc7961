package cbctest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// An app signs in where VMware Cloud Services manages the organization, and reads a device with the token that it gets.
func ExampleCSP() {
	srv := cbctest.New(cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		CSP: &cbctest.CSP{
			Apps: []cbctest.CSPApp{{ID: "app", Secret: "secret", Permissions: []string{"device:READ"}}}, Lifetime: time.Hour, Only: true,
		},
	})
	send := func(method, path, body string, prepare func(*http.Request)) map[string]any {
		r, err := http.NewRequest(method, cbctest.URL+path, strings.NewReader(body))
		if err != nil {
			return map[string]any{"error": err}
		}
		prepare(r)
		res, err := srv.Client().Do(r)
		if err != nil {
			return map[string]any{"error": err}
		}
		defer res.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
			return map[string]any{"error": err}
		}
		return answer
	}
	form := url.Values{"grant_type": {"client_credentials"}}.Encode()
	signedIn := send("POST", "/csp/gateway/am/api/auth/token", form, func(r *http.Request) {
		r.SetBasicAuth("app", "secret")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
	device := send("GET", "/appservices/v6/orgs/"+cbctest.OrgKey+"/devices/7", "", func(r *http.Request) {
		r.Header.Set("Authorization", fmt.Sprint("Bearer ", signedIn["access_token"]))
	})
	fmt.Println(signedIn["expires_in"], device["name"])
	// Output: 3600 LAB-7
}

// The job service's numbers can be made to lie: this export says from the start that everything is done.
func ExampleServer_SetJobs() {
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
	srv.SetJobs(cbctest.JobSwitches{Progress: "early", Duration: time.Hour})
	path := cbctest.URL + "/appservices/v6/orgs/" + cbctest.OrgKey + "/devices/_export"
	r, err := http.NewRequest(http.MethodPost, path, strings.NewReader(`{"format":"CSV"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
	r.Header.Set("Content-Type", "application/json")
	res, err := srv.Client().Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var job struct {
		Progress struct {
			Total     int `json:"num_total"`
			Completed int `json:"num_completed"`
		} `json:"progress"`
	}
	if err := json.NewDecoder(res.Body).Decode(&job); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d, but the job is %s\n", job.Progress.Completed, job.Progress.Total, srv.ServiceJobs()[0].Status)
	// Output: 1 of 1, but the job is CREATED
}
