package lab

import (
	"crypto/md5" //nolint:gosec // sensors report it beside the SHA-256
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The machines of the story. Laptop n of the company has the id firstDevice+n.
const (
	firstDevice = 4571600
	dana        = firstDevice + 1  // the invoice runs here
	omar        = firstDevice + 2  // the invoice ran here; its process id belongs to a spreadsheet now
	ines        = firstDevice + 3  // the invoice was saved here by the mail program, and not run
	li          = firstDevice + 4  // the quotation ran here days ago; an analyst has isolated the machine
	marta       = firstDevice + 5  // the archive was saved here
	sam         = firstDevice + 6  // runs the update that was cleared, and the plugin that was condemned by mistake
	yuki        = firstDevice + 7  // opened the document
	kim         = firstDevice + 8  // runs the harmless viewer that came with the invoice
	helpdesk    = firstDevice + 10 // runs the signed tool that the sandbox condemned
	finance     = firstDevice + 20 // a virtual machine; the payslip ran here
	fileServer  = firstDevice + 43 // an administrator looked at the invoice here: the company lives on this machine
)

const users = `c:\users\`

func devices() []cbctest.Device {
	named := map[int64]cbctest.Device{
		dana: {
			Name: `CORP\LAP-0401`, User: `CORP\dana`,
			Running: []cbctest.RunningProcess{
				{PID: 6700, Path: users + `dana\downloads\invoice_0417.exe`, CmdLine: `"C:\Users\dana\Downloads\invoice_0417.exe" /s`, Username: `CORP\dana`},
				{PID: 6712, Path: users + `dana\downloads\viewer-setup.exe`, Username: `CORP\dana`},
				{PID: 880, Path: `c:\windows\explorer.exe`, Username: `CORP\dana`},
			},
			Files: []cbctest.File{
				{Path: `C:\Users\dana\Downloads\invoice_0417.exe`, Content: invoice.content},
				{Path: `C:\Users\dana\Downloads\viewer-setup.exe`, Content: viewer.content},
			},
		},
		omar: {
			Name: "LAP-0402", SearchName: "lap-0402.corp.example", User: `CORP\omar`,
			Running: []cbctest.RunningProcess{
				{PID: 5120, Path: `c:\program files\office\excel.exe`, Username: `CORP\omar`},
				{PID: 904, Path: `c:\windows\explorer.exe`, Username: `CORP\omar`},
			},
			Files: []cbctest.File{{Path: `C:\Users\omar\Desktop\invoice_0417.exe`, Content: invoice.content}},
		},
		li: {
			Name: `CORP\LAP-0404`, User: `CORP\li`, Quarantined: true,
			Running: []cbctest.RunningProcess{{PID: 1204, Path: `c:\windows\explorer.exe`}},
		},
		finance: {
			Name: `CORP\FIN-WS-0142`, User: `CORP\pat`, DeploymentType: "WORKLOAD", NSXEnabled: true, PolicyID: policyContain,
			Running: []cbctest.RunningProcess{{PID: 3344, Path: users + `pat\appdata\local\temp\payslip.exe`, Username: `CORP\pat`}},
			Files:   []cbctest.File{{Path: `C:\Users\pat\AppData\Local\Temp\payslip.exe`, Content: hidden.content}},
		},
		helpdesk: {
			Name: `CORP\LAP-0410`, User: `CORP\noor`,
			Running: []cbctest.RunningProcess{{PID: 4120, Path: `c:\program files\remote support\remote-support.exe`, Username: `CORP\noor`}},
			Files:   []cbctest.File{{Path: `C:\Program Files\Remote Support\remote-support.exe`, Content: signed.content}},
		},
		fileServer: {
			Name: `CORP\FILE-01`, User: `CORP\admin`, OSVersion: "Windows Server 2022 x64", TargetPriority: "MISSION_CRITICAL",
			Running: []cbctest.RunningProcess{{PID: 7320, Path: users + `admin\desktop\invoice_0417.exe`, Username: `CORP\admin`}},
			Files:   []cbctest.File{{Path: `C:\Users\admin\Desktop\invoice_0417.exe`, Content: invoice.content}},
		},
	}
	var all []cbctest.Device
	for n := range int64(80) {
		id := firstDevice + n + 1
		d, ok := named[id]
		if !ok {
			d = cbctest.Device{Name: fmt.Sprintf(`CORP\LAP-04%02d`, n+1), Running: []cbctest.RunningProcess{{PID: 900 + n, Path: `c:\windows\explorer.exe`}}}
			switch {
			case n >= 36 && n < 42:
				d.Name, d.OS, d.Running = fmt.Sprintf("srv-%02d.corp.example", n-35), "LINUX", nil
				d.DeploymentType, d.TargetPriority = "WORKLOAD", "MISSION_CRITICAL"
			case n%9 == 8: // nobody of the story: their files lie on Windows
				d.Name, d.OS, d.Running = fmt.Sprintf("mac-04%02d.local", n+1), "MAC", nil
			case n%11 == 7:
				d.Offline = true
			}
		}
		d.ID = id
		if d.PolicyID == 0 {
			d.PolicyID = policyStandard
		}
		all = append(all, d)
	}
	return all
}

func processes(now time.Time) []cbctest.Process {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	ran := func(device, pid int64, user, path string, f file, at time.Time) cbctest.Process {
		return cbctest.Process{DeviceID: device, PIDs: []int64{pid}, Name: path, Hashes: []string{md5Of(f), f.sha256()}, Username: `CORP\` + user, Start: at, Time: at}
	}
	touched := func(device, pid int64, user, path, field string, f file, at time.Time) cbctest.Process {
		host := file{content: "made-up program " + path}
		return cbctest.Process{
			DeviceID: device, PIDs: []int64{pid}, Name: path, Hashes: []string{host.sha256(), md5Of(host)}, Username: `CORP\` + user,
			Touched: map[string][]string{field: {f.sha256()}}, Start: at, Time: at, Reputation: "TRUSTED_WHITE_LIST",
		}
	}
	const outlook = `c:\program files\office\outlook.exe`
	first := ran(dana, 6700, "dana", users+`dana\downloads\invoice_0417.exe`, invoice, ago(45*time.Minute))
	first.Enriched = true // the same process in two rows
	signedRow := ran(helpdesk, 4120, "noor", `c:\program files\remote support\remote-support.exe`, signed, ago(10*time.Minute))
	signedRow.Reputation = "TRUSTED_WHITE_LIST"
	return []cbctest.Process{
		first,
		touched(dana, 2210, "dana", outlook, "filemod_hash", invoice, ago(46*time.Minute)),
		ran(omar, 5120, "omar", users+`omar\desktop\invoice_0417.exe`, invoice, ago(44*time.Minute)),
		touched(ines, 2480, "ines", outlook, "filemod_hash", invoice, ago(43*time.Minute)),
		ran(li, 4410, "li", users+`li\downloads\quote.scr`, quote, ago(75*time.Hour)),
		touched(marta, 2012, "marta", outlook, "filemod_hash", archive, ago(28*time.Minute)),
		ran(finance, 3344, "pat", users+`pat\appdata\local\temp\payslip.exe`, hidden, ago(31*time.Minute)),
		ran(sam, 7001, "sam", users+`sam\downloads\viewer-update.exe`, update, ago(22*time.Minute)),
		ran(sam, 7002, "sam", users+`sam\downloads\meeting-plugin.exe`, wrongly, ago(22*time.Minute)),
		ran(kim, 7100, "kim", users+`kim\downloads\viewer-update.exe`, update, ago(21*time.Minute)),
		ran(kim, 7101, "kim", users+`kim\downloads\viewer-setup.exe`, viewer, ago(20*time.Minute)),
		signedRow,
		ran(fileServer, 7320, "admin", users+`admin\desktop\invoice_0417.exe`, invoice, ago(38*time.Minute)),
		ran(dana, 6712, "dana", users+`dana\downloads\viewer-setup.exe`, viewer, ago(42*time.Minute)),
		touched(yuki, 3001, "yuki", `c:\program files\office\winword.exe`, "modload_hash", logo, ago(26*time.Minute)),
	}
}

// OpenedLater is a process that is not among those of the company yet: somebody runs the freight invoice after all, which her mail
// program had only saved.
func OpenedLater(now time.Time) cbctest.Process {
	return cbctest.Process{
		DeviceID: ines, PIDs: []int64{2650}, Name: users + `ines\downloads\invoice_0417.exe`, Hashes: []string{md5Of(invoice), invoice.sha256()},
		Username: `CORP\ines`, Start: now, Time: now,
	}
}

func md5Of(f file) string {
	sum := md5.Sum([]byte(f.content)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
