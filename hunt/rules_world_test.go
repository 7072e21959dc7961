package hunt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// program is a made-up file. What it holds is only text, its hash is real.
type program string

func (p program) hash() hunt.SHA256 { return sha256.Sum256([]byte(p)) }
func (p program) sha() string       { return p.hash().String() }
func (p program) upper() string     { return strings.ToUpper(p.sha()) }

const (
	invoice program = "made-up malware: an invoice"
	viewer  program = "made-up software: a harmless viewer"

	ranIt      = 7 // the invoice runs on this device, a virtual machine
	savedIt    = 8 // the mail program saved the invoice on this one, and nobody ran it
	innocent   = 9 // the viewer runs on this one
	invoicePID = 4711
	invoiceAt  = `C:\Users\ada\invoice.exe`
	vmID       = "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94"
	containing = 2 // the policy that devices are moved to
	hookToken  = "hOoK-t0ken-4f1c"
)

// world is what the services know.
type world struct {
	tap proofpointtest.World
	cbc cbctest.World
	nsx nsxtest.World
}

// plainWorld has one condemned file, which ran on one device and was only saved on another.
func plainWorld() world {
	now := time.Now()
	return world{
		tap: proofpointtest.World{Messages: []proofpointtest.Message{mail("Your invoice", verdictOn(invoice), attached("invoice.exe", invoice))}},
		cbc: cbctest.World{
			Policies: []cbctest.Policy{{ID: 1, Name: "Standard"}, {ID: containing, Name: "Contain"}},
			Devices: []cbctest.Device{
				{
					ID: ranIt, Name: `CORP\FIN-1`, DeploymentType: "WORKLOAD",
					Running: []cbctest.RunningProcess{{PID: invoicePID, Path: strings.ToLower(invoiceAt)}, {PID: 4, Path: `c:\windows\explorer.exe`}},
					Files:   []cbctest.File{{Path: invoiceAt, Content: string(invoice)}},
				},
				{ID: savedIt, Name: `CORP\FIN-2`, Running: []cbctest.RunningProcess{{PID: 80, Path: `c:\outlook.exe`}}},
				{ID: innocent, Name: `CORP\FIN-3`, Running: []cbctest.RunningProcess{{PID: 90, Path: `c:\viewer.exe`}}},
			},
			Processes: []cbctest.Process{
				ran(ranIt, invoicePID, invoiceAt, invoice),
				{DeviceID: savedIt, PIDs: []int64{80}, Name: `c:\outlook.exe`, Hashes: []string{program("outlook").sha()}, Touched: map[string][]string{"filemod_hash": {invoice.sha()}}},
				ran(innocent, 90, `c:\viewer.exe`, viewer),
			},
		},
		nsx: nsxtest.World{VMs: []nsxtest.VM{
			{Name: "fin-1", ExternalID: vmID, ComputerName: "FIN-1.corp.example"},
			{Name: "fin-2", ComputerName: "FIN-2.corp.example"},
		}},
	}.at(now)
}

// at sets the times that are open: mail is ten minutes old.
func (w world) at(now time.Time) world {
	for i := range w.tap.Messages {
		if m := &w.tap.Messages[i]; m.Time.IsZero() {
			m.Time = now.Add(-10 * time.Minute)
		}
	}
	return w
}

func mail(subject string, threat proofpointtest.Threat, parts ...proofpointtest.Part) proofpointtest.Message {
	return proofpointtest.Message{
		Subject: subject, Sender: "billing@freight.example", Recipients: []string{"ada@corp.example"},
		Parts: parts, Threats: []proofpointtest.Threat{threat},
	}
}

func verdictOn(p program) proofpointtest.Threat { return proofpointtest.Threat{Artifact: p.sha()} }

func attached(name string, p program) proofpointtest.Part {
	return proofpointtest.Part{Filename: name, SHA256: p.sha(), SandboxStatus: "THREAT"}
}

func ran(device, pid int64, path string, p program) cbctest.Process {
	return cbctest.Process{DeviceID: device, PIDs: []int64{pid}, Name: path, Hashes: []string{p.sha()}}
}

