package main

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/pphunt/pphunt/hunt"
)

// able is an action that fails at everything it can.
type able struct{ hunt.Action }

func newAble() able {
	return able{hunt.NewAction(hunt.Spec{Name: "able"}, fails)}
}

func fails(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	outcomes := make([]hunt.Outcome, len(tasks))
	for i, t := range tasks {
		outcomes[i] = hunt.Outcome{Task: t, Status: hunt.Failed, Err: errors.New("no")}
	}
	return outcomes
}

type looks struct{ able }

func (looks) Look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome { return fails(ctx, tasks) }

type undoes struct{ able }

func (undoes) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome { return fails(ctx, tasks) }

type both struct{ looks }

func (both) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome { return fails(ctx, tasks) }

func TestExplainNamesTheKey(t *testing.T) {
	t.Parallel()
	down := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{
			from(service{name: "the webhook"}, "actions", down),
			"the webhook cannot be reached; check actions.webhook, the network and the proxy: connection refused",
		},
		{
			from(service{name: "NSX", url: "https://nsx.example"}, "NSX", down),
			"NSX at https://nsx.example cannot be reached; check NSX.url, the network and the proxy: connection refused",
		},
		{
			from(service{name: "the webhook"}, "actions", &net.DNSError{Name: "hooks.example"}),
			"the webhook: the host cannot be found; check actions.webhook and the name service",
		},
	} {
		if got := explain(tt.err); got != tt.want {
			t.Errorf("explain(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestNamedActionKeepsWhatTheActionCanDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		action      hunt.Action
		look, undo  bool
		wantService string
	}{
		{"only does", newAble(), false, false, "S"},
		{"looks", looks{newAble()}, true, false, "S"},
		{"undoes", undoes{newAble()}, false, true, "S"},
		{"both", both{looks{newAble()}}, true, true, "S"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := namedAction(service{name: "S"}, "section", c.action)
			if a.Spec() != c.action.Spec() {
				t.Errorf("Spec() = %+v, want %+v", a.Spec(), c.action.Spec())
			}
			named := func(what string, call func(context.Context, []hunt.Task) []hunt.Outcome) {
				outcomes := call(t.Context(), []hunt.Task{{Action: "able"}})
				if e, ok := errors.AsType[*serviceError](outcomes[0].Err); !ok || e.service.name != c.wantService {
					t.Errorf("%s gave the error %v, want one of %s", what, outcomes[0].Err, c.wantService)
				}
			}
			named("Do", a.Do)
			looker, look := a.(hunt.Looker)
			if look != c.look {
				t.Errorf("it looks: %t, want %t", look, c.look)
			} else if look {
				named("Look", looker.Look)
			}
			undoer, undo := a.(hunt.Undoer)
			if undo != c.undo {
				t.Errorf("it undoes: %t, want %t", undo, c.undo)
			} else if undo {
				named("Undo", undoer.Undo)
			}
		})
	}
}
