package lab

import (
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// campaignID is the campaign that the freight invoices belong to.
const campaignID = "7d1c52a9-0b3f-4f0a-9f6d-21c4e8a7b630"

// surround adds what a hunt does not ask for, but whoever tries a client does: a campaign with its evidence, clicks, people, alerts,
// binaries, groups of machines and the rules that isolate one of them.
func surround(w *World, now time.Time) {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	w.TAP.Campaigns = []proofpointtest.Campaign{{
		ID: campaignID, Name: `Stealer "run-44" | freight invoices`, Description: "Freight invoices with programs and archives.", Start: ago(30 * time.Hour), Updated: ago(40 * time.Minute),
		Families: []proofpointtest.Named{{ID: "0f6f2a51-8f0c-4c3e-9a77-3d5b1e2c4a99", Name: "Stealer"}}, Malware: []proofpointtest.Named{{ID: "b2a41c77-5e19-4d0b-8c6e-91f3a7d2e058", Name: "ExampleStealer"}},
		Members: []proofpointtest.Member{{Threat: invoice.sha256()}, {Threat: archive.sha256()}},
	}}
	w.TAP.Reports = []proofpointtest.Report{
		{ThreatID: invoice.sha256(), Evidence: proofpointtest.Samples()},
		{CampaignID: campaignID, Evidence: proofpointtest.Samples()[:2]},
	}
	w.TAP.Clicks = []proofpointtest.Click{
		{URL: "https://portal.login.example/r?u=omar@corp.example", Recipient: "omar@corp.example", Sender: "helpdesk@portal.example", Time: ago(21 * time.Minute), ThreatTime: ago(20 * time.Minute)},
		{URL: "https://portal.login.example/r?u=li@corp.example", Recipient: "li@corp.example", Time: ago(9 * 24 * time.Hour), ThreatTime: ago(20 * time.Minute)},
		{URL: "https://portal.login.example/r?u=kim@corp.example", Recipient: "kim@corp.example", Blocked: true, Time: ago(12 * time.Minute), ThreatTime: ago(20 * time.Minute)},
	}
	w.TAP.People = []proofpointtest.Person{
		{Emails: []string{"dana@corp.example"}, Name: "Dana", Department: "Finance", VIP: true},
		{Emails: []string{"omar@corp.example"}, Name: "Omar", Department: "Sales"},
	}
	w.CBC.Alerts = []cbctest.Alert{
		{Severity: 8, Reason: "A program that was received by mail started a command shell", ProcessGUID: w.CBC.Processes[0].GUID, DeviceID: w.CBC.Processes[0].DeviceID, Time: ago(30 * time.Minute)},
		{Severity: 3, Reason: "A policy denied the start of a program", DeviceID: w.CBC.Devices[1].ID, Time: ago(3 * time.Hour), Status: "CLOSED", ClosureReason: "RESOLVED_BENIGN_KNOWN_GOOD", Determination: "FALSE_POSITIVE"},
	}
	w.CBC.Binaries = []cbctest.Binary{
		{SHA256: invoice.sha256(), Size: int64(len(invoice.content)), Data: []byte(invoice.content), Extra: map[string]any{"original_filename": invoice.name}},
		{
			SHA256: viewer.sha256(), Size: int64(len(viewer.content)), Data: []byte(viewer.content),
			Signatures: []cbctest.BinarySignature{{SignedBy: "Example Tools Ltd", CertificateAuthority: "Example CA"}},
			Extra:      map[string]any{"original_filename": viewer.name, "company_name": "Example Tools Ltd"},
		},
	}
	w.CBC.Binaries = append(w.CBC.Binaries, cbctest.Binary{
		SHA256: signed.sha256(), Size: int64(len(signed.content)), Data: []byte(signed.content),
		Signatures: []cbctest.BinarySignature{{SignedBy: "Microsoft Corporation", CertificateAuthority: "Microsoft Code Signing PCA 2011"}},
		Extra:      map[string]any{"original_filename": signed.name, "company_name": "Microsoft Corporation"},
	})
	quarantined := "/infra/domains/default/groups/quarantined-vms"
	w.NSX.Groups = []nsxtest.Group{
		{ID: "quarantined-vms", Name: "Quarantined VMs", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
		{ID: "mgmt-vms", Name: "Management VMs", ExternalIDs: []string{w.NSX.VMs[1].ExternalID}},
	}
	w.NSX.SecurityPolicies = []nsxtest.SecurityPolicy{{
		ID: "isolate", Category: "Emergency", Rules: []nsxtest.Rule{{ID: "drop-all", Action: "DROP", Scope: []string{quarantined}}},
	}}
	w.NSX.Excluded = []string{"/infra/domains/default/groups/mgmt-vms"}
	w.NSX.VMs[0].VIFs = []nsxtest.VIF{{MAC: "00:50:56:a1:0b:3c", LPort: "5f0c7a9e-2d41-4f6b-a0e3-7b1c9d84e250", IPs: []string{"192.0.2.42"}}}
}
