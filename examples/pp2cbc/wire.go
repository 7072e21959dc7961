package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
	"github.com/pphunt/pphunt/nsx"
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

// purpose is what a hunt is wired for.
type purpose struct {
	// run is the id of the run, which every line of the log has.
	run string
	// sign is called for each call and each step, if it is not nil.
	sign func()
	// metrics count the calls, and progress tells of calls and steps, if they are not nil.
	metrics  *metrics
	progress *progress
	// begins is what the run begins with, for whoever watches it.
	begins string
	// dry means that nothing may be changed anywhere.
	dry bool
	// undo means that what was done is to be taken back, also by actions that are switched off now.
	undo bool
	// first means that no hunt has worked with the ledger yet.
	first bool
	// list takes the place of Proofpoint TAP as the source, if it is not nil, and letters that of the file of dead letters.
	list    *listSource
	letters hunt.DeadLetters
	// warn tells the operator of what will not go well.
	warn func(format string, args ...any)
}

// alive shows a sign of life.
func (p purpose) alive() {
	if p.sign != nil {
		p.sign()
	}
}

// counter is told of the calls of a service.
func (p purpose) counter(service string) func(attempt) {
	return func(a attempt) {
		p.alive()
		p.metrics.called(service, a)
		p.progress.called(service, a)
	}
}

// wired is everything that a command works with.
type wired struct {
	hunter *hunt.Hunter
	ledger *ledger
	// specs are those of the actions, by name.
	specs map[string]hunt.Spec
	close func()
}

// wire builds the clients and the hunt.
func wire(ctx context.Context, cfg *config, why purpose, logger *slog.Logger, now func() time.Time) (w *wired, err error) {
	var ends closers
	defer func() {
		if err != nil {
			ends.close()
		}
	}()
	cfg.tap.count, cfg.cbc.count, cfg.nsx.count = why.counter("tap"), why.counter("cbc"), why.counter("nsx")
	carbonBlack, err := newCBC(cfg, logger)
	if err != nil {
		return nil, badConfig("%v", err)
	}
	tap, quota, err := newTAP(cfg, logger)
	if err != nil {
		return nil, badConfig("%v", err)
	}
	why.metrics.counts(quota)
	why.progress.counts(quota)
	searcher, err := cbchunt.New(cbchunt.Config{
		Processes: carbonBlack.Processes,
		Events:    carbonBlack.Processes,
		Evidence:  cfg.hunt.evidence,
		Warn:      func(text string) { logger.Warn("search", "warning", text) },
		Now:       now,
	})
	if err != nil {
		return nil, err
	}
	trusted, guards, err := newGuards(cfg, carbonBlack)
	if err != nil {
		return nil, err
	}
	list, err := newActions(ctx, cfg, why, carbonBlack, logger, &ends)
	if err != nil {
		return nil, err
	}
	warnOfNames(ctx, cfg, carbonBlack, why, logger)
	_, missing := os.Stat(cfg.ledger)
	why.first = errors.Is(missing, fs.ErrNotExist)
	ledger, closeLedger, err := openLedger(ctx, cfg, why.dry, now, logger)
	if err != nil {
		return nil, badConfig("sqlite3.filename: %v", err)
	}
	ends.add(closeLedger)
	why.first = why.first || ledger.onlyOfScript(ctx)
	auditor, err := openAuditor(cfg, why, logger, &ends)
	if err != nil {
		return nil, err
	}
	backlog := hunt.Backlog(ledger)
	if why.list != nil {
		backlog = listBacklog{ledger, why.list}
	}
	intake, err := newIntake(cfg, why, tap, quota, trusted, ledger)
	if err != nil {
		return nil, badConfig("%v", err)
	}
	h, err := hunt.New(hunt.Config{
		Source: intake.source, Expander: intake.expander, ActOnSecondStage: cfg.hunt.secondStage == secondAct, DeadLetters: intake.letters, Searcher: namedSearcher(cfg.cbc, "CarbonBlack", searcher), Ledger: ledger, Archive: ledger, Journal: ledger, Backlog: backlog, Verifier: intake.verifier, Actions: list,
		Guards: guards, AutoUndo: cfg.guard.autoUndo, Recheck: cfg.guard.recheck, FreshVerdict: cfg.guard.fresh, Rehunt: cfg.hunt.rehunt, PlanAge: cfg.guard.planAge, Realm: realm(cfg), Auditor: auditor,
		Observer: hunt.ObserverFunc(func(e hunt.Event) {
			why.alive()
			why.progress.observe(e)
			logEvent(logger, e)
		}), LookBack: cfg.lookBack, Now: now,
		NewRunID: func(time.Time) string { return why.run },
	})
	if err != nil {
		return nil, err
	}
	specs := make(map[string]hunt.Spec, len(list))
	for _, a := range list {
		specs[a.Spec().Name] = a.Spec()
	}
	return &wired{hunter: h, ledger: ledger, specs: specs, close: ends.close}, nil
}

