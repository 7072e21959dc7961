package hunt_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

const hour = time.Hour

// letter is a mail of the fortnight with one attachment.
type letter struct {
	file program
	to   string
	// sent, verdict and visible are when it came, when it was condemned, and when TAP's feed shows that. Defaults: the time before.
	sent, verdict, visible time.Time
}

func (l letter) message() proofpointtest.Message {
	if l.verdict.IsZero() {
		l.verdict = l.sent
	}
	sum := md5.Sum([]byte(l.file))
	return proofpointtest.Message{
		Subject: "Your " + string(l.file), Sender: "billing@freight.example", Recipients: []string{l.to + "@corp.example"},
		Time: l.sent, Visible: l.visible,
		Parts: []proofpointtest.Part{
			{Filename: "paper.exe", SHA256: l.file.sha(), MD5: hex.EncodeToString(sum[:])},
			{Filename: "logo.png", SHA256: program("logo").sha()},
		},
		Threats: []proofpointtest.Threat{{Artifact: l.file.sha(), Time: l.verdict}},
	}
}

// emptyOffice has forty machines, each a virtual one, quick searches, and nothing else.
func emptyOffice() world {
	w := world{cbc: cbctest.World{
		Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: 1, Duration: 2, SegmentsAtOnce: true}},
		Policies: []cbctest.Policy{{ID: 1, Name: "Standard"}, {ID: containing, Name: "Contain"}},
	}, nsx: nsxtest.World{}}
	w.tap.Quota = 1800
	for n := range int64(40) {
		w.cbc.Devices = append(w.cbc.Devices, cbctest.Device{ID: 100 + n, Name: fmt.Sprintf(`CORP\LAP-%02d`, n), DeploymentType: "WORKLOAD"})
		w.nsx.VMs = append(w.nsx.VMs, nsxtest.VM{Name: fmt.Sprintf("lap-%02d", n), ExternalID: machine(100 + n), ComputerName: fmt.Sprintf("LAP-%02d.corp.example", n)})
	}
	return w
}

// machine is the id of a device's virtual machine.
func machine(device int64) string { return fmt.Sprintf("50310000-0000-4000-8000-%012d", device) }

// newQuietDay has one file, which is condemned in the next hour and has run on two machines.
func newQuietDay(t *testing.T) *fortnight {
	time.Sleep(2 * time.Hour)
	f := &fortnight{t: t, start: time.Now().UTC(), expected: map[int64]string{101: "it ran there", 102: "and there"}}
	w := emptyOffice()
	w.tap.Messages = []proofpointtest.Message{letter{file: "only", to: "kim", sent: f.at(0, 10*time.Minute)}.message()}
	for id := range f.expected {
		p := ran(id, 1000+id, `c:\users\kim\paper.exe`, "only")
		p.Time, p.Searchable = f.at(0, 20*time.Minute), f.at(0, 20*time.Minute)
		w.cbc.Processes = append(w.cbc.Processes, p)
	}
	f.office = newOffice(t, w)
	return f
}

