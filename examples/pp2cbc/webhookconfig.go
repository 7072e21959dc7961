package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

func (p *parser) webhookEvents() []actions.WebhookEvent {
	known := []actions.WebhookEvent{actions.WebhookFinding, actions.WebhookHeld, actions.WebhookFailed, actions.WebhookUndone, actions.WebhookRun}
	var all []actions.WebhookEvent
	for _, name := range list(p.v.get("actions", "webhook_events")) {
		event := actions.WebhookEvent(strings.ToLower(name))
		if !slices.Contains(known, event) {
			p.fail("actions", "webhook_events", "there is no event %q: want some of finding, held, failed, undone and run", name)
			continue
		}
		all = append(all, event)
	}
	return all
}

func (p *parser) webhookFormat() actions.WebhookFormat {
	format := actions.WebhookFormat(strings.ToLower(p.v.get("actions", "webhook_format")))
	if !slices.Contains([]actions.WebhookFormat{actions.WebhookJSON, actions.WebhookSlack, actions.WebhookTeams}, format) {
		p.fail("actions", "webhook_format", "want json, slack or teams")
	}
	return format
}

// hook is how to reach the webhook.
func hook(cfg *config) (actions.WebhookConfig, error) {
	a := cfg.actions
	hc, err := httpClient(service{name: "the webhook", caFile: a.webhookCA, proxy: a.webhookProxy})
	if err != nil {
		return actions.WebhookConfig{}, badConfig("%v", err)
	}
	c := actions.WebhookConfig{URL: a.webhook.text(), HTTPClient: hc, UserAgent: cfg.product, Evidence: a.webhookEvidence, Format: a.webhookFormat}
	if a.webhookSecret != nil {
		if c.Secret, err = actions.ParseWebhookSecret(a.webhookSecret.text()); err != nil {
			return c, badConfig("actions.webhook_secret: %v", err)
		}
	}
	return c, nil
}

// webhooks makes the actions that tell of findings and of what is held, as far as these are wanted.
func (l *actionList) webhooks(cfg *config) {
	c, err := hook(cfg)
	if err != nil {
		l.err = err
		return
	}
	if slices.Contains(cfg.actions.webhookEvents, actions.WebhookFinding) {
		action, problem := actions.NewWebhook(c)
		l.add(service{name: "the webhook"}, "actions", action, problem)
	}
	if slices.Contains(cfg.actions.webhookEvents, actions.WebhookHeld) {
		action, problem := actions.NewHoldWebhook(c)
		l.add(service{name: "the webhook"}, "actions", action, problem)
	}
}

// lastWord is how long the webhook may take to hear of a run that was stopped.
const lastWord = 15 * time.Second

// tellHook tells the webhook what became of a run, also where it was stopped. It reports whether everything was told.
func (j *job) tellHook(ctx context.Context, r *hunt.Report) bool {
	if j.cfg.actions.webhook == nil || r.DryRun {
		return true
	}
	c, err := hook(j.cfg)
	if err == nil {
		var reporter *actions.WebhookReporter
		if reporter, err = actions.NewWebhookReporter(c, j.cfg.actions.webhookEvents...); err == nil {
			if ctx.Err() != nil {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWord)
				defer cancel()
			}
			err = reporter.Report(ctx, r)
		}
	}
	if err != nil {
		j.logger.Error("the webhook was not told of the run", "error", err)
		j.complain("the webhook was not told of the run: %v", err)
	}
	return err == nil
}
