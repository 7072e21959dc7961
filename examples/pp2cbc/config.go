package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// config is the checked configuration of a hunt.
type config struct {
	product string // for the User-Agent
	log     logConfig

	cbc        service
	orgKey     string
	lookBack   time.Duration
	tap        service
	delivered  bool
	blocked    bool
	delta      time.Duration
	classes    []proofpoint.Classification
	nsx        service
	nsxSession bool

	ledger   string
	remember time.Duration
	lease    time.Duration
	actions  actionConfig
	guard    guardConfig
	hunt     huntConfig
	// audit is the file of the audit log, empty for none.
	audit string

	// reports are the files that each run is written to.
	reports []string

	warnings []string
}

// service is how to reach one of the three services.
type service struct {
	name, url, caFile string
	user              string
	secret            secret
	// watch sees each answer, if it is not nil.
	watch func(sent time.Time, resp *http.Response)
	// proxy is the address of the proxy, nil for what the environment says.
	proxy secret
	// count is told of each attempt of a call, if it is not nil.
	count func(attempt)
}

// attempt is one of a call, as the clients tell of it.
type attempt struct {
	op, id           string
	status           int
	failure          string
	took, retryAfter time.Duration
}

// called tells of an attempt of a call: the tasks that it is made for, and whoever counts.
func (s service) called(ctx context.Context, a attempt) {
	hunt.NoteRequest(ctx, hunt.Request{Op: a.op, Status: a.status, ID: a.id})
	if s.count != nil {
		s.count(a)
	}
}

// String leaves the secret out.
func (s service) String() string {
	if s.url == "" { // that of a webhook is a secret
		return s.name
	}
	return s.name + " at " + s.url
}

// complete tells whether everything is there that it takes to log in.
func (s service) complete() bool { return s.url != "" && s.user != "" && s.secret != nil }

type actionConfig struct {
	watchlist     string
	hooks         []hookConfig
	script        []string
	scriptEnv     []string // nil is that of the program
	scriptDir     string
	scriptTimeout time.Duration
	liveResponse  bool
	evidenceDir   string
	evidenceLimit int64 // bytes
	isolate       bool
	policy        string
	denylist      bool
	nsxTag        string
	// evidence is the least that is needed of a machine, and the others are for single actions.
	evidence, isolateEvidence, policyEvidence, tagEvidence hunt.Evidence
}

// parser turns text into settings and collects what is wrong with it.
type parser struct {
	v        *values
	problems []error
}

func (p *parser) fail(section, name, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s.%s: %w", section, name, fmt.Errorf(format, args...)))
}

func (p *parser) required(section, name string) string {
	value := p.v.get(section, name)
	if value == "" {
		p.fail(section, name, "is missing or empty")
	}
	return value
}

// switched is the value of an action that is on by having one. The words for off are no value.
func (p *parser) switched(name string) string {
	value := p.v.get("actions", name)
	if off(value) {
		return ""
	}
	return value
}