// office is a made-up company: its services, and everything that hunts leave behind.
type office struct {
	tap    *proofpointtest.Server
	cbc    *cbctest.Server
	nsx    *nsxtest.Server
	hook   *receiver
	log    *logbook
	store  dedupe.Memory
	window hunt.Window
}

func newOffice(t *testing.T, w world) *office {
	t.Helper()
	if err := w.cbc.Check(); err != nil {
		t.Fatal(err)
	}
	end := time.Now().UTC().Add(-5 * time.Minute)
	return &office{
		tap: proofpointtest.New(w.tap), cbc: cbctest.New(w.cbc), nsx: nsxtest.New(w.nsx), hook: &receiver{}, log: &logbook{},
		window: hunt.Window{Start: end.Add(-50 * time.Minute), End: end},
	}
}

// crew says how a hunter is wired. The zero value has every action but the script.
type crew struct {
	// actions are the names of those that are on; nil means all but the script.
	actions  []string
	store    dedupe.Store
	evidence hunt.Evidence
	guards   []hunt.Guard
	command  []string
	feed     string
	policy   cbc.Policy
	searcher func(hunt.Searcher) hunt.Searcher
	now      func() time.Time
	auditor  hunt.Auditor
	// archive has the ledger remember what was done, and copies is where files are kept that are deleted.
	archive bool
	copies  string
	// life ends the hunter's process, if it is not nil.
	life *life
	// wire stands in front of every service, if it is not nil.
	wire func(http.RoundTripper) http.RoundTripper
}

// clients are real ones.
func (o *office) clients(t *testing.T, c crew) (*proofpoint.Client, *cbc.Client, *nsx.Client) {
	t.Helper()
	logger := slog.New(slog.NewJSONHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tap, err1 := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, HTTPClient: c.client(o.tap.Client()), Logger: logger,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		Observe:     func(ctx context.Context, c proofpoint.Call) { note(ctx, c.Op, c.Status, c.RequestID) },
	})
	console, err2 := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: c.client(o.cbc.Client()), Logger: logger,
		Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
		Observe:     func(ctx context.Context, c cbc.Call) { note(ctx, c.Op, c.Status, c.RequestID) },
	})
	manager, err3 := nsx.New(nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: c.client(o.nsx.Client()), Logger: logger,
		Credentials: nsx.Basic(nsxtest.Username, nsxtest.Password),
		Observe:     func(ctx context.Context, c nsx.Call) { note(ctx, c.Op, c.Status, c.RequestID) },
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return tap, console, manager
}

func note(ctx context.Context, op string, status int, id string) {
	hunt.NoteRequest(ctx, hunt.Request{Op: op, Status: status, ID: id})
}

func (c crew) client(hc *http.Client) *http.Client {
	next := hc.Transport
	if c.wire != nil {
		next = c.wire(next)
	}
	return &http.Client{Transport: roundTripper(func(r *http.Request) (resp *http.Response, err error) {
		err = c.life.step(func() error {
			resp, err = next.RoundTrip(r)
			return err
		})
		if err != nil && resp != nil {
			resp.Body.Close()
			resp = nil
		}
		return resp, err
	})}
}

func (o *office) hunter(t *testing.T, c crew) *hunt.Hunter {
	t.Helper()
	tap, console, manager := o.clients(t, c)
	source, err1 := proofpointhunt.New(tap, proofpointhunt.Options{Delivered: true, Blocked: true})
	search, err2 := cbchunt.New(cbchunt.Config{Processes: console.Processes, Events: console.Processes})
	var store dedupe.Store = &o.store
	if c.store != nil {
		store = c.store
	}
	ledger, err3 := dedupehunt.New(dedupehunt.Config{Store: mortalStore{store, c.life}})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	var searcher hunt.Searcher = search
	if c.searcher != nil {
		searcher = c.searcher(search)
	}
	var archive hunt.Archive
	if c.archive {
		archive = ledger
	}
	return newHunter(t, hunt.Config{
		Source: source, Searcher: searcher, Ledger: ledger, Archive: archive, Actions: o.actions(t, c, console, manager), Guards: c.guards, Now: c.now, Auditor: c.auditor,
	})
}

