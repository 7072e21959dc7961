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

// A watchlist waits for a file. A machine runs it, an alert is raised, and somebody closes it: when the job is done, the
// alert is closed, and the audit log says who it was.
func ExampleServer_Alerts() {
	const hash = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
	now := time.Date(2025, 2, 11, 12, 0, 0, 0, time.UTC)
	srv := cbctest.New(cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Feeds: []cbctest.Feed{{ID: "F", Name: "Mail", Reports: []cbctest.Report{{
			ID: "R", Timestamp: 1739275200, Title: "malware in mail", Description: "by the gateway", Severity: 9,
			IOCs: []cbctest.IOC{{ID: "I", MatchType: "equality", Field: "process_hash", Values: []string{hash}}},
		}}}},
		Watchlists: []cbctest.Watchlist{{ID: "W", Name: "Mail", FeedID: "F", AlertsEnabled: true}},
		Now:        func() time.Time { return now },
	})
	srv.AddProcesses(cbctest.Process{DeviceID: 7, Name: `C:\Temp\a.exe`, Hashes: []string{hash}})
	alert := srv.Alerts()[0]
	fmt.Println(alert.Type, alert.ReportName, alert.Status)

	body := `{"criteria":{"id":["` + alert.ID + `"]},"status":"CLOSED","closure_reason":"RESOLVED","determination":"TRUE_POSITIVE"}`
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		cbctest.URL+"/api/alerts/v7/orgs/"+cbctest.OrgKey+"/alerts/workflow", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
	r.Header.Set("Content-Type", "application/json")
	res, err := srv.Client().Do(r)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	var job struct {
		RequestID string `json:"request_id"`
	}
	if err := json.NewDecoder(res.Body).Decode(&job); err != nil {
		panic(err)
	}
	fmt.Println(res.StatusCode, "job", job.RequestID, srv.Alerts()[0].Status)
	now = now.Add(time.Second)
	fmt.Println(srv.Alerts()[0].Status, srv.Alerts()[0].Determination)
	for _, entry := range srv.Audit() {
		fmt.Println(entry.Actor+":", entry.Description)
	}
	// Output:
	// WATCHLIST malware in mail OPEN
	// 200 job 12077 OPEN
	// CLOSED TRUE_POSITIVE
	// PPHUNTFAKE: Changed the workflow of 1 alerts
}