func (p *parser) bool(section, name string) bool {
	if p.v.off(section, name) {
		return false
	}
	value := p.v.get(section, name)
	on, err := parseBool(value)
	if err != nil {
		p.fail(section, name, "%w", err)
	}
	return on
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1", "t", "y":
		return true, nil
	case "false", "no", "off", "0", "f", "n", "none":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

// duration reads "2w", "3d" or any form of [time.ParseDuration].
func (p *parser) duration(section, name string) time.Duration {
	d, err := parseDuration(p.v.get(section, name))
	if err != nil {
		p.fail(section, name, "%w", err)
	}
	return d
}

// within is a duration that must not be outside two others.
func (p *parser) within(section, name string, low, high time.Duration) time.Duration {
	d, err := parseDuration(p.v.get(section, name))
	if err == nil && (d < low || d > high) {
		err = fmt.Errorf("want a length of time from %s to %s", low, high)
	}
	if err != nil {
		p.fail(section, name, "%w", err)
	}
	return d
}

func parseDuration(s string) (time.Duration, error) {
	text := strings.TrimPrefix(s, "-")
	unit := map[string]time.Duration{"w": 7 * 24 * time.Hour, "d": 24 * time.Hour}
	for suffix, length := range unit {
		number, ok := strings.CutSuffix(text, suffix)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n <= 0 || n > 10000 {
			return 0, fmt.Errorf("%q is no length of time, such as 2w, 3d or 12h", s)
		}
		return time.Duration(n) * length, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no length of time, such as 2w, 3d or 12h", s)
	}
	return d, nil
}

func (p *parser) number(section, name string, low, high int) int {
	n, err := strconv.Atoi(p.v.get(section, name))
	if err != nil || n < low || n > high {
		p.fail(section, name, "want a whole number from %d to %d", low, high)
	}
	return n
}

// caFile is the file of a private certificate authority, or nothing.
func (p *parser) caFile(section string) string {
	return p.caFileOf(section, "ca_file")
}

func (p *parser) caFileOf(section, name string) string {
	path := p.v.path(p.v.get(section, name))
	if path != "" {
		if _, err := readSmall(path); err != nil {
			p.fail(section, name, "%w", err)
		}
	}
	return path
}

const twoWeeks = 14 * 24 * time.Hour

// parseConfig checks everything and reports all that is wrong.
func parseConfig(v *values) (*config, error) {
	p := &parser{v: v}
	c := &config{
		product: product(v),
		log:     p.logging(),
		cbc: service{
			name: "Carbon Black Cloud", url: p.required("CarbonBlack", "url"), caFile: p.caFile("CarbonBlack"),
			user: p.required("CarbonBlack", "custom_api_id"), secret: conceal(p.required("CarbonBlack", "custom_api_key")),
		},
		orgKey:   p.required("CarbonBlack", "org_key"),
		lookBack: p.duration("CarbonBlack", "window"),
		tap: service{
			name: "Proofpoint TAP", url: p.required("Proofpoint", "url"), caFile: p.caFile("Proofpoint"),
			user: p.required("Proofpoint", "principal"), secret: conceal(p.required("Proofpoint", "secret")),
		},
		delivered: p.bool("Proofpoint", "include_delivered"),
		blocked:   p.bool("Proofpoint", "include_blocked"),
		delta:     time.Duration(p.number("Proofpoint", "delta", 0, 24*60)) * time.Minute,
		nsx: service{
			name: "NSX", url: v.get("NSX", "url"), caFile: p.caFile("NSX"),
			user: v.get("NSX", "username"), secret: conceal(v.get("NSX", "password")),
		},
		nsxSession: p.bool("NSX", "session"),
		ledger:     v.path(v.get("sqlite3", "filename")),
		remember:   time.Duration(p.number("sqlite3", "deprecation", 1, 3650)) * 24 * time.Hour,
		lease:      p.within("sqlite3", "lease", 2*time.Second, time.Hour),
		warnings:   v.warnings,
	}
	if c.lookBack > twoWeeks {
		p.fail("CarbonBlack", "window", "%s is more than the two weeks that can be searched", v.get("CarbonBlack", "window"))
	}
	if !c.delivered && !c.blocked {
		p.fail("Proofpoint", "include_delivered", "and include_blocked are both off: there is nothing to ask for")
	}
	for _, class := range list(v.get("Proofpoint", "classifications")) {
		c.classes = append(c.classes, proofpoint.Classification(class))
	}
	c.actions, c.guard, c.hunt = p.actions(), p.guard(), p.hunt()
	if name := v.get("audit", "filename"); !v.off("audit", "filename") && !off(name) {
		c.audit = v.path(name)
	}
	if c.audit != "" && (c.audit == c.ledger || c.audit == c.log.file) {
		p.fail("audit", "filename", "is the file of something else already")
	}
	if d := c.hunt.deadLetters; d != "" && (d == c.ledger || d == c.log.file || d == c.audit) {
		p.fail("hunt", "dead_letters", "is the file of something else already")
	}
	c.reports = p.reports(c.ledger, c.log.file, c.audit, c.hunt.deadLetters)
	if c.actions.nsxTag != "" && !c.nsx.complete() {
		p.fail("actions", "nsx_tag", "needs NSX.url, NSX.username and NSX.password")
	}
	return c, errors.Join(p.problems...)
}

func (p *parser) actions() actionConfig {
	v := p.v
	a := actionConfig{
		watchlist:     p.switched("watchlist"),
		hooks:         p.hooks(),
		scriptDir:     v.dir,
		scriptTimeout: p.duration("actions", "script_timeout"),
		liveResponse:  p.bool("actions", "live_response"),
		evidenceDir:   v.path(v.get("actions", "evidence_dir")),
		isolate:       p.bool("actions", "isolate"),
		policy:        p.switched("policy"),
		denylist:      p.bool("actions", "denylist"),
		nsxTag:        p.switched("nsx_tag"),
	}
	var err error
	if a.script, err = splitCommand(p.switched("script")); err != nil {
		p.fail("actions", "script", "%w", err)
	}
	a.evidence = p.evidence("evidence", hunt.Executed)
	a.isolateEvidence = p.evidence("isolate_evidence", a.evidence)
	a.policyEvidence = p.evidence("policy_evidence", a.evidence)
	a.tagEvidence = p.evidence("nsx_tag_evidence", a.evidence)
	if a.evidenceLimit, err = parseSize(v.get("actions", "evidence_limit")); err != nil {
		p.fail("actions", "evidence_limit", "%w", err)
	}
	return a
}

// product is the name and version that the services get to see.
func product(v *values) string {
	name, number := v.get("general", "name"), v.get("general", "version")
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r > ' ' && r < 0x7f && !strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) {
				return r
			}
			return '-'
		}, s)
	}
	if number == "" {
		return clean(name)
	}
	return clean(name) + "/" + clean(number)
}

// pythonLevel maps the names of the old script's levels, in any case, to those of slog.
func pythonLevel(s string) string {
	switch s = strings.ToUpper(s); s {
	case "WARNING":
		return "WARN"
	case "CRITICAL", "FATAL":
		return "ERROR"
	case "NOTSET":
		return "DEBUG"
	}
	return s
}

func list(s string) []string {
	var all []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// splitCommand cuts a command into arguments at spaces. Quotes of either kind keep spaces together; there is no other syntax, so
// that a backslash in a path is a backslash.
func splitCommand(s string) ([]string, error) {
	var args []string
	var arg strings.Builder
	var quote rune
	begun := false
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			arg.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if begun {
				args = append(args, arg.String())
				arg.Reset()
			}
			begun = false
		default:
			arg.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if begun {
		args = append(args, arg.String())
	}
	return args, nil
}
