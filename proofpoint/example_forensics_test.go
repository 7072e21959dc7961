package proofpoint_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func ExampleForensics_ByThreat() {
	const id = "f90e79e658248810706f88f708e2b48913252a7cb14d6e39ee1cda9b9985d17d"
	client := exampleClientOf(proofpointtest.World{
		Threats: []proofpointtest.ThreatSummary{{ID: id, IdentifiedAt: exampleTime().Add(-time.Hour)}},
		Reports: []proofpointtest.Report{{ThreatID: id, Evidence: []proofpointtest.Evidence{
			{Type: "network", Malicious: true, What: map[string]any{"ip": "203.0.113.200", "port": "443", "type": "tcp", "action": "connect"}},
			{Type: "file", What: map[string]any{"action": "create", "path": `%TEMP%\a.exe`}},
			{Type: "hologram", What: map[string]any{"depth": 3}},
		}}},
	})
	found, err := client.Forensics.ByThreat(context.Background(), id, proofpoint.ForensicsOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, report := range found.Reports {
		for _, e := range report.Evidence {
			switch what := e.What.(type) {
			case proofpoint.NetworkEvidence:
				fmt.Printf("connects to %s:%d\n", what.IP, what.Port)
			case proofpoint.FileEvidence:
				fmt.Println("writes", what.Path)
			default:
				fmt.Printf("%s: %s\n", e.Type, e.RawWhat)
			}
		}
	}
	// Unordered output:
	// connects to 203.0.113.200:443
	// writes %TEMP%\a.exe
	// hologram: {"depth":3}
}
