package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/proofpoint"
)

// symptom sorts an error of a service.
func symptom(err error) findingStatus {
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var network *net.OpError
	var lookup *net.DNSError
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrongHost), errors.As(err, &invalid):
		return statusCertificate
	case is(proofpoint.ErrForbidden, cbc.ErrForbidden, nsx.ErrForbidden):
		return statusMissing
	case is(proofpoint.ErrUnauthorized, cbc.ErrUnauthorized, nsx.ErrUnauthorized, cbc.ErrUnknownOrg):
		return statusRefused
	case errors.As(err, &network), errors.As(err, &lookup), is(context.DeadlineExceeded):
		return statusUnreachable
	}
	return statusFailed
}

// nothing is the hash of no file: every service knows nothing of it.
var nothing = [32]byte{31: 1} //nolint:gochecknoglobals // never written

func (d *examination) examine(ctx context.Context) {
	for _, w := range d.cfg.warnings {
		d.add(finding{Subject: "configuration", Status: statusWarning, Detail: w})
	}
	d.tap(ctx)
	d.console(ctx)
	if d.cfg.actions.nsxTag != "" {
		d.machines(ctx)
	}
	for _, h := range d.cfg.actions.hooks {
		d.try(ctx, h.String(), []string{h.action}, service{name: h.String()}, h.section, func(ctx context.Context) (string, error) {
			return "connected; nothing was sent", reach(ctx, h.url.text())
		})
	}
	d.script()
	d.files(ctx)
}

// tap asks for half a minute of mails, which costs one of the day's calls, and for a threat that does not exist.
func (d *examination) tap(ctx context.Context) {
	const name = "Proofpoint TAP"
	p := &probe{now: d.now}
	watched := *d.cfg
	watched.tap = p.watch(d.cfg.tap)
	client, _, err := newTAP(&watched, d.logger)
	if err != nil {
		d.add(finding{Subject: name, Status: statusFailed, Detail: err.Error()})
		return
	}
	up := d.try(ctx, name+": mails", nil, d.cfg.tap, "Proofpoint", func(ctx context.Context) (string, error) {
		end := d.now().Add(-2 * time.Minute).Truncate(time.Second)
		for _, err := range client.SIEM.MessagesDelivered(ctx, proofpoint.MessageQuery{Window: proofpoint.Window{Start: end.Add(-30 * time.Second), End: end}}) {
			if err != nil {
				return "", err
			}
		}
		return "", nil
	})
	if up {
		d.try(ctx, name+": verdicts", nil, d.cfg.tap, "Proofpoint", func(ctx context.Context) (string, error) {
			_, err := client.Threats.Summary(ctx, proofpoint.ThreatID(fmt.Sprintf("%x", nothing)))
			return "", expected(err, proofpoint.ErrNotFound)
		})
	}
	d.findings = append(d.findings, p.findings(name)...)
}

// expected is what is left of an error where another one was to come.
func expected(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return err
}

// console asks Carbon Black Cloud for a little of everything that is read.
func (d *examination) console(ctx context.Context) {
	const name = "Carbon Black Cloud"
	p := &probe{now: d.now}
	watched := *d.cfg
	watched.cbc = p.watch(d.cfg.cbc)
	client, err := newCBC(&watched, d.logger)
	if err != nil {
		d.add(finding{Subject: name, Status: statusFailed, Detail: err.Error()})
		return
	}
	ask := func(permission string, uses []string, ask func(context.Context) (string, error)) bool {
		return d.try(ctx, name+": "+permission, uses, d.cfg.cbc, "CarbonBlack", ask)
	}
	search := func(ctx context.Context) (*cbc.SearchJob, error) {
		return client.Processes.Start(ctx, cbc.ProcessQuery{Query: cbc.Field("process_hash").SHA256(nothing), Window: time.Hour, Rows: 1})
	}
	up := ask("org.search.events (CREATE, READ)", []string{"the search"}, func(ctx context.Context) (string, error) {
		job, err := search(ctx)
		if err == nil {
			_, err = job.Status(ctx)
		}
		return "", err
	})
	if up || d.findings[len(d.findings)-1].Status == statusMissing { // otherwise it would be said many times
		a, g := d.cfg.actions, d.cfg.guard
		ask("org.search.events (DELETE)", []string{"the search"}, func(ctx context.Context) (string, error) {
			job, err := search(ctx)
			if err == nil {
				err = job.Cancel(ctx)
			}
			if errors.Is(err, cbc.ErrForbidden) {
				return "missing: searches that nobody waits for any more go on at the service's", nil
			}
			return "", err
		})
		ask("device (READ)", []string{"the guards"}, func(ctx context.Context) (string, error) {
			return "", first(client.Devices.Search(ctx, cbc.DeviceQuery{Rows: 1}))
		})
		if g.reputation || a.denylist {
			ask("org.reputations (READ)", d.uses(map[string]bool{"guard.trust_reputation": g.reputation, "denylist": a.denylist}), func(ctx context.Context) (string, error) {
				return "", first(client.Reputation.Search(ctx, cbc.OverrideQuery{Rows: 1}))
			})
		}
		if g.signs() {
			ask("ubs.org.sha256 (READ)", []string{"guard.trusted_signers"}, func(ctx context.Context) (string, error) {
				_, err := client.Binaries.Signatures(ctx, nothing, 1)
				return "", expected(err, cbc.ErrNotFound)
			})
		}
		d.actions(client, ask)
	}
	d.findings = append(d.findings, p.findings(name)...)
}

