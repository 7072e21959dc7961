package actions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// company is a console with one device, on which the attachment "MZ evil" runs.
func company() (*cbctest.Server, *cbc.Client) {
	const path = `C:\Users\kim\invoice.exe`
	srv := cbctest.New(cbctest.World{
		Policies: []cbctest.Policy{{ID: 10, Name: "Standard"}, {ID: 30, Name: "Quarantine"}},
		Devices: []cbctest.Device{{
			ID: 7, Name: `CORP\FIN-1`,
			Running: []cbctest.RunningProcess{{PID: 5120, Path: path}}, Files: []cbctest.File{{Path: path, Content: "MZ evil"}},
		}},
	})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return srv, client
}

// tell does one task of the action, as a hunt plans it, and prints what became of it.
func tell(action hunt.Action, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	spec := action.Spec()
	task := fileTask(spec.Name, 7, `c:\users\kim\invoice.exe`, "MZ evil", 5120)
	switch spec.Scope {
	case hunt.ScopeDevice:
		task.Scope, task.Target = spec.Scope, "7"
	case hunt.ScopeHash:
		task.Scope, task.Target = spec.Scope, task.Sightings[0].SHA256.String()
	}
	for _, o := range action.Do(context.Background(), []hunt.Task{task}) {
		fmt.Println(o.Task.Action, o.Status)
	}
}

func ExampleNewIsolate() {
	srv, client := company()
	tell(actions.NewIsolate(client.Devices, hunt.Executed))
	d, _ := srv.Device(7)
	fmt.Println("quarantined:", d.Quarantined)
	// Output:
	// isolate done
	// quarantined: true
}

func ExampleNewPolicyMove() {
	srv, client := company()
	policy, err := client.Policies.ByName(context.Background(), "Quarantine")
	if err != nil {
		fmt.Println(err)
		return
	}
	tell(actions.NewPolicyMove(client.Devices, policy, hunt.Executed))
	d, _ := srv.Device(7)
	fmt.Println("policy", d.PolicyID)
	// Output:
	// policy done
	// policy 30
}

func ExampleNewDenylist() {
	srv, client := company()
	tell(actions.NewDenylist(client.Reputation), nil)
	for _, o := range srv.Overrides() {
		fmt.Println(o.List, o.SHA256[:12], o.Filename)
	}
	// Output:
	// denylist done
	// BLACK_LIST 9fd0503eb8aa a.exe
}

func ExampleNewWatchlist() {
	srv, client := company()
	tell(actions.NewWatchlist(actions.WatchlistConfig{Feeds: client.Feeds, Watchlists: client.Watchlists, Name: "Proofpoint TAP"}))
	for _, w := range srv.Watchlists() {
		fmt.Println(w.Name, "alerts:", w.AlertsEnabled)
	}
	for _, r := range srv.Feeds()[0].Reports {
		fmt.Println("severity", r.Severity, r.IOCs[0].Field)
	}
	// Output:
	// watchlist done
	// Proofpoint TAP alerts: true
	// severity 8 process_hash
}

func ExampleNewLiveResponse() {
	srv, client := company()
	tell(actions.NewLiveResponse(actions.LiveResponseConfig{Sessions: client.LiveResponse, Devices: client.Devices}))
	fmt.Println(len(srv.Running(7)), "processes,", len(srv.Files(7)), "files")
	// Output:
	// live_response done
	// 0 processes, 0 files
}

// Contain works in any session, for a file that was found in any way.
func ExampleContain() {
	_, client := company()
	ctx := context.Background()
	session, err := client.LiveResponse.Open(ctx, 7, cbc.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close(ctx)
	c, err := actions.Contain(ctx, session, actions.Target{PIDs: []int64{5120}, Path: `C:\Users\kim\invoice.exe`})
	if err != nil {
		fmt.Println(err)
	}
	for _, note := range c.Notes {
		fmt.Println(note)
	}
	// Output:
	// killed process 5120
	// deleted c:\users\kim\invoice.exe
}

func ExampleNewNSXTag() {
	_, client := company()
	manager := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "fin-1", ComputerName: "FIN-1.corp.example"}}})
	vms, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, Credentials: nsx.Basic(nsxtest.Username, nsxtest.Password), HTTPClient: manager.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	tag, err := nsx.ParseTag("security|quarantine")
	if err != nil {
		fmt.Println(err)
		return
	}
	tell(actions.NewNSXTag(actions.NSXTagConfig{VMs: vms.VirtualMachines, Devices: client.Devices, Tag: tag}))
	fmt.Println(manager.State().VMs[0].Tags)
	// Output:
	// nsx_tag done
	// [{security quarantine}]
}

func ExampleNewWebhook() {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var finding struct{ SHA256, Evidence string }
		if err := json.NewDecoder(r.Body).Decode(&finding); err != nil {
			fmt.Println(err)
		}
		fmt.Println("received", finding.SHA256[:12], finding.Evidence)
	}))
	defer receiver.Close()
	tell(actions.NewWebhook(actions.WebhookConfig{URL: receiver.URL}))
	// Output:
	// received 9fd0503eb8aa executed
	// webhook done
}

// A real command would be something like contain --device {device_id} --pid {pid} --file {file_path}.
func ExampleNewScript() {
	tell(actions.NewScript(actions.ScriptConfig{Command: []string{"go", "version"}}))
	// Output:
	// script done
}
