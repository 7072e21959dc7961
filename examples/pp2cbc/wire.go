package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/proofpoint"
)

// errConfig marks errors that are the configuration's fault, although only a service could tell.
var errConfig = errors.New("configuration")

// configError is such an error, with the text for the operator.
type configError struct{ text string }

func (e *configError) Error() string        { return e.text }
func (e *configError) Is(target error) bool { return target == errConfig }

func badConfig(format string, args ...any) error {
	return &configError{text: fmt.Sprintf(format, args...)}
}

// wire builds the clients and the hunt. The function that it returns closes what has to be closed.
func wire(ctx context.Context, cfg *config, dry bool, logger *slog.Logger, now func() time.Time) (*hunt.Hunter, func(), error) {
	carbonBlack, err := newCBC(cfg, logger)
	if err != nil {
		return nil, nil, badConfig("%v", err)
	}
	source, verifier, err := newSource(cfg, logger)
	if err != nil {
		return nil, nil, badConfig("%v", err)
	}
	searcher, err := cbchunt.New(cbchunt.Config{
		Processes: carbonBlack.Processes,
		Warn:      func(text string) { logger.Warn("search", "warning", text) },
		Now:       now,
	})
	if err != nil {
		return nil, nil, err
	}
	list, closeActions, err := newActions(ctx, cfg, carbonBlack, logger)
	if err != nil {
		return nil, nil, err
	}
	ledger, closeLedger, err := openLedger(ctx, cfg, dry, now, logger)
	if err != nil {
		closeActions()
		return nil, nil, badConfig("sqlite3.filename: %v", err)
	}
	closeAll := func() {
		closeActions()
		closeLedger()
	}
	h, err := hunt.New(hunt.Config{
		Source: source, Searcher: namedSearcher(cfg.cbc, "CarbonBlack", searcher), Ledger: ledger, Backlog: ledger, Verifier: verifier, Actions: list,
		Observer: hunt.ObserverFunc(func(e hunt.Event) { logEvent(logger, e) }), LookBack: cfg.lookBack, Now: now,
	})
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return h, closeAll, nil
}

func logEvent(logger *slog.Logger, e hunt.Event) {
	attrs := []any{"run", e.Run, "name", e.Name, "count", e.Count, "took", e.Took}
	if e.Err != nil {
		logger.Error(string(e.Step), append(attrs, "error", e.Err.Error())...)
		return
	}
	logger.Info(string(e.Step), attrs...)
}

// httpClient trusts the service's own authority besides the system's, if it has one.
func httpClient(s service) (*http.Client, error) {
	if s.caFile == "" {
		return nil, nil //nolint:nilnil // the client's own default
	}
	pem, err := readSmall(s.caFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file of %s: %w", s.name, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, fmt.Errorf("ca_file of %s: %s holds no PEM certificate", s.name, s.caFile)
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	transport = transport.Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	transport.MaxIdleConnsPerHost = 8
	return &http.Client{Transport: transport}, nil
}

func newCBC(cfg *config, logger *slog.Logger) (*cbc.Client, error) {
	hc, err := httpClient(cfg.cbc)
	if err != nil {
		return nil, err
	}
	return cbc.New(cbc.Config{
		BaseURL: cfg.cbc.url, OrgKey: cfg.orgKey, Credentials: cbc.APIKey(cfg.cbc.user, cfg.cbc.secret),
		HTTPClient: hc, UserAgent: cfg.product, Logger: logger,
	})
}

func newSource(cfg *config, logger *slog.Logger) (hunt.Source, hunt.Verifier, error) {
	hc, err := httpClient(cfg.tap)
	if err != nil {
		return nil, nil, err
	}
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: cfg.tap.url, Credentials: proofpoint.Basic(cfg.tap.user, cfg.tap.secret),
		HTTPClient: hc, UserAgent: cfg.product, Logger: logger,
	})
	if err != nil {
		return nil, nil, err
	}
	source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: cfg.delivered, Blocked: cfg.blocked, Classifications: cfg.classes})
	if err != nil {
		return nil, nil, err
	}
	verifier := hunt.VerifierFunc(func(ctx context.Context, ind hunt.Indicator) (bool, error) {
		condemned, err := source.Verify(ctx, ind)
		return condemned, from(cfg.tap, "Proofpoint", err)
	})
	return namedSource(cfg.tap, "Proofpoint", source), verifier, nil
}

