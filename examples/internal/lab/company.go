package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// The policies of the company.
const (
	policyMonitored = 88230
	policyStandard  = 88231
	// policyContain is the policy that infected machines are moved to. Another has a name that contains its name.
	policyContain    = 88402
	policyContainVDI = 88403
)

// ContainPolicy is the name of the policy for infected machines.
const ContainPolicy = "Contain"

// file is a made-up file. What it holds is only text: its hash is real, so that whoever checks it finds it right.
type file struct {
	name, content string
}

func (f file) sha256() string {
	sum := sha256.Sum256([]byte(f.content))
	return hex.EncodeToString(sum[:])
}

// The files of the story.
var (
	invoice   = file{"invoice_0417.exe", "made-up malware: the freight invoice"}                      //nolint:gochecknoglobals // never written
	quote     = file{"quote.scr", "made-up malware: the quotation"}                                   //nolint:gochecknoglobals // never written
	hidden    = file{"payslip.exe", "made-up malware: in a message without parts"}                    //nolint:gochecknoglobals // never written
	archive   = file{"Rechnung_8812.zip", "made-up malware: the archive that nobody ran"}             //nolint:gochecknoglobals // never written
	docs      = file{"Contract.docm", "made-up malware: a document"}                                  //nolint:gochecknoglobals // never written
	update    = file{"viewer-update.exe", "made-up software: suspected, then cleared"}                //nolint:gochecknoglobals // never written
	loginPage = file{"Voicemail.htm", "made-up phishing page"}                                        //nolint:gochecknoglobals // never written
	viewer    = file{"viewer-setup.exe", "made-up software: a harmless viewer"}                       //nolint:gochecknoglobals // never written
	logo      = file{"logo.png", "made-up picture"}                                                   //nolint:gochecknoglobals // never written
	signed    = file{"remote-support.exe", "made-up software: a signed tool that looks like malware"} //nolint:gochecknoglobals // never written
	wrongly   = file{"meeting-plugin.exe", "made-up software: condemned by mistake, withdrawn"}       //nolint:gochecknoglobals // never written
)

// Company is a made-up company of 80 endpoints on a bad morning: every mail and machine in it stands for a mistake that a
// hunt could make. Times are relative to now: the verdicts fell within the last hour.
func Company(now time.Time) World {
	now = now.UTC().Truncate(time.Second)
	w := World{
		TAP: proofpointtest.World{Messages: mails(now)},
		CBC: cbctest.World{
			Policies: []cbctest.Policy{
				{ID: policyMonitored, Name: "Monitored", PriorityLevel: "LOW", System: true},
				{ID: policyStandard, Name: "Standard", Description: "Default protection", System: true},
				{ID: policyContainVDI, Name: ContainPolicy + " VDI", PriorityLevel: "HIGH"},
				{ID: policyContain, Name: ContainPolicy, Description: "After a mail threat", PriorityLevel: "HIGH"},
			},
			Devices:   devices(),
			Processes: processes(now),
			Overrides: []cbctest.Override{
				{SHA256: quote.sha256(), Filename: quote.name, Description: "banned by an analyst last week"},
				{SHA256: viewer.sha256(), List: "WHITE_LIST", Filename: viewer.name, Description: "the company's viewer"},
			},
			// A search says 0 of 0 for no time at all. The real service does so at first, and the script that pphunt replaces takes
			// that for an answer: it would find nothing here, ever. What our own client makes of 0 of 0 is tested elsewhere.
			Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: 1, Duration: 280 * time.Millisecond}},
			Feeds:    []cbctest.Feed{{Name: "Partner intelligence", ProviderURL: "https://intel.example.net", Summary: "somebody else's feed", Category: "Partner"}},
		},
		NSX: nsxtest.World{VMs: virtualMachines()},
	}
	surround(&w, now)
	return w
}

func attachment(f file, verdict string) proofpointtest.Part {
	return proofpointtest.Part{Filename: f.name, SHA256: f.sha256(), ContentType: "application/octet-stream", SandboxStatus: verdict}
}

func body() proofpointtest.Part {
	return proofpointtest.Part{Disposition: "inline", Filename: "text.html", ContentType: "text/html", SHA256: file{content: "made-up body"}.sha256()}
}

