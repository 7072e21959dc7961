package nsx_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestObserve(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "lab-7", ExternalID: "vm-7"}}})
	var calls []nsx.Call
	var tasks []any
	client, err := nsx.New(nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: srv.Client(), Credentials: nsx.Session(nsxtest.Username, nsxtest.Password),
		Observe: func(ctx context.Context, c nsx.Call) {
			calls, tasks = append(calls, c), append(tasks, ctx.Value(taskKey{}))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), taskKey{}, "nsx_tag/vm-7")
	if err := client.VirtualMachines.AddTags(ctx, "vm-7", nsx.Tag{Scope: "quarantine", Tag: "yes"}); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	var ops []string
	for i, c := range calls {
		ids[c.RequestID] = true
		ops = append(ops, fmt.Sprintf("%s %s %d", c.Method, c.Op, c.Status))
		if c.RequestID == "" || tasks[i] != "nsx_tag/vm-7" || c.Failure != "" {
			t.Errorf("told %+v of the task %v", c, tasks[i])
		}
	}
	if len(ids) != len(calls) || len(calls) < 2 || ops[0] != "POST session.create 200" {
		t.Errorf("told of %q with the ids %v: each request has an id of its own, the first one logs in", ops, ids)
	}
	if text := fmt.Sprintf("%+v", calls); strings.Contains(text, nsxtest.Username) || strings.Contains(text, nsxtest.Password) || strings.Contains(text, "vm-7") {
		t.Errorf("told %s", text)
	}
}