// closers are what has to be closed, the last that was opened first.
type closers []func()

func (c *closers) add(end func()) { *c = append(*c, end) }

func (c *closers) close() {
	for _, end := range slices.Backward(*c) {
		end()
	}
}

// realm names what a plan is for: the organization, and what the configuration has the actions do. A plan that was approved must not
// move machines to another policy because the configuration was changed meanwhile.
func realm(cfg *config) string {
	host := cfg.cbc.url
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	name := []string{strings.ToLower(strings.TrimSuffix(host, "/")) + "/" + cfg.orgKey}
	a := cfg.actions
	for _, part := range []struct{ key, value string }{{"watchlist", a.watchlist}, {"policy", a.policy}, {"nsx_tag", a.nsxTag}} {
		if part.value != "" {
			name = append(name, part.key+" = "+part.value)
		}
	}
	secrets := []struct{ key, value string }{{"script", strings.Join(a.script, "\x00")}}
	for _, h := range a.hooks {
		secrets = append(secrets, struct{ key, value string }{h.action, h.url.text()})
	}
	for _, part := range secrets {
		if part.value != "" { // these can have a secret in them
			sum := sha256.Sum256([]byte(part.value))
			name = append(name, fmt.Sprintf("%s %x", part.key, sum[:4]))
		}
	}
	return strings.Join(name, ", ")
}

func logEvent(logger *slog.Logger, e hunt.Event) {
	attrs := []any{"name", e.Name, "count", e.Count, "took", e.Took}
	if e.Err != nil {
		logger.Error(string(e.Step), append(attrs, "error", e.Err.Error())...)
		return
	}
	logger.Info(string(e.Step), attrs...)
}

// httpClient trusts the service's own authority besides the system's, and goes through its own proxy, if it has them.
func httpClient(s service) (*http.Client, error) {
	hc, err := privateClient(s)
	if err != nil || s.watch == nil {
		return hc, err
	}
	if hc == nil {
		hc = &http.Client{Transport: http.DefaultTransport}
	}
	return &http.Client{Transport: watched{hc.Transport, s.watch}}, nil
}

func privateClient(s service) (*http.Client, error) {
	if s.caFile == "" && s.proxy == nil {
		return nil, nil //nolint:nilnil // the client's own default
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost = 8
	if s.proxy != nil {
		address, err := url.Parse(s.proxy.text())
		if err != nil {
			return nil, fmt.Errorf("the proxy of %s is no address", s.name) // the error would have it, and its password
		}
		transport.Proxy = http.ProxyURL(address)
	}
	if s.caFile == "" {
		return &http.Client{Transport: transport}, nil
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
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}, nil
}

func newCBC(cfg *config, logger *slog.Logger) (*cbc.Client, error) {
	hc, err := httpClient(cfg.cbc)
	if err != nil {
		return nil, err
	}
	return cbc.New(cbc.Config{
		BaseURL: cfg.cbc.url, OrgKey: cfg.orgKey, Credentials: cbc.APIKey(cfg.cbc.user, cfg.cbc.secret.text()),
		HTTPClient: hc, UserAgent: cfg.product, Logger: logger,
		Observe: func(ctx context.Context, c cbc.Call) {
			cfg.cbc.called(ctx, attempt{c.Op, c.RequestID, c.Status, c.Failure, c.Took, c.RetryAfter})
		},
	})
}

func newNSX(ctx context.Context, cfg *config, logger *slog.Logger) (*nsx.VirtualMachines, func(), error) {
	hc, err := httpClient(cfg.nsx)
	if err != nil {
		return nil, nil, err
	}
	credentials := nsx.Basic(cfg.nsx.user, cfg.nsx.secret.text())
	if cfg.nsxSession {
		credentials = nsx.Session(cfg.nsx.user, cfg.nsx.secret.text())
	}
	client, err := nsx.New(nsx.Config{
		BaseURL: cfg.nsx.url, Credentials: credentials, HTTPClient: hc, UserAgent: cfg.product, Logger: logger,
		Observe: func(ctx context.Context, c nsx.Call) {
			cfg.nsx.called(ctx, attempt{c.Op, c.RequestID, c.Status, c.Failure, c.Took, c.RetryAfter})
		},
	})
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