func mails(now time.Time) []proofpointtest.Message {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	condemned := func(f file, at time.Time) proofpointtest.Threat {
		return proofpointtest.Threat{Artifact: f.sha256(), Time: at}
	}
	return []proofpointtest.Message{
		{ // the same mail to three people comes as three records
			Time: ago(50 * time.Minute), Subject: "Freight invoice 0417", Sender: "billing@freight.example",
			Recipients: []string{"dana@corp.example", "omar@corp.example", "ines@corp.example"}, MalwareScore: 90,
			Parts:   []proofpointtest.Part{attachment(logo, ""), body(), attachment(invoice, "THREAT"), attachment(viewer, "CLEAN")},
			Threats: []proofpointtest.Threat{condemned(invoice, ago(40*time.Minute))},
		},
		{ // delivered days ago, condemned now: the sandbox was still busy when it was delivered
			Time: ago(76 * time.Hour), Subject: "Your quotation", Sender: "sales@supplier.example", Recipients: []string{"li@corp.example"},
			Parts:   []proofpointtest.Part{body(), attachment(quote, "inprogress")},
			Threats: []proofpointtest.Threat{condemned(quote, ago(35*time.Minute))},
		},
		{ // almost everything is missing but the threat itself
			Time: ago(33 * time.Minute), Recipients: []string{"3f0c1d9be2a8475c96ab04d1e7f25c38@corp.example"}, Skeleton: true,
			Threats: []proofpointtest.Threat{condemned(hidden, ago(32*time.Minute))},
		},
		{ // a subject that is still encoded, and an archive that nobody ran
			Time: ago(30 * time.Minute), Subject: "=?utf-8?Q?Fracht_=E2=80=93_Rechnung_8812?=", Sender: "billing@freight.example",
			Recipients: []string{"marta@corp.example"},
			Parts:      []proofpointtest.Part{attachment(logo, ""), body(), attachment(archive, "THREAT")},
			Threats:    []proofpointtest.Threat{condemned(archive, ago(29*time.Minute))},
		},
		{ // a document, named in capitals; it was opened, which leaves no hash anywhere
			Time: ago(28 * time.Minute), Subject: "Contract for signature", Sender: "legal@partner.example", Recipients: []string{"yuki@corp.example"},
			Parts:   []proofpointtest.Part{body(), attachment(docs, "THREAT")},
			Threats: []proofpointtest.Threat{{Artifact: upper(docs.sha256()), Type: "ATTACHMENT", Classification: "MALWARE", Time: ago(27 * time.Minute)}},
		},
		{ // cleared after a second look; the file runs on two machines
			Time: ago(26 * time.Minute), Subject: "Viewer update", Sender: "it@partner.example", Recipients: []string{"sam@corp.example"},
			Parts:   []proofpointtest.Part{body(), attachment(update, "THREAT")},
			Threats: []proofpointtest.Threat{{Artifact: update.sha256(), Status: "cleared", Time: ago(20 * time.Minute)}},
		},
		{ // condemned by mistake and withdrawn
			Time: ago(25 * time.Minute), Subject: "Meeting plugin", Sender: "it@partner.example", Recipients: []string{"sam@corp.example"},
			Parts:   []proofpointtest.Part{body(), attachment(wrongly, "THREAT")},
			Threats: []proofpointtest.Threat{{Artifact: wrongly.sha256(), Status: "falsepositive", Time: ago(19 * time.Minute)}},
		},
		{ // a phishing page: not malware, unless the configuration says otherwise
			Time: ago(24 * time.Minute), Subject: "New voicemail", Sender: "voicemail@phone.example", Recipients: []string{"dana@corp.example"},
			Parts:   []proofpointtest.Part{body(), attachment(loginPage, "THREAT")},
			Threats: []proofpointtest.Threat{{Artifact: loginPage.sha256(), Classification: "phish", Time: ago(23 * time.Minute)}},
		},
		{ // a bad link beside a harmless attachment
			Time: ago(22 * time.Minute), Subject: "Password expires today", Sender: "helpdesk@portal.example", Recipients: []string{"omar@corp.example"},
			Parts: []proofpointtest.Part{body(), attachment(viewer, "CLEAN")},
			Threats: []proofpointtest.Threat{
				{Artifact: "portal.login.example/r", Type: "url", Classification: "phish", Time: ago(21 * time.Minute)},
				{Artifact: "portal.login.example", Type: "url", Classification: "phish", Time: ago(21 * time.Minute)},
			},
		},
		{ // the gateway kept it; the file may still be somewhere
			Blocked: true, Time: ago(18 * time.Minute), Subject: "Freight invoice 0417 (2)", Sender: "billing@freight.example",
			Recipients: []string{"kim@corp.example"},
			Parts:      []proofpointtest.Part{body(), attachment(invoice, "THREAT")},
			Threats:    []proofpointtest.Threat{condemned(invoice, ago(17*time.Minute))},
		},
		{ // a lure with a telephone number, without any file
			Time: ago(16 * time.Minute), Subject: "Your subscription was renewed", Sender: "orders@shop.example", Recipients: []string{"ines@corp.example"},
			Parts:   []proofpointtest.Part{body()},
			Threats: []proofpointtest.Threat{{Artifact: "orders@shop.example", Type: "messageText", Classification: "toad", Time: ago(15 * time.Minute)}},
		},
		{ // a tool of the help desk: signed, trusted by Carbon Black Cloud, and still condemned
			Time: ago(15 * time.Minute), Subject: "Remote support tool", Sender: "support@tools.example", Recipients: []string{"noor@corp.example"},
			Parts:   []proofpointtest.Part{body(), attachment(signed, "THREAT")},
			Threats: []proofpointtest.Threat{condemned(signed, ago(11*time.Minute))},
		},
		{ // a subject that tries to steer the terminal
			Time: ago(14 * time.Minute), Subject: "Invoice \x1b[31m\u202egpj.exe", Sender: "", Recipients: []string{"li@corp.example"},
			Parts:   []proofpointtest.Part{attachment(invoice, "THREAT"), body()},
			Threats: []proofpointtest.Threat{condemned(invoice, ago(13*time.Minute))},
		},
	}
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

func virtualMachines() []nsxtest.VM {
	vms := []nsxtest.VM{
		{Name: "fin-ws-0142", ExternalID: "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94", ComputerName: "FIN-WS-0142.corp.example", Tags: []nsxtest.Tag{{Scope: "owner", Tag: "finance"}}},
		{Name: "print-srv", ExternalID: "50211111-4b1d-9a60-2f77-c1d20e8a5b94"},
		{Name: "print-srv", ExternalID: "50212222-4b1d-9a60-2f77-c1d20e8a5b94"},
	}
	for i := range 5 {
		vms = append(vms, nsxtest.VM{Name: fmt.Sprintf("srv-%02d", i+1), ExternalID: fmt.Sprintf("5021%04d-4b1d-9a60-2f77-c1d20e8a5b94", i+1)})
	}
	return vms
}
