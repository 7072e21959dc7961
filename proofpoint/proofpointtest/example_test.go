package proofpointtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// A mail of yesterday that was condemned ten minutes ago, asked for without any client of this module.
func Example() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	attachment := "80e83a5fdf45abbeb5053a8c161911b27e3fda5fd1d9503e673137cca33e36fd"
	srv := proofpointtest.New(proofpointtest.World{
		Now: func() time.Time { return noon },
		Messages: []proofpointtest.Message{{
			Time:       noon.Add(-24 * time.Hour),
			Recipients: []string{"ada@corp.example"},
			Parts:      []proofpointtest.Part{{Filename: "invoice.zip", SHA256: attachment, SandboxStatus: "inprogress"}},
			Threats:    []proofpointtest.Threat{{Artifact: attachment, Time: noon.Add(-10 * time.Minute)}},
		}},
	})
	get := func(path string) {
		req, err := http.NewRequest(http.MethodGet, proofpointtest.URL+path, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		req.SetBasicAuth(proofpointtest.Principal, proofpointtest.Secret)
		res, err := srv.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer func() { _ = res.Body.Close() }()
		var answer struct {
			Status            string `json:"status"`
			MessagesDelivered []struct {
				MessageTime time.Time `json:"messageTime"`
				Recipient   []string  `json:"recipient"`
			} `json:"messagesDelivered"`
		}
		err = json.NewDecoder(res.Body).Decode(&answer)
		fmt.Println(res.StatusCode, answer.MessagesDelivered, answer.Status, err != nil)
	}
	get("/v2/siem/messages/delivered?format=JSON&interval=PT30M/2026-03-02T11:59:00Z")
	get("/v2/siem/messages/delivered?format=JSON&interval=PT30M/2026-03-02T12:00:00Z")
	srv.Change(proofpointtest.Change{Threat: attachment, Status: "falsePositive"})
	get("/v2/threat/summary/" + attachment)
	for _, r := range srv.Requests() {
		fmt.Println(r.Operation, r.Status)
	}

	// Output:
	// 200 [{2026-03-01 12:00:00 +0000 UTC [ada@corp.example]}]  false
	// 400 []  true
	// 200 [] falsePositive false
	// GET /v2/siem/messages/delivered 200
	// GET /v2/siem/messages/delivered 400
	// GET /v2/threat/summary/{threatId} 200
}
