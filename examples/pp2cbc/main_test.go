package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// TestMain lets the test binary be the program itself: scripts of the configuration run it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == recorderArgument {
		os.Exit(recorder(os.Args[2:]))
	}
	if os.Getenv("PPHUNT_RUN_PROGRAM") != "" {
		main()
	}
	flag.Parse()
	if n := runtime.GOMAXPROCS(0); n < 5 && flag.Lookup("test.parallel").Value.String() == strconv.Itoa(n) {
		_ = flag.Set("test.parallel", "5") // they wait more than they work
	}
	os.Exit(m.Run())
}

// company is the made-up company behind TLS, with a configuration file that leads there.
type company struct {
	lab    *lab.Lab
	server *httptest.Server
	dir    string
	config string
}

// The machines on which guards have something to stop.
const (
	helpdesk   = 4571610 // runs a condemned file that is signed and trusted
	fileServer = 4571643 // is mission critical
)

// newCompany starts the lab, without what guards would stop. The actions are lines of the section of that name.
func newCompany(t *testing.T, actions ...string) *company {
	t.Helper()
	world := lab.Company(time.Now())
	world.CBC.Processes = slices.DeleteFunc(world.CBC.Processes, func(p cbctest.Process) bool { return p.DeviceID == helpdesk || p.DeviceID == fileServer })
	world.TAP.Messages = slices.DeleteFunc(world.TAP.Messages, func(m proofpointtest.Message) bool { return m.Subject == "Remote support tool" })
	return newCompanyOf(t, world, actions...)
}

// newShortCompany is the same for short hunts.
func newShortCompany(t *testing.T, actions ...string) *company {
	t.Helper()
	world := shortened(lab.Company(time.Now()))
	world.CBC.Processes = slices.DeleteFunc(world.CBC.Processes, func(p cbctest.Process) bool { return p.DeviceID == helpdesk || p.DeviceID == fileServer })
	return newCompanyOf(t, world, actions...)
}

// newGuardedCompany starts the lab with what guards stop, for short hunts.
func newGuardedCompany(t *testing.T, actions ...string) *company {
	t.Helper()
	return newCompanyOf(t, shortened(lab.Company(time.Now())), actions...)
}

// shortened is a world in which nothing was merely touched: to find that out takes many searches.
func shortened(world lab.World) lab.World {
	world.CBC.Processes = slices.DeleteFunc(world.CBC.Processes, func(p cbctest.Process) bool { return len(p.Touched) > 0 })
	return world
}

func newCompanyOf(t *testing.T, world lab.World, actions ...string) *company {
	t.Helper()
	world.CBC.Switches.Search = cbctest.SearchSwitches{StartDelay: 1, Duration: 2} // the demonstration has slow searches
	c := &company{lab: lab.New(world), dir: t.TempDir()}
	c.server = httptest.NewTLSServer(c.lab)
	t.Cleanup(c.server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
	c.write(t, "ca.pem", string(ca))
	tap, cbc, nsx := lab.Accounts(world)
	c.config = c.write(t, "config.conf", strings.Join(append([]string{
		"[CarbonBlack]", "url = " + c.server.URL, "org_key = " + cbc.OrgKey, "custom_api_id = " + cbc.APIID, "custom_api_key = " + cbc.APIKey, "ca_file = ca.pem",
		"[Proofpoint]", "url = " + c.server.URL, "principal = " + tap.Principal, "secret = " + tap.Secret, "delta = 1", "ca_file = ca.pem",
		"[NSX]", "url = " + c.server.URL, "username = " + nsx.Username, "password = " + nsx.Password, "ca_file = ca.pem",
		"[actions]",
	}, actions...), "\n"))
	return c
}

func (c *company) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// edit replaces a text in the configuration.
func (c *company) edit(t *testing.T, old, with string) {
	t.Helper()
	text, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("the configuration has no %q", old)
	}
	c.write(t, "config.conf", strings.ReplaceAll(string(text), old, with))
}

// result is what a run of the program left.
type result struct {
	code     int
	out, err string
}

func run(ctx context.Context, args ...string) result { return runAt(ctx, time.Now, args...) }

// runAt runs the program with a clock of its own.
func runAt(ctx context.Context, now func() time.Time, args ...string) result {
	var out, complaints bytes.Buffer
	p := program{out: &out, err: &complaints, now: now}
	code := p.run(ctx, args)
	return result{code, out.String(), complaints.String()}
}

func (c *company) run(t *testing.T, args ...string) result {
	t.Helper()
	return run(t.Context(), append([]string{"--config", c.config}, args...)...)
}

