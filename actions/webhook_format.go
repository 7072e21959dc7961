package actions

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WebhookEvent is a kind of thing that a webhook tells of.
type WebhookEvent string

// The kinds. The first two are told by actions of a hunt, [NewWebhook] and [NewHoldWebhook]; the others by a [WebhookReporter] when a run has
// ended.
const (
	WebhookFinding WebhookEvent = "finding"
	WebhookHeld    WebhookEvent = "held"
	WebhookFailed  WebhookEvent = "failed"
	WebhookUndone  WebhookEvent = "undone"
	WebhookRun     WebhookEvent = "run"
)

// WebhookFormat is the form of what is posted.
type WebhookFormat string

// The forms. Strings that strangers chose, such as names of files and subjects, are plain text in each of them: they make no link, mention
// nobody and end no line.
const (
	// WebhookJSON is the body that each kind of event documents. The empty format is the same.
	WebhookJSON WebhookFormat = "json"
	// WebhookSlack is a message for an incoming webhook of Slack, in blocks of plain text.
	WebhookSlack WebhookFormat = "slack"
	// WebhookTeams is a message with an Adaptive Card, version 1.4, for a webhook of Microsoft Teams (Workflows).
	WebhookTeams WebhookFormat = "teams"
)

func (f WebhookFormat) check() error {
	switch f {
	case "", WebhookJSON, WebhookSlack, WebhookTeams:
		return nil
	}
	return fmt.Errorf("actions: there is no format %q of a webhook: want json, slack or teams", string(f))
}

// message is what can be posted, as it is or as a card.
type message interface {
	card() card
}

// card is what a person reads.
type card struct {
	title string
	facts []fact
	// lines are a list behind them, and more counts what was left out of it.
	lines []string
	more  int
}

type fact struct{ name, value string }

// add adds what is known.
func (c *card) add(name, value string) {
	if value != "" {
		c.facts = append(c.facts, fact{name, value})
	}
}

const (
	// mostLines and mostFacts bound a card: Slack takes 50 blocks, and Teams 28 KB.
	mostLines = 20
	mostFacts = 12
	// mostText bounds each of them, in bytes.
	mostText = 300
	// mostTitle is what Slack takes as a header.
	mostTitle = 150
)

// list adds lines, as many as there is room for.
func (c *card) list(all []string) {
	c.lines = all[:min(len(all), mostLines)]
	c.more = len(all) - len(c.lines)
}

// plain is a text on one line, without what steers or turns it and without addresses that could be clicked on, no longer than so many
// bytes.
func plain(s string, most int) string {
	s = strings.ReplaceAll(s, "://", "[:]//")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= most {
		return cmp.Or(s, " ")
	}
	cut := most - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// body is what is posted.
func (f WebhookFormat) body(m message) ([]byte, error) {
	switch f {
	case WebhookSlack:
		return json.Marshal(m.card().slack())
	case WebhookTeams:
		return json.Marshal(m.card().teams())
	case WebhookJSON:
	}
	return json.Marshal(m)
}

// all is the list with what was left out.
func (c *card) all() []string {
	if c.more == 0 {
		return c.lines
	}
	return append(c.lines[:len(c.lines):len(c.lines)], fmt.Sprintf("and %d more", c.more))
}

// slack is a message of Block Kit. Objects of the type plain_text are shown as they are.
func (c card) slack() map[string]any {
	text := func(s string) map[string]any {
		return map[string]any{"type": "plain_text", "text": s, "emoji": false}
	}
	title := plain(c.title, mostTitle)
	blocks := []map[string]any{{"type": "header", "text": text(title)}}
	for _, f := range c.facts[:min(len(c.facts), mostFacts)] {
		blocks = append(blocks, map[string]any{"type": "section", "text": text(f.name + ": " + plain(f.value, mostText))})
	}
	for _, line := range c.all() {
		blocks = append(blocks, map[string]any{"type": "context", "elements": []any{text(plain(line, mostText))}})
	}
	// The text is for notices; in it three characters mean something.
	return map[string]any{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(title), "blocks": blocks}
}

// teams is a message with an Adaptive Card. Runs of a RichTextBlock are shown as they are, without Markdown.
func (c card) teams() map[string]any {
	run := func(s string, bold bool) map[string]any {
		r := map[string]any{"type": "TextRun", "text": s}
		if bold {
			r["weight"] = "Bolder"
		}
		return r
	}
	block := func(runs ...any) map[string]any { return map[string]any{"type": "RichTextBlock", "inlines": runs} }
	title := run(plain(c.title, mostTitle), true)
	title["size"] = "Medium"
	body := []map[string]any{block(title)}
	for _, f := range c.facts[:min(len(c.facts), mostFacts)] {
		body = append(body, block(run(f.name+": ", true), run(plain(f.value, mostText), false)))
	}
	for _, line := range c.all() {
		body = append(body, block(run(plain(line, mostText), false)))
	}
	content := map[string]any{"type": "AdaptiveCard", "version": "1.4", "body": body}
	return map[string]any{"type": "message", "attachments": []any{map[string]any{
		"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": content,
	}}}
}
