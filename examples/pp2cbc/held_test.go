package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
)

// hooks is a receiver of webhooks.
type hooks struct {
	mu     sync.Mutex
	bodies []string
}

func (h *hooks) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 1<<20))
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies = append(h.bodies, string(body))
}

// with are the bodies that have a text in them.
func (h *hooks) with(text string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.bodies), func(b string) bool { return !strings.Contains(b, text) })
}

// held are the short ids of what is held, by action.
func (c *company) held(t *testing.T) map[string]string {
	t.Helper()
	ids := make(map[string]string)
	for key, task := range c.remembers(t) {
		if task.Status == hunt.Held && !task.Acknowledged {
			ids[strings.SplitN(key, "/", 2)[0]] = task.EventID[:idLength]
		}
	}
	return ids
}

func TestHeldIsSeenReleasedAndAcknowledged(t *testing.T) {
	t.Parallel()
	var received hooks
	hook := httptest.NewServer(&received)
	t.Cleanup(hook.Close)
	c := newGuardedCompany(t, "isolate = True", "denylist = True", "webhook = "+hook.URL)
	c.run(t).is(t, exitHeld, []string{
		"Held, a person has to decide: 2", "FILE-01 is protected: its priority is MISSION_CRITICAL", "Carbon Black Cloud trusts the file", "pp2cbc apply --held",
	}, nil)
	if d, _ := c.lab.CBC.Device(fileServer); d.Quarantined {
		t.Error("the protected server is isolated")
	}
	if got := len(received.with(`"event":"held"`)); got != 2 {
		t.Errorf("the webhook was told of %d holds, want one for each of two reasons: %q", got, received.bodies)
	}

	calls, writes := len(c.lab.Requests()), len(c.writes())
	ids := c.held(t)
	if len(ids) != 2 || ids["isolate"] == "" || ids["denylist"] == "" {
		t.Fatalf("held are %q, want an isolation and a ban", ids)
	}
	c.command(t, "status").is(t, exitHeld, []string{
		"remembers held: 2, ", ids["isolate"], "because executed", "MISSION_CRITICAL", "pp2cbc status --ack",
	}, nil)
	done := ""
	for key, task := range c.remembers(t) {
		if task.Status == hunt.Done && strings.HasPrefix(key, "isolate/") {
			done = task.EventID
		}
	}
	for _, wrong := range []struct {
		args []string
		want string
	}{
		{[]string{"apply", "--held", "00000000"}, "no task with the id"},
		{[]string{"apply", "--held", ids["isolate"][:7]}, "too short"},
		{[]string{"apply", "--held", ids["isolate"], "00000000"}, "no task with the id"},
		{[]string{"apply", "--held", done}, "is done: there is nothing to release"},
		{[]string{"apply", "--held", strings.Repeat("ab", 32)}, "nothing about the file"},
		{[]string{"status", "--ack", "00000000"}, "no task with the id"},
	} {
		c.command(t, wrong.args...).is(t, exitUsage, nil, []string{wrong.want})
	}
	if n := len(c.lab.Requests()); n != calls {
		t.Errorf("%d calls were sent to look at what is held", n-calls)
	}

	c.command(t, "apply", "--held", ids["isolate"], "--dry-run").is(t, exitDone, []string{"Would be done: 1", "now: not isolated"}, nil)
	if n := len(c.writes()); n != writes {
		t.Error("the dry run of a release wrote something")
	}
	c.command(t, "apply", "--held", strings.ToUpper(ids["isolate"])).is(t, exitDone, []string{"Release ", "Done: 1", `corp\file-01`}, nil)
	if d, _ := c.lab.CBC.Device(fileServer); !d.Quarantined {
		t.Error("the released server is not isolated")
	}
	c.command(t, "apply", "--held", ids["isolate"]).is(t, exitUsage, nil, []string{"nothing to release"})

	c.command(t, "status", "--ack", ids["denylist"]).is(t, exitDone, []string{"Acknowledged: " + ids["denylist"], "acknowledged: 1"}, nil)
	c.run(t).is(t, exitDone, []string{"Acknowledged: 1."}, nil)
	c.command(t, "status", "--verify-audit").is(t, exitDone, []string{"is whole: ", "done ", "Its head is "}, nil)
	text, err := os.ReadFile(filepath.Join(c.dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"event":"acknowledged"`, `"released":true`, `"by":"`, `"status":"held"`, `"op":"devices.quarantine"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the audit log has no %s", want)
		}
	}
}