// writes are the calls that changed something, without the ids in their paths.
func (c *company) writes() []string {
	var all []string
	for _, r := range c.lab.Requests() {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/_search") && !strings.HasSuffix(r.Path, "/_facet") && !strings.HasPrefix(r.Path, "/api/investigate/") {
			all = append(all, r.Operation)
		}
	}
	slices.Sort(all)
	return all
}

// isolated lists the devices that are cut off.
func (c *company) isolated() []string {
	var all []string
	for _, d := range c.lab.CBC.State().Devices {
		if d.Quarantined {
			all = append(all, d.Name)
		}
	}
	return all
}

func TestDemo(t *testing.T) {
	real := newShortCompany(t) // whatever the environment says of it, the demonstration stays away from it
	for _, section := range []string{"CARBONBLACK", "PROOFPOINT", "NSX"} {
		t.Setenv("PP2CBC_"+section+"_URL", real.server.URL)
	}
	t.Setenv("PPHUNT_RUN_PROGRAM", "1")
	var out, complaints bytes.Buffer
	p := program{out: &out, err: &complaints, environ: os.Environ(), now: time.Now}
	code := p.run(t.Context(), []string{"--demo"})
	r := result{code, out.String(), complaints.String()}
	if r.code != exitDone || r.err != "" {
		t.Fatalf("--demo ended with %d and complained: %s", r.code, r.err)
	}
	if n := len(real.lab.Requests()); n != 0 {
		t.Errorf("--demo sent %d calls to the services of the environment", n)
	}
	for _, want := range []string{
		"invoice_0417.exe", `corp\lap-0401`, "killed process 6700", "process 5120 is c:\\program files\\office\\excel.exe now: not killed",
		"the device is isolated already", "the verdict was cleared", "the classification phish is not hunted", "only a link is condemned",
		"tagged virtual machine fin-ws-0142", "the file is banned already", "FILE-01 is protected: its priority is MISSION_CRITICAL",
		"Carbon Black Cloud trusts the file", "because executed", "now: not isolated", "Way back: ", "pp2cbc apply --held", "VERDICT TAKEN BACK: 1 file",
		"Taken back: 5", `isolate       corp\lap-0403 (4571603)`, "hunted until", "released from quarantine", `payslip.exe back from its copy`, "it cannot be taken back",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the story does not tell %q", want)
		}
	}
	for _, never := range []string{"\x1b", "\u202e", "viewer-update.exe  executed"} {
		if strings.Contains(r.out, never) {
			t.Errorf("the story has %q in it", never)
		}
	}
	// The dry run, the status and the second hunt change nothing.
	var steps []string
	for line := range strings.SplitSeq(r.out, "\n") {
		code, calls, ok := strings.Cut(line, ", after ")
		if !ok {
			continue
		}
		step := code[len(code)-1:] + " with changes"
		if strings.Contains(calls, " and 0 that changed something") {
			step = code[len(code)-1:]
		}
		steps = append(steps, step)
	}
	if want := []string{"3", "3 with changes", "3", "0 with changes", "3 with changes", "3", "3 with changes"}; !slices.Equal(steps, want) {
		t.Errorf("the exit codes are %q, want %q", steps, want)
	}
	if t.Failed() {
		t.Log(r.out)
	}
}

func TestIsolateForEverySightedDeviceAndNoOther(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "isolate = True")
	r := c.run(t)
	if r.code != exitDone {
		t.Fatalf("the run ended with %d: %s", r.code, r.err)
	}
	want := []string{`CORP\LAP-0401`, "LAP-0402", `CORP\LAP-0404`, `CORP\FIN-WS-0142`}
	if got := c.isolated(); !slices.Equal(got, want) {
		t.Errorf("isolated %q, want %q", got, want)
	}
	before := c.writes()
	if r := c.run(t); r.code != exitDone || !slices.Equal(c.writes(), before) {
		t.Errorf("the second run ended with %d and wrote %q, want 0 and nothing: %s", r.code, c.writes()[len(before):], r.err)
	}
}