// newActions makes the actions that are switched on, in the order of the old script.
func newActions(ctx context.Context, cfg *config, client *cbc.Client, logger *slog.Logger) (list []hunt.Action, closeAll func(), err error) {
	a := cfg.actions
	closeAll = func() {}
	add := func(s service, section string, action hunt.Action, problem error) {
		if problem != nil {
			err = errors.Join(err, badConfig("%v", problem))
			return
		}
		list = append(list, namedAction(s, section, action))
	}
	if a.watchlist != "" {
		action, problem := actions.NewWatchlist(actions.WatchlistConfig{Feeds: client.Feeds, Watchlists: client.Watchlists, Name: a.watchlist})
		add(cfg.cbc, "CarbonBlack", action, problem)
	}
	if a.webhook != "" {
		action, problem := actions.NewWebhook(actions.WebhookConfig{URL: a.webhook, UserAgent: cfg.product})
		add(service{name: "the webhook"}, "actions", action, problem)
	}
	if len(a.script) > 0 {
		action, problem := actions.NewScript(actions.ScriptConfig{Command: a.script, Dir: a.scriptDir, Timeout: a.scriptTimeout})
		add(service{name: "the script"}, "actions", action, problem)
	}
	if a.liveResponse {
		action, problem := actions.NewLiveResponse(actions.LiveResponseConfig{Sessions: client.LiveResponse, Devices: client.Devices, EvidenceDir: a.evidenceDir})
		add(cfg.cbc, "CarbonBlack", action, problem)
	}
	if a.isolate {
		action, problem := actions.NewIsolate(client.Devices, a.evidence)
		add(cfg.cbc, "CarbonBlack", action, problem)
	}
	beforePolicy := len(list)
	if a.denylist {
		add(cfg.cbc, "CarbonBlack", actions.NewDenylist(client.Reputation), nil)
	}
	if a.nsxTag != "" {
		machines, closeNSX, problem := newNSX(ctx, cfg, logger)
		if problem != nil {
			return nil, nil, badConfig("%v", problem)
		}
		closeAll = closeNSX
		tag, problem := nsx.ParseTag(a.nsxTag)
		if problem != nil {
			closeAll()
			return nil, nil, badConfig("actions.nsx_tag: %v", problem)
		}
		action, problem := actions.NewNSXTag(actions.NSXTagConfig{VMs: machines, Devices: client.Devices, Tag: tag, Evidence: a.evidence})
		add(cfg.nsx, "NSX", action, problem)
	}
	if err == nil && a.policy != "" {
		// The only check that takes a question comes last, and its action where the old script had it.
		var action hunt.Action
		if action, err = policyMove(ctx, cfg, client); err == nil {
			list = slices.Insert(list, beforePolicy, action)
		}
	}
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return list, closeAll, nil
}

func policyMove(ctx context.Context, cfg *config, client *cbc.Client) (hunt.Action, error) {
	policy, err := findPolicy(ctx, cfg, client)
	if err != nil {
		return nil, err
	}
	action, err := actions.NewPolicyMove(client.Devices, policy, cfg.actions.evidence)
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

func newNSX(ctx context.Context, cfg *config, logger *slog.Logger) (*nsx.VirtualMachines, func(), error) {
	hc, err := httpClient(cfg.nsx)
	if err != nil {
		return nil, nil, err
	}
	credentials := nsx.Basic(cfg.nsx.user, cfg.nsx.secret)
	if cfg.nsxSession {
		credentials = nsx.Session(cfg.nsx.user, cfg.nsx.secret)
	}
	client, err := nsx.New(nsx.Config{BaseURL: cfg.nsx.url, Credentials: credentials, HTTPClient: hc, UserAgent: cfg.product, Logger: logger})
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = client.Close(ctx) // a session that is not ended ends by itself
	}
	return client.VirtualMachines, end, nil
}
