package cbctest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// post sends a request to the fake as any HTTP client would.
func post(srv *cbctest.Server, path, body string) {
	r, err := http.NewRequest(http.MethodPost, cbctest.URL+"/appservices/v6/orgs/"+cbctest.OrgKey+path, strings.NewReader(body))
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
	_ = res.Body.Close()
}

// Live Response acts on the fake's devices: a killed process is gone, and the session is on record.
func ExampleServer_Running() {
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{
		ID: 7, Name: "LAB-7", Running: []cbctest.RunningProcess{
			{PID: 880, Path: `C:\Windows\explorer.exe`},
			{PID: 5120, Path: `C:\Users\kim\invoice.exe`},
		},
	}}})
	post(srv, "/liveresponse/sessions", `{"device_id": 7}`)
	post(srv, "/liveresponse/sessions/4001:7/commands", `{"name": "kill", "pid": 5120}`)
	for _, p := range srv.Running(7) {
		fmt.Println(p.PID, p.Path)
	}
	for _, s := range srv.Sessions() {
		fmt.Println(s.ID, s.Status, s.Commands[0].Name, s.Commands[0].Status)
	}
	// Output:
	// 880 C:\Windows\explorer.exe
	// 4001:7 ACTIVE kill COMPLETE
}