func newFortnight(t *testing.T) *fortnight {
	f := &fortnight{t: t, start: time.Now().UTC(), expected: make(map[int64]string)}
	w := emptyOffice()
	opened := func(device int64, file program, at time.Time, change func(*cbctest.Process)) {
		p := ran(device, 1000+device, `c:\users\kim\paper.exe`, file)
		p.Time, p.Start, p.Username = at, at, `CORP\kim`
		p.Searchable = at
		p.GUID = fmt.Sprintf("P-%d-%d", device, at.Unix())
		if change != nil {
			change(&p)
		}
		w.cbc.Processes = append(w.cbc.Processes, p)
	}
	write := func(l letter) { w.tap.Messages = append(w.tap.Messages, l.message()) }
	late := func(d time.Duration) func(*cbctest.Process) {
		return func(p *cbctest.Process) { p.Searchable = p.Time.Add(d) }
	}

	// A plain case, and the same file opened three days later.
	write(letter{file: "plain", to: "kim", sent: f.at(0, 10*hour), verdict: f.at(0, 10*hour+20*time.Minute)})
	opened(101, "plain", f.at(0, 11*hour), nil)
	opened(102, "plain", f.at(3, 11*hour), nil)
	f.expected[101], f.expected[102] = "opened after an hour", "opened three days later"
	// The verdict comes a day late, and the file had run by then.
	write(letter{file: "late verdict", to: "kim", sent: f.at(1, 9*hour), verdict: f.at(2, 8*hour)})
	opened(103, "late verdict", f.at(1, 9*hour+30*time.Minute), nil)
	f.expected[103] = "had run before the verdict"
	// TAP shows it half an hour late, in a window that was read already.
	write(letter{file: "late record", to: "kim", sent: f.at(1, 12*hour+10*time.Minute), visible: f.at(1, 12*hour+39*time.Minute)})
	opened(104, "late record", f.at(1, 12*hour+5*time.Minute), nil)
	f.expected[104] = "the record was late"
	// The console can search for it six hours later.
	write(letter{file: "late index", to: "kim", sent: f.at(2, 9*hour)})
	opened(105, "late index", f.at(2, 10*hour), late(6*hour))
	f.expected[105] = "searchable six hours later"
	// Opened after six days, and after eight.
	write(letter{file: "patient", to: "kim", sent: f.at(3, 9*hour)})
	opened(106, "patient", f.at(9, 8*hour), nil)
	opened(107, "patient", f.at(11, 9*hour), nil)
	f.expected[106] = "opened after six days"
	// A second mail with the same file, two days later, has it hunted for longer.
	write(letter{file: "twice", to: "kim", sent: f.at(2, 15*hour)})
	write(letter{file: "twice", to: "pat", sent: f.at(4, 15*hour)})
	opened(108, "twice", f.at(11, 3*hour), nil)
	f.expected[108] = "opened more than eight days after the first mail, and less than seven after the second"
	// Cleared before it ran, and after.
	write(letter{file: "cleared early", to: "kim", sent: f.at(4, 10*hour)})
	opened(109, "cleared early", f.at(5, 10*hour), nil)
	write(letter{file: "cleared late", to: "kim", sent: f.at(5, 10*hour)})
	opened(110, "cleared late", f.at(5, 11*hour), nil)
	opened(111, "cleared late", f.at(7, 13*hour), nil)
	f.expected[110] = "isolated before the verdict was taken back"
	w.tap.Changes = []proofpointtest.Change{
		{At: f.at(4, 14*hour), Threat: program("cleared early").sha(), Status: "cleared"},
		{At: f.at(6, 11*hour), Threat: program("cleared late").sha(), Status: "falsepositive", Reissue: true},
	}
	// Only saved, by the mail program.
	write(letter{file: "saved", to: "kim", sent: f.at(5, 12*hour)})
	opened(112, "outlook", f.at(5, 12*hour), func(p *cbctest.Process) {
		p.Events = []cbctest.Event{{Type: "filemod", Name: `c:\mail\paper.exe`, SHA256: program("saved").sha()}}
	})
	// A sensor that tells the MD5 alone.
	write(letter{file: "old sensor", to: "kim", sent: f.at(6, 12*hour)})
	opened(113, "old sensor", f.at(6, 13*hour), func(p *cbctest.Process) {
		sum := md5.Sum([]byte("old sensor"))
		p.Hashes = []string{hex.EncodeToString(sum[:])}
	})
	f.expected[113] = "known by its MD5 alone"
	// What has nothing to do with it: the same name, the clean attachment, a link.
	opened(114, "another paper", f.at(0, 12*hour), nil)
	opened(115, "logo", f.at(0, 12*hour), nil)
	m := letter{file: "linked", to: "kim", sent: f.at(3, 12*hour)}.message()
	m.Threats = []proofpointtest.Threat{{Artifact: "http://bad.example/", Type: "url", Time: m.Time}}
	w.tap.Messages = append(w.tap.Messages, m)
	opened(116, "linked", f.at(3, 13*hour), nil)

	// Outages, each with a file of its own.
	outages := []struct {
		day      int
		from, to time.Duration
		status   int
		hits     func(*http.Request) bool
	}{
		{6, 0, 9 * hour, http.StatusServiceUnavailable, func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v2/") }},
		{7, 0, 12 * hour, http.StatusBadGateway, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/search_jobs") }},
		{8, 0, 6 * hour, http.StatusServiceUnavailable, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/device_actions") }},
		{9, 0, 6 * hour, http.StatusBadGateway, func(r *http.Request) bool { return r.URL.Host == "hooks.invalid" }},
		// Another tool has used up the calls of the day.
		{10, 0, 23 * hour, http.StatusTooManyRequests, func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v2/siem/") }},
		{11, 0, 8 * hour, http.StatusServiceUnavailable, func(r *http.Request) bool { return r.URL.Host == "nsx.invalid" }},
		// Everything at once.
		{12, 8 * hour, 10 * hour, http.StatusInternalServerError, func(*http.Request) bool { return true }},
	}
	for n, o := range outages {
		f.down = append(f.down, outage{f.at(o.day, o.from), f.at(o.day, o.to), o.hits, o.status})
		file := program(fmt.Sprintf("in outage %d", n))
		write(letter{file: file, to: "kim", sent: f.at(o.day, o.from+30*time.Minute)})
		opened(int64(120+n), file, f.at(o.day, o.from+hour), nil)
		f.expected[int64(120+n)] = string(file)
	}
	f.office = newOffice(t, w)
	return f
}
