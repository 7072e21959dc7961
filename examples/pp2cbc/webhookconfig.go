package main

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

// hookConfig is one webhook: that of the section actions, or one of a section of its own.
type hookConfig struct {
	// section has its keys, and action is what the action of its findings is called.
	section, action    string
	url, secret, proxy secret
	caFile             string
	events             []actions.WebhookEvent
	format             actions.WebhookFormat
	evidence           hunt.Evidence
}

// String is how it is called.
func (h hookConfig) String() string {
	if h.section == "actions" {
		return "the webhook"
	}
	return "the webhook " + strings.TrimPrefix(h.section, hookSection)
}

// key is what a key is called where the webhook has its keys.
func (h hookConfig) key(name string) string {
	switch {
	case h.section != "actions":
		return name
	case name == "url":
		return "webhook"
	}
	return "webhook_" + name
}

// hooks are the webhooks, the old script's first.
func (p *parser) hooks() []hookConfig {
	var all []hookConfig
	first := hookConfig{section: "actions", action: "webhook"}
	if text := p.switched("webhook"); text != "" {
		all = append(all, p.hook(first, text))
	} else {
		p.hook(first, "https://nowhere.invalid") // what is wrong with the others is wrong all the same
		if p.v.get("actions", "webhook_secret") != "" {
			p.fail("actions", "webhook_secret", "is there, and actions.webhook is not")
		}
	}
	for _, section := range p.v.hooks {
		h := hookConfig{section: section, action: section}
		text := p.v.get(section, "url")
		if text == "" {
			p.fail(section, "url", "is missing or empty")
			continue
		}
		all = append(all, p.hook(h, text))
	}
	return all
}

// hook reads what is to be known of a webhook.
func (p *parser) hook(h hookConfig, address string) hookConfig {
	get := func(name string) string { return p.v.get(h.section, h.key(name)) }
	fail := func(name, format string, args ...any) { p.fail(h.section, h.key(name), format, args...) }
	reachable := func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
	}
	if h.url = conceal(address); !reachable(address) {
		fail("url", "is not an http or https URL")
	}
	if text := get("secret"); text != "" {
		h.secret = conceal(text)
		if _, err := actions.ParseWebhookSecret(text); err != nil {
			fail("secret", "%w", err)
		}
	}
	if text := get("proxy"); text != "" {
		if h.proxy = conceal(text); !reachable(text) {
			fail("proxy", "is not the address of an HTTP proxy, such as http://proxy.example:3128")
		}
	}
	h.caFile = p.caFileOf(h.section, h.key("ca_file"))
	h.evidence = p.evidenceOf(h.section, h.key("evidence"), hunt.Named, hunt.Named)
	for _, name := range list(get("events")) {
		event := actions.WebhookEvent(strings.ToLower(name))
		if !slices.Contains([]actions.WebhookEvent{actions.WebhookFinding, actions.WebhookHeld, actions.WebhookFailed, actions.WebhookUndone, actions.WebhookRun}, event) {
			fail("events", "there is no event %q: want some of finding, held, failed, undone and run", name)
		}
		h.events = append(h.events, event)
	}
	h.format = actions.WebhookFormat(strings.ToLower(get("format")))
	if !slices.Contains([]actions.WebhookFormat{actions.WebhookJSON, actions.WebhookSlack, actions.WebhookTeams}, h.format) {
		fail("format", "want json, slack or teams")
	}
	return h
}

// reach is how to reach a webhook.
func (h hookConfig) reach(product string) (actions.WebhookConfig, error) {
	hc, err := httpClient(service{name: h.String(), caFile: h.caFile, proxy: h.proxy})
	if err != nil {
		return actions.WebhookConfig{}, badConfig("%v", err)
	}
	c := actions.WebhookConfig{Name: h.action, URL: h.url.text(), HTTPClient: hc, UserAgent: product, Evidence: h.evidence, Format: h.format}
	if h.secret != nil {
		if c.Secret, err = actions.ParseWebhookSecret(h.secret.text()); err != nil {
			return c, badConfig("%s.%s: %v", h.section, h.key("secret"), err)
		}
	}
	return c, nil
}

// webhook makes the actions that tell of findings and of what is held, as far as these are wanted.
func (l *actionList) webhook(cfg *config, h hookConfig) {
	c, err := h.reach(cfg.product)
	if err != nil {
		l.err = err
		return
	}
	s := service{name: h.String()}
	if slices.Contains(h.events, actions.WebhookFinding) {
		action, problem := actions.NewWebhook(c)
		l.add(s, h.section, action, problem)
	}
	if slices.Contains(h.events, actions.WebhookHeld) {
		action, problem := actions.NewHoldWebhook(c)
		l.add(s, h.section, action, problem)
	}
}

// lastWord is how long the webhooks may take to hear of a run that was stopped.
const lastWord = 15 * time.Second

// tellHooks tells the webhooks what became of a run, also where it was stopped. It reports whether everything was told.
func (j *job) tellHooks(ctx context.Context, r *hunt.Report) bool {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWord)
		defer cancel()
	}
	told := true
	for _, h := range j.cfg.actions.hooks {
		c, err := h.reach(j.cfg.product)
		if err == nil {
			var reporter *actions.WebhookReporter
			if reporter, err = actions.NewWebhookReporter(c, h.events...); err == nil {
				err = reporter.Report(ctx, r)
			}
		}
		if err != nil {
			told = false
			j.logger.Error("a webhook was not told of the run", "webhook", h.section, "error", err)
			j.complain("%s was not told of the run: %v", h, err)
		}
	}
	return told
}