func TestReleaseByFile(t *testing.T) {
	t.Parallel()
	c := newGuardedCompany(t, "isolate = True", "nsx_tag = a|b", "denylist = True")
	c.run(t).is(t, exitHeld, nil, nil)
	hash := ""
	for _, d := range c.lab.CBC.Devices() {
		if d.ID == fileServer {
			hash = digestOf(d.Files[0].Content)
		}
	}
	noted := c.held(t)["nsx_tag"]
	c.command(t, "status", "--ack", noted).is(t, exitHeld, []string{"Acknowledged: " + noted}, nil)
	c.command(t, "apply", "--held", hash, "--json").is(t, exitDone, []string{`"released": true`, `"status": "done"`}, nil)
	left := c.held(t)
	if len(left) != 1 || left["denylist"] == "" {
		t.Errorf("held is %q, want the ban of the other file alone", left)
	}
	c.edit(t, "denylist = True", "denylist = False")
	c.command(t, "apply", "--held", left["denylist"]).is(t, exitUsage, nil, []string{"the action denylist is switched off"})
	if got := c.remembers(t)["nsx_tag/device/4571643"]; got.Status != hunt.Held || !got.Acknowledged {
		t.Errorf("the tag that somebody had taken note of is %+v, want it left alone", got)
	}
	other := ""
	for key, r := range c.remembers(t) {
		if strings.HasPrefix(r.EventID, left["denylist"]) {
			other = key[strings.LastIndexByte(key, '/')+1:]
		}
	}
	c.command(t, "status", "--ack", other).is(t, exitDone, []string{"Acknowledged: " + left["denylist"]}, nil)
	c.command(t, "status", "--ack", other).is(t, exitUsage, nil, []string{"nothing about the file"})
}

func TestIDThatIsNotClear(t *testing.T) {
	t.Parallel()
	record := func(device string) hunt.Record {
		return hunt.Record{Task: hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Target: device}, Status: hunt.Held}
	}
	all := []hunt.Record{record("1279"), record("111626"), record("7")} // the first two begin with the same eight characters
	_, err := choose(all, []string{"78a91095"})
	if err == nil || !strings.Contains(err.Error(), "is not clear") || !strings.Contains(err.Error(), "isolate device 1279) or ") {
		t.Errorf("choose = %v, want an error that names both", err)
	}
	whole := all[1].Task.EventID()
	got, err := choose(all, []string{whole, all[2].Task.EventID()[:8], whole})
	if err != nil || len(got) != 2 || got[0].Task.Target != "111626" || got[1].Task.Target != "7" {
		t.Errorf("choose = %v, %v; want each of two once", got, err)
	}
}

func TestGuardsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		guard []string
		want  []string
		held  int
	}{
		{"names", []string{"protect_names = lap-040?"}, []string{"its name fits lap-040?"}, 3},
		{"ids", []string{"protect_ids = 4571620"}, []string{"its id is 4571620"}, 1},
		{"policies", []string{"protect_policies = Standard"}, []string{`is protected`}, 3},
		{"networks", []string{"protect_networks = 192.0.2.0/24"}, []string{"is protected"}, 4},
		{"deployments", []string{"protect_deployments = workload"}, []string{"is protected"}, 1},
		{"a ceiling on a file", []string{"max_devices_per_hash = 1"}, []string{"seen on 2 devices, more than the ceiling of 1 device per file: held whole"}, 2},
		{"a ceiling on a run", []string{"max_devices_per_run = 2"}, []string{"above the ceiling of 2 devices per run"}, 2},
		{"a share of the fleet", []string{"max_fleet_share = 1%"}, []string{"1% of the fleet"}, 3},
		{"priorities", []string{"protect_priorities = low, medium"}, []string{"its priority is MEDIUM"}, 4},
		{"groups", []string{"protect_groups = board"}, []string{"is protected"}, 1},
		{"none", []string{"protect_priorities = none", "max_fleet_share = 0"}, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := shortened(lab.Company(time.Now()))
			for i, d := range world.CBC.Devices {
				if d.ID == 4571602 {
					world.CBC.Devices[i].AssetGroups = []string{"Board"}
				}
			}
			world.CBC.Processes = slices.DeleteFunc(world.CBC.Processes, func(p cbctest.Process) bool { return p.DeviceID == helpdesk || p.DeviceID == fileServer })
			c := newCompanyOf(t, world, append([]string{"isolate = True", "[guard]"}, tt.guard...)...)
			code := exitHeld
			if tt.held == 0 {
				code = exitDone
			}
			r := c.run(t, "--dry-run")
			r.is(t, code, tt.want, nil)
			if want := "held: " + string(rune('0'+tt.held)) + "."; tt.held > 0 && !strings.Contains(r.out, want) {
				t.Errorf("the dry run does not tell %q, but\n%s", want, r.out)
			}
		})
	}
}

