package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// migration is what a configuration of the old script means here.
type migration struct {
	File string `json:"file"`
	// Understood are the keys that mean something, in the order of the README, secrets without their values.
	Understood []setting `json:"understood"`
	// Warnings are about what is not used, or not safe; Problems keep a hunt from beginning.
	Warnings []string `json:"warnings"`
	Problems []string `json:"problems"`
	// Changed are the keys that mean something else than they did, and Add those that are worth having.
	Changed []change `json:"changed"`
	Add     []advice `json:"add"`
	// Permissions are what the credentials must be allowed for what is switched on.
	Permissions []string     `json:"permissions"`
	Database    *oldDatabase `json:"database,omitempty"`
}

type setting struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
	// Secret means that there is a value, and that it is not shown.
	Secret bool `json:"secret,omitempty"`
}

// oldDatabase is the database that the script left.
type oldDatabase struct {
	File string `json:"file"`
	// Old means that the script has written to it, and Records counts what it noted there.
	Old     bool `json:"old"`
	Records int  `json:"records"`
	// Imported counts what is new in the ledger, and Unusable says what means nothing.
	Imported int    `json:"imported"`
	Unusable string `json:"unusable,omitempty"`
	// LastPull is the end of the last window that the script asked for, by a clock whose zone is not known.
	LastPull *time.Time `json:"last_pull,omitempty"`
	// Left means that it was left as it is.
	Left bool `json:"left,omitempty"`
}

// migrate tells what a configuration of the old script means here, and takes its database over. It asks no service.
func (p program) migrate(ctx context.Context, args []string) int {
	var o common
	dry := false
	fs := newFlags(&o)
	fs.BoolVar(&dry, "dry-run", false, "")
	rest, err := o.parse(fs, args)
	switch {
	case err != nil:
	case len(rest) > 1 || len(rest) == 1 && o.configNamed:
		err = errors.New("migrate takes one configuration")
	case len(rest) == 1:
		o.config, o.configNamed = rest[0], true
	}
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	v, err := readValues(o.config, o.configNamed, p.environ)
	if v == nil {
		return p.refuse(err)
	}
	cfg, problems := parseConfig(v)
	problems = errors.Join(err, problems)
	m := newMigration(o.config, v, problems)
	code := exitUsage
	if problems == nil {
		code = exitDone
		if m.Database, err = takeDatabase(ctx, cfg, p.now, dry); err != nil {
			p.complain("sqlite3.filename: %v", err)
			code = exitFailed
		}
		m.advise(cfg, v, p.now())
	}
	if o.json {
		err = encode(p.out, m)
	} else {
		err = m.print(p.page(0), code)
	}
	if err != nil {
		p.complain("what was found could not be written: %v", err)
		return exitFailed
	}
	return code
}

func newMigration(file string, v *values, problems error) *migration {
	m := &migration{File: file, Understood: []setting{}, Warnings: append([]string{}, v.warnings...), Problems: []string{}, Changed: []change{}, Add: []advice{}, Permissions: []string{}}
	for _, k := range v.schema() {
		value := v.text[k.String()]
		if value == "" || k.retired != "" {
			continue
		}
		s := setting{Key: k.String(), Secret: k.secret}
		if !k.secret {
			s.Value = shown(k, value)
		}
		m.Understood = append(m.Understood, s)
	}
	if problems != nil {
		for _, e := range flatten(problems) {
			m.Problems = append(m.Problems, e.Error())
		}
	}
	for _, c := range changes() {
		if c.always || v.text[c.Key] != "" && !off(v.text[c.Key]) {
			m.Changed = append(m.Changed, c)
		}
	}
	return m
}

// shown is a value without what may be a secret in it.
func shown(k key, value string) string {
	if command, err := splitCommand(value); k.name == "script" && (err != nil || len(command) > 1) {
		return "(a command whose arguments are not shown)"
	}
	if u, err := url.Parse(value); k.name == "url" && (err != nil || u.User != nil) {
		return "(an address that is not shown)"
	}
	return value
}

// takeDatabase takes the script's records over, or only looks at the database.
func takeDatabase(ctx context.Context, cfg *config, now func() time.Time, dry bool) (d *oldDatabase, err error) {
	d = &oldDatabase{File: cfg.ledger}
	health, err := sqlitededupe.Look(ctx, cfg.ledger, dedupehunt.CursorPrefix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none, which is fine
	}
	if err != nil {
		return d, err
	}
	d.Old, d.Records = health.Script.Records > 0 || health.Legacy, health.Script.Records
	if at := health.Script.LastPull; !at.IsZero() {
		d.LastPull = &at
	}
	if dry {
		d.Left = true
		return d, nil
	}
	store, err := sqlitededupe.Open(ctx, cfg.ledger)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	over, err := takeOver(ctx, store, now(), slog.New(slog.DiscardHandler))
	d.Imported = over.imported
	if over.unusable != nil {
		d.Unusable = over.unusable.Error()
	}
	return d, err
}

