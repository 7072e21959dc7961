package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
)

func TestFailuresWaitAreGivenUpAndAcknowledged(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True", "[guard]", "give_up = 2d")
	if err := c.lab.Inject(lab.Fault{Service: "cbc", PathContains: "device_actions", Status: http.StatusForbidden, Count: -1}); err != nil {
		t.Fatal(err)
	}
	c.run(t).is(t, exitFailed, []string{"Refused, and tried again, but not by every run: 3"}, []string{"a permission is missing"})
	c.command(t, "status").is(t, exitDone, []string{"failed: 3", "Failed, and tried again: 3", "1 attempt, tried again not before "}, nil)
	writes := len(c.lab.Requests())
	c.run(t).is(t, exitFailed, []string{"Failed before, and not tried yet again: 3", "not again before"}, nil)
	for _, r := range c.lab.Requests()[writes:] {
		if strings.Contains(r.Path, "device_actions") {
			t.Error("what was refused is tried again at once")
		}
	}
	var ids []string
	for key, task := range c.remembers(t) {
		if strings.HasPrefix(key, "isolate/") && task.Status == hunt.Failed {
			ids = append(ids, task.EventID[:idLength])
		}
	}
	c.command(t, "status", "--ack", ids[0]).is(t, exitUsage, nil, []string{"is failed: there is nothing to acknowledge"})
	later := func() time.Time { return time.Now().Add(3 * 24 * time.Hour) }
	at := func(args ...string) result { return runAt(t.Context(), later, append(args, "--config", c.config)...) }
	r := at("status")
	at("status", "--json").is(t, exitFailed, []string{`"given_up": 3`}, nil)
	r.is(t, exitFailed, []string{"given up: 3", "Given up, nobody tries it again: 3", "To try one again: pp2cbc apply --held"}, nil)
	at("status", "--ack", ids[0]+","+ids[1], ids[2]).is(t, exitDone, []string{"acknowledged: 3"}, nil)
	at("status").is(t, exitDone, []string{"acknowledged: 3"}, nil)
	at("status", "--json").is(t, exitDone, []string{`"acknowledged": 3`, `"tasks": []`}, nil)
}

func TestStatusTellsWhoIsDoingIt(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	if err := c.lab.Inject(lab.Fault{Service: "cbc", PathContains: "device_actions", Kind: "delay", Delay: "30s", Count: 1}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan result)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- run(ctx, "--config", c.config) }()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for {
		r := c.command(t, "status")
		if strings.Contains(r.out, "being done: 4") {
			r.is(t, exitDone, []string{"Being done, or left by a program that died: 4", ", by " + host, "until "}, nil)
			later := func() time.Time { return time.Now().Add(time.Hour) }
			runAt(t.Context(), later, "status", "--config", c.config).is(t, exitDone, []string{", left by " + host, "the next run takes it up"}, nil)
			break
		}
		select {
		case r := <-ended:
			t.Fatalf("the hunt ended with %d before anybody saw it: %s", r.code, r.err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	stop()
	<-ended
}

func TestStatusChangesNothing(t *testing.T) {
	t.Parallel()
	c := newGuardedCompany(t, "isolate = True")
	c.run(t).is(t, exitHeld, nil, nil)
	ledger := filepath.Join(c.dir, "app.sql")
	before, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"status"}, {"status", "--all"}, {"status", "--all", "--json"}} {
		c.command(t, args...).is(t, exitHeld, nil, nil)
	}
	after, err := os.ReadFile(ledger)
	if err != nil || string(after) != string(before) {
		t.Errorf("the ledger has changed (%v)", err)
	}
}