func TestTrustOfTheConfiguration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		guard []string
		code  int
		want  string
	}{
		{"by default", nil, exitHeld, "Carbon Black Cloud trusts the file: its reputation is TRUSTED_WHITE_LIST"},
		{"signers alone", []string{"trust_reputation = False"}, exitHeld, "Microsoft Corporation"},
		{"another signer", []string{"trust_reputation = False", "trusted_signers = Somebody *"}, exitDone, "Would be done: 3"},
		{"nobody", []string{"trust_reputation = False", "trusted_signers = none"}, exitDone, "Would be done: 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newGuardedCompany(t, append([]string{"denylist = True", "[guard]"}, tt.guard...)...)
			c.run(t, "--dry-run").is(t, tt.code, []string{tt.want}, nil)
		})
	}
}

func TestWebhookSecretIsChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ lines, want string }{
		{"webhook = https://hooks.example/x\nwebhook_secret = brief", "shorter than 16 bytes"},
		{"webhook_secret = a secret that is long enough", "actions.webhook is not"},
		{"webhook = https://hooks.example/x\nwebhook_secret = whsec_!", "no base64"},
		{"webhook = https://hooks.example/x\nwebhook_proxy = proxy.example:3128", "actions.webhook_proxy"},
		{"webhook = https://hooks.example/x\nwebhook_ca_file = nowhere.pem", "actions.webhook_ca_file"},
	} {
		c := newShortCompany(t, strings.Split(tt.lines, "\n")...)
		if r := c.run(t, "--dry-run"); r.code != exitUsage || !strings.Contains(r.err, tt.want) {
			t.Errorf("%s ended with %d: %s; want %d and %q", tt.lines, r.code, r.err, exitUsage, tt.want)
		}
	}
}

// A receiver with a certificate, which is for example.com, of a private authority, behind a proxy that wants a password.
func TestWebhookHasItsOwnAuthorityAndProxy(t *testing.T) {
	t.Parallel()
	var received hooks
	hook := httptest.NewTLSServer(&received)
	t.Cleanup(hook.Close)
	var tunnels, logins atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			http.Error(w, "not here", http.StatusForbidden)
			return
		}
		if name, password, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth(); ok && name == "pp2cbc" && password == "pass word" {
			logins.Add(1)
		}
		tunnels.Add(1)
		there, err := net.Dial("tcp", hook.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(there, here)
			there.Close()
		}()
		_, _ = io.Copy(here, there)
		here.Close()
	}))
	t.Cleanup(proxy.Close)
	address := strings.Replace(proxy.URL, "http://", "http://pp2cbc:pass%20word@", 1)
	c := newShortCompany(t, "webhook = https://example.com/x", "webhook_ca_file = hook.pem", "webhook_proxy = "+address)
	c.write(t, "hook.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw})))
	r := c.run(t)
	if tunnels.Load() == 0 || logins.Load() != tunnels.Load() {
		t.Errorf("%d tunnels and %d logins went through the proxy: %s%s", tunnels.Load(), logins.Load(), r.out, r.err)
	}
	if len(received.with(`"event":"finding"`)) == 0 {
		t.Errorf("nothing was received: %s%s", r.out, r.err)
	}
	if strings.Contains(r.out+r.err, "pass") {
		t.Errorf("the password of the proxy is told: %s%s", r.out, r.err)
	}
}
