package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx"
)

// actionList collects the actions that are switched on, and what is wrong with them.
type actionList struct {
	all []hunt.Action
	err error
}

func (l *actionList) add(s service, section string, action hunt.Action, problem error) {
	if problem != nil {
		l.err = errors.Join(l.err, badConfig("%v", problem))
		return
	}
	l.all = append(l.all, namedAction(s, section, action))
}

// newActions makes the actions that are switched on, in the order of the old script. Killing and deleting come behind the ban, so that
// what is killed does not come back. To take things back, those that need no configuration are there in any case.
func newActions(ctx context.Context, cfg *config, why purpose, client *cbc.Client, logger *slog.Logger, ends *closers) ([]hunt.Action, error) {
	a := cfg.actions
	var list actionList
	if a.watchlist != "" {
		action, problem := actions.NewWatchlist(actions.WatchlistConfig{Feeds: client.Feeds, Watchlists: client.Watchlists, Name: a.watchlist})
		list.add(cfg.cbc, "CarbonBlack", action, problem)
	}
	for _, h := range a.hooks {
		list.webhook(cfg, h)
	}
	if len(a.script) > 0 {
		action, problem := actions.NewScript(actions.ScriptConfig{Command: a.script, Env: a.scriptEnv, Dir: a.scriptDir, Timeout: a.scriptTimeout})
		list.add(service{name: "the script"}, "actions", action, problem)
	}
	if a.isolate || why.undo {
		action, problem := actions.NewIsolateWith(actions.IsolateConfig{
			Devices: client.Devices, Evidence: a.isolateEvidence, Audit: client.AuditLog, Actor: cfg.cbc.user,
		})
		list.add(cfg.cbc, "CarbonBlack", action, problem)
	}
	beforePolicy := len(list.all)
	if a.denylist || why.undo {
		list.add(cfg.cbc, "CarbonBlack", actions.NewDenylist(client.Reputation), nil)
	}
	if a.liveResponse || why.undo {
		action, problem := actions.NewLiveResponse(actions.LiveResponseConfig{
			Sessions: client.LiveResponse, Devices: client.Devices, EvidenceDir: a.evidenceDir, EvidenceLimit: a.evidenceLimit,
		})
		if problem != nil {
			problem = fmt.Errorf("actions.evidence_dir: %w", problem)
		}
		if problem != nil && why.undo {
			why.warn("%v; deleted files cannot be put back", problem)
		} else {
			list.add(cfg.cbc, "CarbonBlack", action, problem)
		}
	}
	if a.nsxTag != "" || why.undo && cfg.nsx.complete() {
		machines, closeNSX, problem := newNSX(ctx, cfg, logger)
		if problem != nil {
			return nil, badConfig("%v", problem)
		}
		ends.add(closeNSX)
		tag, problem := nsx.ParseTag(cmp.Or(a.nsxTag, placeholder))
		if problem != nil {
			return nil, badConfig("actions.nsx_tag: %v", problem)
		}
		action, problem := actions.NewNSXTag(actions.NSXTagConfig{VMs: machines, Devices: client.Devices, Tag: tag, Evidence: a.tagEvidence})
		list.add(cfg.nsx, "NSX", action, problem)
	}
	switch {
	case list.err != nil:
		return nil, list.err
	case why.undo:
		action, problem := actions.NewPolicyMove(client.Devices, cbc.Policy{ID: 1, Name: placeholder}, a.policyEvidence)
		list.add(cfg.cbc, "CarbonBlack", action, problem)
		return list.all, list.err
	case a.policy == "":
		return list.all, nil
	}
	// The only check that takes a question comes last, and its action where the old script had it.
	action, err := policyMove(ctx, cfg, client, why)
	if err != nil {
		return nil, err
	}
	return slices.Insert(list.all, beforePolicy, action), nil
}

// placeholder is in the place of what an action would set. What is taken back is what the ledger says, whatever is configured now.
const placeholder = "pphunt"

func policyMove(ctx context.Context, cfg *config, client *cbc.Client, why purpose) (hunt.Action, error) {
	policy, err := findPolicy(ctx, cfg, client)
	if err != nil {
		return nil, err
	}
	if cfg.actions.liveResponse {
		if settings, err := client.Policies.Get(ctx, policy.ID); err != nil {
			why.warn("whether the policy %q allows Live Response could not be asked: %s", policy.Name, explain(from(cfg.cbc, "CarbonBlack", err)))
		} else if !settings.LiveResponse() {
			why.warn("actions.policy: the policy %q does not allow Live Response, so that actions.live_response fails on machines that were moved to it", policy.Name)
		}
	}
	action, err := actions.NewPolicyMove(client.Devices, policy, cfg.actions.policyEvidence)
	if err != nil {
		return nil, badConfig("%v", err)
	}
	return namedAction(cfg.cbc, "CarbonBlack", action), nil
}

// findPolicy finds the policy by its exact name, or by its id where no policy has the number for a name. A policy that does not
// exist is the configuration's fault, and found out before anything is changed anywhere.
func findPolicy(ctx context.Context, cfg *config, client *cbc.Client) (cbc.Policy, error) {
	name := cfg.actions.policy
	policy, err := client.Policies.ByName(ctx, name)
	if _, answered := errors.AsType[*cbc.APIError](err); answered {
		return policy, from(cfg.cbc, "CarbonBlack", err) // the list itself could not be had
	}
	if id, e := strconv.ParseInt(name, 10, 64); e == nil && id > 0 && errors.Is(err, cbc.ErrNotFound) {
		policy, err = client.Policies.Get(ctx, cbc.PolicyID(id))
	}
	switch {
	case errors.Is(err, cbc.ErrNotFound):
		return policy, badConfig("actions.policy: Carbon Black Cloud has no policy %q; the name must be exact", name)
	case errors.Is(err, cbc.ErrAmbiguous):
		return policy, badConfig("actions.policy: %v; give the id", err)
	case err != nil:
		return policy, from(cfg.cbc, "CarbonBlack", err)
	}
	return policy, nil
}
