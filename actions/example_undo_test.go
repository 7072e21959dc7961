package actions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

// With the audit log an undo leaves a device alone that somebody else wants isolated too.
func ExampleNewIsolateWith() {
	srv, client := company()
	action, err := actions.NewIsolateWith(actions.IsolateConfig{Devices: client.Devices, Audit: client.AuditLog, Actor: cbctest.KeyID})
	if err != nil {
		fmt.Println(err)
		return
	}
	task := fileTask("isolate", 7, `c:\users\kim\invoice.exe`, "MZ evil", 5120)
	task.Scope, task.Target = hunt.ScopeDevice, "7"
	for _, o := range action.Do(context.Background(), []hunt.Task{task}) {
		fmt.Println(o.Task.Action, o.Status)
		// A ledger keeps the state before. Hunter.Undo hands it over, and chooses what is to be taken back.
		task.Undo, task.Before = true, o.Before
	}
	for _, o := range action.(hunt.Undoer).Undo(context.Background(), []hunt.Task{task}) {
		fmt.Println(o.Task.Action, o.Status)
	}
	d, _ := srv.Device(7)
	fmt.Println("quarantined:", d.Quarantined)
	// Output:
	// isolate done
	// isolate undone
	// quarantined: false
}

func ExampleNewHoldWebhook() {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var notice struct {
			Event, Reason string
			Devices       []struct{ Name string }
		}
		if err := json.NewDecoder(r.Body).Decode(&notice); err != nil {
			fmt.Println(err)
		}
		fmt.Println("received", notice.Event, notice.Reason, notice.Devices)
	}))
	defer receiver.Close()
	action, err := actions.NewHoldWebhook(actions.WebhookConfig{URL: receiver.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range action.Do(context.Background(), []hunt.Task{heldTask()}) {
		fmt.Println(o.Task.Action, o.Status)
	}
	// Output:
	// received held more than 25 devices [{CORP\HOST-7} {CORP\HOST-8}]
	// webhook_held done
}