// actions are real ones, in the order of the program.
func (o *office) actions(t *testing.T, c crew, console *cbc.Client, manager *nsx.Client) []hunt.Action {
	t.Helper()
	if c.policy.ID == 0 {
		c.policy = cbc.Policy{ID: containing, Name: "Contain"}
	}
	if c.feed == "" {
		c.feed = "Condemned"
	}
	all := map[string]func() (hunt.Action, error){
		"watchlist": func() (hunt.Action, error) {
			return actions.NewWatchlist(actions.WatchlistConfig{Feeds: console.Feeds, Watchlists: console.Watchlists, Name: c.feed})
		},
		"webhook": func() (hunt.Action, error) {
			hc := c.client(&http.Client{Transport: o.hook})
			return actions.NewWebhook(actions.WebhookConfig{URL: "https://hooks.invalid/finding?token=" + hookToken, HTTPClient: hc})
		},
		"script": func() (hunt.Action, error) { return actions.NewScript(actions.ScriptConfig{Command: c.command}) },
		"live_response": func() (hunt.Action, error) {
			return actions.NewLiveResponse(actions.LiveResponseConfig{Sessions: console.LiveResponse, Devices: console.Devices, EvidenceDir: c.copies})
		},
		"isolate": func() (hunt.Action, error) {
			return actions.NewIsolateWith(actions.IsolateConfig{Devices: console.Devices, Evidence: c.evidence, Audit: console.AuditLog, Actor: cbctest.KeyID})
		},
		"policy":   func() (hunt.Action, error) { return actions.NewPolicyMove(console.Devices, c.policy, c.evidence) },
		"denylist": func() (hunt.Action, error) { return actions.NewDenylist(console.Reputation), nil },
		"nsx_tag": func() (hunt.Action, error) {
			return actions.NewNSXTag(actions.NSXTagConfig{
				VMs: manager.VirtualMachines, Devices: console.Devices, Tag: nsx.Tag{Scope: "quarantine", Tag: "mail"}, Evidence: c.evidence,
			})
		},
	}
	if c.actions == nil {
		c.actions = []string{"watchlist", "webhook", "live_response", "isolate", "policy", "denylist", "nsx_tag"}
	}
	var list []hunt.Action
	for _, name := range c.actions {
		a, err := all[name]()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

// run is one run of a new hunter, as a new process would have it.
func (o *office) run(t *testing.T, c crew) *hunt.Report {
	t.Helper()
	r, err := o.hunter(t, c).Run(t.Context(), o.window)
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	return r
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// receiver takes the calls of the webhook.
type receiver struct {
	mu     sync.Mutex
	status int // 0 means 204
	bodies []finding
}

type finding struct {
	EventID  string      `json:"event_id"`
	SHA256   string      `json:"sha256"`
	Evidence string      `json:"evidence"`
	Device   hunt.Device `json:"device"`
}

func (h *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var f finding
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	status := h.status
	if status == 0 {
		status = http.StatusNoContent
		h.bodies = append(h.bodies, f)
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: http.Header{},
		Body: http.NoBody, Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// received lists the findings so far.
func (h *receiver) received() []finding {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]finding(nil), h.bodies...)
}

// logbook keeps log lines.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// mortalStore is a store that a process of limited life uses.
type mortalStore struct {
	dedupe.Store
	life *life
}

func (s mortalStore) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) (grants []dedupe.Grant, err error) {
	err = s.life.step(func() (err error) { grants, err = s.Store.Claim(ctx, owner, now, lease, keys...); return err })
	return grants, err
}

func (s mortalStore) Renew(ctx context.Context, now time.Time, lease time.Duration, claims ...dedupe.Claim) (lost []dedupe.Key, err error) {
	err = s.life.step(func() (err error) { lost, err = s.Store.Renew(ctx, now, lease, claims...); return err })
	return lost, err
}

func (s mortalStore) Note(ctx context.Context, now time.Time, notes ...dedupe.Note) (lost []dedupe.Key, err error) {
	err = s.life.step(func() (err error) { lost, err = s.Store.Note(ctx, now, notes...); return err })
	return lost, err
}

func (s mortalStore) Finish(ctx context.Context, now time.Time, results ...dedupe.Result) (lost []dedupe.Key, err error) {
	err = s.life.step(func() (err error) { lost, err = s.Store.Finish(ctx, now, results...); return err })
	return lost, err
}