// uses lists what is on, in order.
func (d *examination) uses(on map[string]bool) []string {
	var all []string
	for _, name := range []string{"guard.trust_reputation", "guard.protect_policies", "denylist", "policy"} {
		if on[name] {
			all = append(all, name)
		}
	}
	return all
}

// actions asks for what the actions read, and tells what they write with.
func (d *examination) actions(client *cbc.Client, ask func(string, []string, func(context.Context) (string, error)) bool) {
	const name = "Carbon Black Cloud: "
	a := d.cfg.actions
	if a.watchlist != "" {
		ask("org.feeds (READ)", []string{"watchlist"}, func(ctx context.Context) (string, error) {
			_, err := client.Feeds.List(ctx)
			return "", err
		})
		ask("org.watchlists (READ)", []string{"watchlist"}, func(ctx context.Context) (string, error) {
			_, err := client.Watchlists.List(ctx)
			return "", err
		})
		d.untried("CarbonBlack", name+"org.feeds (CREATE, UPDATE, DELETE), org.watchlists (CREATE)", "watchlist")
	}
	if a.isolate {
		d.untried("CarbonBlack", name+"device.quarantine (EXECUTE)", "isolate")
		ask("org.audits (READ)", []string{"undo of isolate"}, func(ctx context.Context) (string, error) {
			return "", first(client.AuditLog.Search(ctx, cbc.AuditQuery{Window: time.Hour, Rows: 1}))
		})
	}
	if a.policy != "" || len(d.cfg.guard.policies) > 0 {
		uses := d.uses(map[string]bool{"guard.protect_policies": len(d.cfg.guard.policies) > 0, "policy": a.policy != ""})
		ask("org.policies (READ)", uses, func(ctx context.Context) (string, error) {
			if a.policy == "" {
				_, err := client.Policies.List(ctx)
				return "", err
			}
			policy, err := findPolicy(ctx, d.cfg, client)
			return fmt.Sprintf("the policy %q has the id %d", policy.Name, policy.ID), err
		})
	}
	if a.policy != "" {
		d.untried("CarbonBlack", name+"device.policy (UPDATE)", "policy")
	}
	if a.denylist {
		d.untried("CarbonBlack", name+"org.reputations (CREATE, DELETE)", "denylist")
	}
	if a.liveResponse {
		ask("org.liveresponse.session (READ)", []string{"live_response"}, func(ctx context.Context) (string, error) {
			_, err := client.LiveResponse.List(ctx)
			return "", err
		})
		d.untried("CarbonBlack", name+"org.liveresponse.session (CREATE, DELETE), .process (READ, DELETE), .file (CREATE, READ, DELETE)", "live_response")
	}
}

// machines asks NSX for a machine that does not exist.
func (d *examination) machines(ctx context.Context) {
	const name = "NSX"
	p := &probe{now: d.now}
	watched := *d.cfg
	watched.nsx = p.watch(d.cfg.nsx)
	machines, end, err := newNSX(ctx, &watched, d.logger)
	if err != nil {
		d.add(finding{Subject: name, Status: statusFailed, Detail: err.Error()})
		return
	}
	defer end()
	up := d.try(ctx, name+": virtual machines", []string{"nsx_tag"}, d.cfg.nsx, "NSX", func(ctx context.Context) (string, error) {
		return "", first(machines.List(ctx, nsx.VMQuery{}))
	})
	if up {
		d.untried("NSX", name+": the feature vm_vm_tags", "nsx_tag")
	}
	d.findings = append(d.findings, p.findings(name)...)
}

// first is the error of a sequence that comes before anything else.
func first[T any](all func(yield func(T, error) bool)) (err error) {
	for _, err := range all {
		return err
	}
	return nil
}

func (d *examination) script() {
	if len(d.cfg.actions.script) == 0 {
		return
	}
	f := finding{Subject: "the script", Status: statusOK, For: []string{"script"}}
	var err error
	if f.Detail, err = d.cfg.actions.program(); err != nil {
		f.Status, f.Detail = statusFailed, err.Error()
	}
	d.add(f)
}
