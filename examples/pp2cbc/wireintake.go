package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
	"github.com/pphunt/pphunt/hunt/deadletter"
	"github.com/pphunt/pphunt/hunt/listhunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
)

func newTAP(cfg *config, logger *slog.Logger) (*proofpoint.Client, *proofpoint.Quota, error) {
	hc, err := httpClient(cfg.tap)
	if err != nil {
		return nil, nil, err
	}
	quota := new(proofpoint.Quota)
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: cfg.tap.url, Credentials: proofpoint.Basic(cfg.tap.user, cfg.tap.secret.text()),
		HTTPClient: hc, UserAgent: cfg.product, Logger: logger, Quota: quota,
		Observe: func(ctx context.Context, c proofpoint.Call) {
			cfg.tap.called(ctx, attempt{c.Op, c.RequestID, c.Status, c.Failure, c.Took, c.RetryAfter})
		},
	})
	return client, quota, err
}

// intake is where condemned files come from, and who knows more about them.
type intake struct {
	source   hunt.Source
	verifier hunt.Verifier
	expander hunt.Expander
	letters  hunt.DeadLetters
}

func newIntake(cfg *config, why purpose, client *proofpoint.Client, quota *proofpoint.Quota, trusted *cbchunt.TrustedFiles, ledger *ledger) (intake, error) {
	source, err := proofpointhunt.New(client, proofpointhunt.Options{
		Delivered: cfg.delivered, Blocked: cfg.blocked, Classifications: cfg.classes, Cursors: ledger, Name: tenant(cfg),
		LookBack: cfg.hunt.lookBack, Delta: cfg.delta, FirstRun: cfg.hunt.firstRun, Quota: quota,
	})
	if err != nil {
		return intake{}, err
	}
	tap := hunt.VerifierFunc(func(ctx context.Context, ind hunt.Indicator) (bool, error) {
		condemned, err := source.Verify(ctx, ind)
		return condemned, from(cfg.tap, "Proofpoint", err)
	})
	in := intake{source: namedSource(cfg.tap, "Proofpoint", source), verifier: listhunt.Verifier(tap), letters: why.letters}
	if why.list != nil {
		in.source = why.list
	}
	if in.letters == nil && cfg.hunt.deadLetters != "" {
		if in.letters, err = deadletter.New(deadletter.Config{Path: cfg.hunt.deadLetters}); err != nil {
			return intake{}, err
		}
	}
	if cfg.hunt.secondStage == secondOff || why.undo {
		return in, nil
	}
	forensics, err := proofpointhunt.NewForensics(proofpointhunt.ForensicsConfig{Client: client})
	if err != nil {
		return intake{}, err
	}
	named := hunt.ExpanderFunc(func(ctx context.Context, ind hunt.Indicator) ([]hunt.Indicator, error) {
		more, err := forensics.Expand(ctx, ind)
		return more, from(cfg.tap, "Proofpoint", err)
	})
	in.expander = trusted.Filter(named)
	return in, nil
}

// tenant names the cursor of whose mails are read. What was read of one account says nothing about another.
func tenant(cfg *config) string {
	sum := sha256.Sum256([]byte(cfg.tap.url + "\x00" + cfg.tap.user))
	return fmt.Sprintf("tap/%x", sum[:4])
}
