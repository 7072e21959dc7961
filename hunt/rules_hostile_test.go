package hunt_test

import (
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// TestArguments is no test but the script of other tests: it writes down its arguments in the file that the first one names.
func TestArguments(t *testing.T) {
	args := flag.Args()
	if len(args) == 0 {
		t.Skip("it is run by other tests")
	}
	text, err := json.Marshal(args[1:])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(args[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// hostile are texts that mean something to a shell, a search, JSON, a terminal or this program.
var hostile = []string{
	`") OR *:*`, `x) OR *:* OR (y`, `'; rm -rf /; '`, "$(reboot) `reboot`", "{pid} {file_path} {device_id}", "two\nlines\r\nX-Header: 1",
	`--delete=all`, "-rf", `a b  c`, `\u0022 OR \*`, `%COMSPEC% & calc | more > out`, "\x1b[2J\u202e", `x/../../../etc/passwd`, `*`, `?x=1&y=2#z`,
}

func TestRule6NoStringBecomesCode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() // that of a subtest would have the placeholders of its name in its own
	for i, evil := range hostile {
		t.Run(evil, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(dir, strconv.Itoa(i))
			synctest.Test(t, func(t *testing.T) { meetsHostile(t, evil, out) })
		})
	}
}

// meetsHostile puts a text wherever a sender or a device has the say, and looks at what arrives.
func meetsHostile(t *testing.T, evil, out string) {
	w := plainWorld()
	part := attached(evil, invoice)
	w.tap.Messages = []proofpointtest.Message{
		{
			GUID: evil, MessageID: evil, Subject: evil, Sender: evil, Recipients: []string{evil}, From: []string{evil},
			Parts: []proofpointtest.Part{part, {Filename: evil, SHA256: evil, SandboxStatus: "THREAT"}}, Threats: []proofpointtest.Threat{verdictOn(invoice)},
		},
		mail(evil, proofpointtest.Threat{ID: evil, Artifact: evil, Time: time.Now().Add(-9 * time.Minute)}, proofpointtest.Part{Filename: evil, SHA256: evil}),
		mail(evil, proofpointtest.Threat{Artifact: invoice.sha() + evil}, proofpointtest.Part{Filename: evil, SHA256: invoice.sha() + evil}),
	}
	path := strings.ToLower("/home/ada/" + evil + "/invoice")
	if strings.HasPrefix(evil, "-") {
		path = evil // no device has such a path, and a search may tell it all the same
	}
	w.cbc.Policies = append(w.cbc.Policies, cbctest.Policy{ID: 66, Name: evil})
	w.cbc.Devices[0].Name, w.cbc.Devices[0].SearchName = evil, evil
	w.cbc.Devices[0].OS, w.cbc.Devices[0].Running, w.cbc.Devices[0].Files = "LINUX", []cbctest.RunningProcess{{PID: 1, Path: "/sbin/init"}}, nil
	if path != evil {
		w.cbc.Devices[0].Running = append(w.cbc.Devices[0].Running, cbctest.RunningProcess{PID: invoicePID, Path: path, CmdLine: evil})
		w.cbc.Devices[0].Files = []cbctest.File{{Path: path, Content: string(invoice)}}
	}
	w.cbc.Processes = []cbctest.Process{{DeviceID: ranIt, PIDs: []int64{invoicePID}, Name: path, CmdLine: evil, Username: evil, Hashes: []string{invoice.sha()}}, w.cbc.Processes[2]}
	w.nsx.VMs = []nsxtest.VM{{Name: evil, ComputerName: evil, ExternalID: vmID}, {Name: "other", ExternalID: "other"}}
	o := newOffice(t, w.at(time.Now()))
	_, console, _ := o.clients(t, crew{})
	policy, err := console.Policies.ByName(t.Context(), evil)
	if err != nil || policy.ID != 66 {
		t.Errorf("Policies.ByName(%q) = %d, %v; want 66", evil, policy.ID, err)
	}
	c := crew{
		actions: []string{"watchlist", "webhook", "script", "live_response", "isolate", "policy", "denylist", "nsx_tag"}, feed: evil,
		policy:  cbc.Policy{ID: policy.ID, Name: evil},
		command: []string{os.Args[0], "-test.run=^TestArguments$", "--", out, "{pid}", "{file_path}", "<{device_name}>", "{file_path}{pid}", "last"},
	}
	r, runErr := o.hunter(t, c).Run(t.Context(), o.window)
	o.wantHostileQueries(t, evil)
	o.wantHostileArguments(t, r, evil, path, out)
	option := strings.HasPrefix(path, "-")
	for _, outcome := range r.Outcomes {
		action := outcome.Task.Action
		refused := option && (action == "script" || action == "live_response")
		if outcome.Status != hunt.Done && !refused {
			t.Errorf("%s ended %s: %s", action, outcome.Status, outcome.Detail)
		}
	}
	if runErr != nil && !option {
		t.Errorf("Run: %v", runErr)
	}
	if d := o.device(t, ranIt); !d.Quarantined || d.PolicyID != 66 || len(d.Running) != 1 {
		t.Errorf("the device is isolated %t, in policy %d, and runs %v; want it contained", d.Quarantined, d.PolicyID, d.Running)
	}
	for _, id := range []int64{savedIt, innocent} {
		if d := o.device(t, id); d.Quarantined || d.PolicyID == 66 || len(d.Running) != 1 {
			t.Errorf("device %d was touched: %+v", id, d)
		}
	}
	if other, _ := o.nsx.VM("other"); len(other.Tags) > 0 {
		t.Errorf("another virtual machine was tagged: %v", other.Tags)
	}
}

// wantHostileQueries compares everything that was searched for with what may be searched for: nothing that anybody wrote.
func (o *office) wantHostileQueries(t *testing.T, evil string) {
	t.Helper()
	if diff := cmp.Diff([]string{queryOf(invoice)}, o.queries()); diff != "" {
		t.Errorf("searches mismatch (-want +got):\n%s", diff)
	}
	for _, r := range o.cbc.Requests() {
		if path, err := url.PathUnescape(r.Path); err != nil || strings.Contains(path, evil) && evil != "*" {
			t.Errorf("%s %s has the text in its path", r.Method, path)
		}
		if strings.HasSuffix(r.Path, "/overrides/_search") && !json.Valid(r.Body) {
			t.Errorf("the search for overrides is no JSON: %s", r.Body)
		}
		if r.Status == 400 || r.Status >= 404 {
			t.Errorf("%s %s was answered with %d", r.Method, r.Path, r.Status)
		}
	}
	for _, r := range o.nsx.Requests() {
		for name, values := range r.Query {
			if name == "display_name" && !slices.Equal(values, []string{evil}) && !strings.HasPrefix(evil, values[0]) {
				t.Errorf("NSX was asked for %q, want the text as it is", values)
			}
		}
	}
}

// wantHostileArguments compares the arguments of the script: as many as were configured, each whole, or no call at all.
func (o *office) wantHostileArguments(t *testing.T, r *hunt.Report, evil, path, out string) {
	t.Helper()
	text, err := os.ReadFile(out)
	if strings.HasPrefix(path, "-") {
		if err == nil || !strings.Contains(details(r)["script"], "begins with a dash") {
			t.Errorf("a path that looks like an option was passed on: %s; outcome %s", text, details(r)["script"])
		}
		return
	}
	if err != nil {
		t.Errorf("the script was not run: %s", details(r)["script"])
		return
	}
	var got []string
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"4711", path, "<" + evil + ">", path + "4711", "last"}, got); diff != "" {
		t.Errorf("arguments mismatch (-want +got):\n%s", diff)
	}
}