// advise adds what is worth having.
func (m *migration) advise(cfg *config, v *values, now time.Time) {
	for _, p := range needed(cfg) {
		text := p.service + ": " + p.String()
		if !slices.Contains(m.Permissions, text) {
			m.Permissions = append(m.Permissions, text)
		}
	}
	add := func(key, value, why string) { m.Add = append(m.Add, advice{key, value, why}) }
	a, g := cfg.actions, cfg.guard
	if len(g.names)+len(g.ids)+len(g.networks)+len(g.policies)+len(g.groups) == 0 {
		add("guard.protect_names", "DC-*, ...", "machines that are never touched, whatever runs on them: domain controllers, tills, hospital beds. Nobody can guess them")
	}
	if strings.Contains(strings.Join(a.script, " "), "action.py") {
		add("actions.live_response", "True", "kills the process and deletes the file as action.py meant to, after both were checked; then take actions.script out")
	}
	if a.liveResponse && a.evidenceDir == "" {
		add("actions.evidence_dir", "evidence", "keeps a copy of each file before it is deleted, without which nothing can be put back")
	}
	for _, h := range a.hooks {
		if h.secret == nil && h.format == actions.WebhookJSON {
			add(h.section+"."+h.key("secret")+"_file", "FILE", "signs each post, so that the receiver knows whom it is from")
		}
	}
	for _, k := range schema() {
		if k.secret && k.retired == "" && k.section != "actions" && v.text[k.String()] != "" && v.text[k.String()+"_file"] == "" {
			add(k.String()+"_file", "FILE", "keeps the secret out of the configuration, in a file of its own")
		}
	}
	if v.text["hunt.first_run"] != "" || m.Database == nil || m.Database.LastPull == nil {
		return
	}
	switch gap := now.Sub(*m.Database.LastPull) + time.Hour; { // an hour more, because the clock of the script was its own
	case gap > remembered:
		add("hunt.first_run", "6d", "the script asked last at "+stamp(*m.Database.LastPull)+"; TAP answers for seven days")
	case gap > cfg.hunt.firstRun:
		add("hunt.first_run", fmt.Sprintf("%dh", int(gap/time.Hour)+1), "the script asked last at "+stamp(*m.Database.LastPull)+", by its own clock: the first run makes up for the time since")
	}
}

// print is for people. Nothing of it is a stranger's but the values of their own configuration.
func (m *migration) print(p *page, code int) error {
	p.printf("%s, as pp2cbc understands it\n\n", harmless(m.File))
	widest := 0
	for _, s := range m.Understood {
		widest = max(widest, len(s.Key))
	}
	for _, s := range m.Understood {
		value := s.Value
		if s.Secret {
			value = "(a secret)"
		}
		p.printf("  %-*s  %s\n", widest, s.Key, harmless(value))
	}
	lines := func(how shade, title string, all []string) {
		if len(all) == 0 {
			return
		}
		p.printf("\n%s\n", p.paint(how, title))
		for _, line := range all {
			p.printf("  %s\n", harmless(line))
		}
	}
	lines(alarming, "To be mended first", m.Problems)
	lines(waiting, "Not used, or not safe", m.Warnings)
	p.printf("\n%s\n", p.paint(heading, "What has changed"))
	for _, c := range m.Changed {
		p.printf("  %s\n      then: %s\n      now:  %s\n", cmp.Or(c.Key, "in general"), c.Then, c.Now)
	}
	if len(m.Add) > 0 {
		p.printf("\n%s\n", p.paint(heading, "Worth adding"))
		for _, a := range m.Add {
			p.printf("  %s = %s\n      %s\n", a.Key, harmless(a.Value), harmless(a.Why))
		}
	}
	lines(heading, "What the credentials must be allowed", m.Permissions)
	m.Database.print(p)
	next := "pp2cbc doctor --config " + m.File + ", then pp2cbc --config " + m.File + " --dry-run"
	switch code {
	case exitUsage:
		next = "mend the configuration; the database was left as it is"
	case exitFailed:
		next = "the database; see above"
	}
	p.printf("\n%s: %s\n", p.paint(heading, "Next"), harmless(next))
	return p.err
}

func (d *oldDatabase) print(p *page) {
	if d == nil {
		return
	}
	p.printf("\n%s\n  %s: ", p.paint(heading, "The database"), harmless(d.File))
	switch {
	case d.Left && d.Old:
		p.printf("%s of the old script, left as it is; without --dry-run they are taken over, and the first run does that too\n", plural(d.Records, "record", "records"))
	case !d.Old:
		p.printf("a ledger, with nothing of the old script in it\n")
	default:
		p.printf("%s of the old script, %d taken over now. What it has acted on is not acted on again; its tables stay as they are\n", plural(d.Records, "record", "records"), d.Imported)
	}
	if d.Unusable != "" {
		p.printf("  not usable: %s\n", harmless(d.Unusable))
	}
}