func TestTwoProgramsAtOnce(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "isolate = True", "denylist = True", "policy = Contain")
	results := make(chan result)
	for range 2 {
		go func() { results <- c.run(t) }()
	}
	for range 2 {
		if r := <-results; r.code != exitDone {
			t.Errorf("a program ended with %d: %s", r.code, r.err)
		}
	}
	want := []string{
		"POST /appservices/v6/orgs/{org_key}/device_actions", "POST /appservices/v6/orgs/{org_key}/device_actions",
		"POST /appservices/v6/orgs/{org_key}/reputations/overrides", "POST /appservices/v6/orgs/{org_key}/reputations/overrides",
	}
	if got := c.writes(); !slices.Equal(got, want) {
		t.Errorf("two programs on one ledger wrote %q, want %q", got, want)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "watchlist = W", "live_response = True", "isolate = True", "policy = 88402", "denylist = True", "nsx_tag = quarantine|x", "webhook = https://127.0.0.1:1/")
	r := c.run(t, "--dry-run")
	if r.code != exitDone || len(c.writes()) != 0 {
		t.Errorf("the dry run ended with %d and wrote %q: %s", r.code, c.writes(), r.err)
	}
	if !strings.Contains(r.out, "Would be done") || strings.Contains(r.out, "\nDone:") {
		t.Errorf("the dry run tells:\n%s", r.out)
	}
}

func TestNoConfigurationNeeded(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--now"}, {"--version"}, {"action", "--help"}} {
		r := run(t.Context(), append(args, "--config", "/nowhere/at/all")...)
		if args[0] == "action" {
			r = run(t.Context(), args...)
		}
		if r.code != exitDone || r.out == "" || r.err != "" {
			t.Errorf("%v ended with %d, told %q and complained %q", args, r.code, r.out, r.err)
		}
	}
}

func TestStopTellsHowFarItGot(t *testing.T) {
	t.Parallel()
	e := newEar(t)
	c := newCompany(t, "isolate = True", "webhook = "+e.URL, "webhook_events = run")
	if err := c.lab.Inject(lab.Fault{Service: "cbc", PathContains: "search_jobs", Kind: "delay", Delay: "1m", Count: -1}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan result)
	go func() { ended <- run(ctx, "--config", c.config) }()
	for len(c.lab.Requests()) == 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the program sent nothing")
		}
	}
	stop()
	select {
	case r := <-ended:
		if r.code != exitFailed || !strings.Contains(r.err, "stopped") || !strings.Contains(r.out, "Stopped before the end") {
			t.Errorf("the program ended with %d and complained %q", r.code, r.err)
		}
		if got := e.events(); !slices.Equal(got, []string{"run"}) {
			t.Errorf("the webhook heard of %q", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("the program did not stop")
	}
}

func TestAction(t *testing.T) {
	t.Parallel()
	const path = `c:\users\dana\downloads\invoice_0417.exe`
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
		gone bool
	}{
		{"kills and deletes", []string{"--device_id", "4571601", "--pid", "6700", "--file_path", path, "--close"}, exitDone, "killed process 6700", true},
		{"kills nothing by the id alone", []string{"--device_id", "4571601", "--pid", "880", "--file_path", path}, exitFailed, "nothing was killed or deleted", false},
		{"a dry run", []string{"--device_id", "4571601", "--pid", "6700", "--file_path", path, "--dry-run"}, exitDone, "would connect", false},
		{"an unknown device", []string{"--device_id", "1", "--pid", "6700", "--file_path", path}, exitFailed, "", false},
		{"no path", []string{"--device_id", "4571601", "--pid", "6700"}, exitUsage, "", false},
		{"no JSON", []string{"--device_id", "4571601", "--pid", "6700", "--file_path", path, "--json"}, exitUsage, "no --json", false},
		{"no number", []string{"--device_id", "x", "--pid", "6700", "--file_path", path}, exitUsage, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := newCompany(t)
			r := run(t.Context(), append([]string{"action", "--config", co.config}, c.args...)...)
			if r.code != c.code || !strings.Contains(r.out+r.err, c.want) {
				t.Errorf("ended with %d, told %q and complained %q; want %d and %q", r.code, r.out, r.err, c.code, c.want)
			}
			there := false
			for _, f := range co.lab.CBC.Files(4571601) {
				there = there || strings.EqualFold(f.Path, path)
			}
			if there == c.gone {
				t.Errorf("the file is there: %t, want %t", there, !c.gone)
			}
			for _, s := range co.lab.CBC.Sessions() {
				if s.Ended.IsZero() {
					t.Errorf("session %s was left open", s.ID)
				}
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "isolate = True")
	r := c.run(t, "--json")
	if r.code != exitDone || !strings.HasPrefix(r.out, "{") || !strings.Contains(r.out, `"key": "isolate/device/4571601"`) {
		t.Errorf("--json ended with %d and told %.200s", r.code, r.out)
	}
	for _, secret := range []string{"custom_api_key", fmt.Sprint(lab.Accounts(lab.World{}))} {
		if strings.Contains(r.out, secret) {
			t.Errorf("the report has %q in it", secret)
		}
	}
}
