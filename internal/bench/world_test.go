package bench_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
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
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// size is how large a company is, and how slow its services are.
type size struct {
	files, processes, devices int
	latency                   time.Duration // of each call
	search                    time.Duration // of each search job, zero for one that is finished when it is asked about
}

// company has condemned files that ran on its devices.
type company struct {
	size
	tap   *proofpointtest.Server
	cbc   *cbctest.Server
	store dedupe.Memory

	mu    sync.Mutex
	calls map[string]int
	hooks int
	flown int // calls that are under way
	most  int // of them at once
}

func hashOf(n int) hunt.SHA256 { return sha256.Sum256(fmt.Appendf(nil, "file %d", n)) }

const contain = 2

func newCompany(s size) *company {
	now := time.Now()
	tap := proofpointtest.World{Quota: 1800}
	for n := range s.files {
		sha := hashOf(n).String()
		tap.Messages = append(tap.Messages, proofpointtest.Message{
			Subject: fmt.Sprintf("Statement %d", n), Sender: "billing@freight.example", Recipients: []string{fmt.Sprintf("user%d@corp.example", n)},
			Time:    now.Add(-30 * time.Minute),
			Parts:   []proofpointtest.Part{{Filename: "statement.exe", SHA256: sha, SandboxStatus: "THREAT"}},
			Threats: []proofpointtest.Threat{{Artifact: sha, Time: now.Add(-25 * time.Minute)}},
		})
	}
	world := cbctest.World{
		Policies: []cbctest.Policy{{ID: 1, Name: "Standard"}, {ID: contain, Name: "Contain"}},
		Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: s.search/4 + 1, Duration: s.search + 2, SegmentsAtOnce: true}},
	}
	for n := range s.devices {
		world.Devices = append(world.Devices, cbctest.Device{ID: int64(1000 + n), Name: fmt.Sprintf(`CORP\LAP-%d`, n)})
	}
	for n := range s.processes {
		file := hashOf(n % s.files)
		world.Processes = append(world.Processes, cbctest.Process{
			DeviceID: int64(1000 + n%s.devices), PIDs: []int64{int64(4000 + n)}, GUID: fmt.Sprintf("ORG-%08d", n),
			Name: `c:\users\kim\statement.exe`, Hashes: []string{file.String()}, Time: now.Add(-10 * time.Minute), Start: now.Add(-10 * time.Minute),
		})
	}
	return &company{size: s, tap: proofpointtest.New(tap), cbc: cbctest.New(world), calls: make(map[string]int)}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// far puts the latency before calls of a service, and counts those at once.
func (c *company) far(client *http.Client) *http.Client {
	next := client.Transport
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		c.mu.Lock()
		c.flown++
		c.most = max(c.most, c.flown)
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			c.flown--
			c.mu.Unlock()
		}()
		timer := time.NewTimer(c.latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		return next.RoundTrip(r)
	})}
}

// hook is the receiver of the webhook.
func (c *company) hook() *http.Client {
	return c.far(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		c.mu.Lock()
		c.hooks++
		c.mu.Unlock()
		return &http.Response{
			StatusCode: http.StatusNoContent, Status: "204 No Content", Header: http.Header{}, Body: http.NoBody, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	})})
}

// hunter is a new process of the program.
func (c *company) hunter(t testing.TB, names ...string) *hunt.Hunter {
	t.Helper()
	quota := new(proofpoint.Quota)
	tap, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, HTTPClient: c.far(c.tap.Client()), Quota: quota,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
	})
	if err != nil {
		t.Fatal(err)
	}
	console, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: c.far(c.cbc.Client()), Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
	})
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := dedupehunt.New(dedupehunt.Config{Store: &c.store})
	if err != nil {
		t.Fatal(err)
	}
	source, err := proofpointhunt.New(tap, proofpointhunt.Options{Delivered: true, Cursors: ledger, Quota: quota})
	if err != nil {
		t.Fatal(err)
	}
	searcher, err := cbchunt.New(cbchunt.Config{Processes: console.Processes, Events: console.Processes})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]func() (hunt.Action, error){
		"webhook": func() (hunt.Action, error) {
			return actions.NewWebhook(actions.WebhookConfig{URL: "https://hooks.invalid/finding", HTTPClient: c.hook()})
		},
		"isolate": func() (hunt.Action, error) {
			return actions.NewIsolateWith(actions.IsolateConfig{Devices: console.Devices, Evidence: hunt.Executed})
		},
		"policy": func() (hunt.Action, error) {
			return actions.NewPolicyMove(console.Devices, cbc.Policy{ID: contain, Name: "Contain"}, hunt.Executed)
		},
		"denylist": func() (hunt.Action, error) { return actions.NewDenylist(console.Reputation), nil },
	}
	var list []hunt.Action
	for _, name := range names {
		a, err := all[name]()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	h, err := hunt.New(hunt.Config{
		Source: source, Verifier: source, Searcher: searcher, Ledger: ledger, Archive: ledger, Backlog: ledger, Actions: list,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// cost is what something cost the services.
type cost struct {
	calls map[string]int
	took  time.Duration
}

func (c cost) total() int {
	n := 0
	for _, calls := range c.calls {
		n += calls
	}
	return n
}

// measure counts what do costs.
func (c *company) measure(do func()) cost {
	before, begun := c.counted(), time.Now()
	do()
	after := c.counted()
	for op := range after {
		if after[op] -= before[op]; after[op] == 0 {
			delete(after, op)
		}
	}
	return cost{after, time.Since(begun)}
}

func (c *company) counted() map[string]int {
	all := make(map[string]int)
	for _, r := range c.tap.Requests() {
		all[r.Operation]++
	}
	for _, r := range c.cbc.Requests() {
		op, _, _ := strings.Cut(r.Operation, "?")
		all[op]++
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all["POST to the webhook"] = c.hooks
	return all
}

// run makes one run and checks that it did what is asked for.
func (c *company) run(t *testing.T, names ...string) *hunt.Report {
	t.Helper()
	r, err := c.hunter(t, names...).Run(context.WithoutCancel(t.Context()), hunt.Window{})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	return r
}
