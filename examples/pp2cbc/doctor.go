package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// findingStatus is what came of looking at one thing.
type findingStatus string

// What the doctor says. Everything from statusMissing on is something that a run would fail at.
const (
	statusOK findingStatus = "ok"
	// statusUntried is a permission that cannot be tried without doing something.
	statusUntried     findingStatus = "not tried"
	statusWarning     findingStatus = "warning"
	statusMissing     findingStatus = "missing"
	statusRefused     findingStatus = "refused"
	statusUnreachable findingStatus = "unreachable"
	statusCertificate findingStatus = "certificate"
	statusFailed      findingStatus = "failed"
)

func (s findingStatus) bad() bool {
	return s != statusOK && s != statusUntried && s != statusWarning
}

// finding is one line of the table.
type finding struct {
	Subject string        `json:"subject"`
	Status  findingStatus `json:"status"`
	// For is what needs it, such as the name of an action.
	For    []string `json:"for,omitempty"`
	Detail string   `json:"detail,omitempty"`
}

// doctor tries everything that a hunt with this configuration needs, with calls that change nothing, and writes nothing anywhere. A
// permission that shows only when it is used is told as not tried.
func (p program) doctor(ctx context.Context, args []string) int {
	var o common
	fs := newFlags(&o)
	rest, err := o.parse(fs, args)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("unexpected argument %q", rest[0])
	}
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	v, err := readValues(o.config, o.configNamed, p.environ)
	if err != nil {
		return p.refuse(err)
	}
	cfg, err := parseConfig(v)
	if err != nil {
		return p.refuse(err)
	}
	d := &examination{cfg: cfg, now: p.now, logger: slog.New(slog.DiscardHandler)}
	d.examine(ctx)
	if ctx.Err() != nil {
		p.complain("stopped before everything was tried")
		return exitFailed
	}
	code := exitDone
	for _, f := range d.findings {
		if f.Status.bad() {
			code = exitFailed
		}
	}
	if o.json {
		err = encode(p.out, map[string]any{"findings": d.findings, "ok": code == exitDone})
	} else {
		err = p.diagnosis(d.findings)
	}
	if err != nil {
		p.complain("the table could not be written: %v", err)
		return exitFailed
	}
	return code
}

// diagnosis prints the table.
func (p program) diagnosis(all []finding) error {
	pg := p.page(len(all))
	widest, status := 0, 0
	for _, f := range all {
		widest, status = max(widest, len(f.Subject)), max(status, len(f.Status))
	}
	bad := 0
	for _, f := range all {
		detail := f.Detail
		if len(f.For) > 0 {
			detail = strings.TrimPrefix(detail+"; for "+strings.Join(f.For, ", "), "; ")
		}
		how := good
		if f.Status.bad() {
			how = alarming
		} else if f.Status != statusOK {
			how = waiting
		}
		pg.printf("%-*s  %s  %s\n", widest, harmless(f.Subject), pg.paint(how, fmt.Sprintf("%-*s", status, f.Status)), harmless(detail))
		if f.Status.bad() {
			bad++
		}
	}
	if bad > 0 {
		pg.printf("\n%d of these would make a run fail.\n", bad)
	} else {
		pg.printf("\nNothing here would make a run fail.\n")
	}
	return pg.err
}

// examination collects findings.
type examination struct {
	cfg      *config
	now      func() time.Time
	logger   *slog.Logger
	findings []finding
}

func (d *examination) add(f finding) { d.findings = append(d.findings, f) }

// patience is for one question.
const doctorsPatience = 20 * time.Second

// try asks one question and tells what came of it.
func (d *examination) try(ctx context.Context, subject string, uses []string, s service, section string, ask func(context.Context) (detail string, err error)) bool {
	ctx, cancel := context.WithTimeout(ctx, doctorsPatience)
	defer cancel()
	detail, err := ask(ctx)
	f := finding{Subject: subject, Status: statusOK, For: uses, Detail: detail}
	if err != nil {
		err = from(s, section, err)
		f.Status, f.Detail = symptom(err), explain(err)
		if f.Status == statusMissing {
			f.Detail = fmt.Sprintf("%s; %s", f.Detail, grant(section, d.cfg))
		}
	}
	d.add(f)
	return err == nil
}

// untried tells of what is needed and cannot be tried without changing something.
func (d *examination) untried(section, permission string, uses ...string) {
	d.add(finding{Subject: permission, Status: statusUntried, For: uses, Detail: "shows only when it is used; " + grant(section, d.cfg)})
}

// grant says where a permission is given.
func grant(section string, cfg *config) string {
	switch section {
	case "CarbonBlack":
		return fmt.Sprintf("it is given in the access level of the API key %s: Settings > API Access > Access Levels in the console", cfg.cbc.user)
	case "NSX":
		return fmt.Sprintf("it is given in the role of %s: System > Users and Roles in NSX Manager", cfg.nsx.user)
	default:
		return fmt.Sprintf("it is given to the service credential %s: Settings > Connected Applications in the TAP dashboard", cfg.tap.user)
	}
}
