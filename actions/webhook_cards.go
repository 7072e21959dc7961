package actions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

func (f finding) card() card {
	verb := map[hunt.Evidence]string{hunt.Executed: "ran on", hunt.Touched: "was touched on", hunt.Named: "was named on"}[f.Evidence]
	c := card{title: fmt.Sprintf("A condemned file %s %s", verb, f.Device.Name)}
	c.add("SHA-256", f.SHA256.String())
	c.add("Verdict", strings.TrimSpace(f.Threat.Classification+" "+f.Threat.Comment))
	c.add("Machine", machine(f.Device))
	c.add("Process", f.told.process)
	c.add("User", f.told.user)
	c.add("Recipient", f.Recipient)
	if f.File.Path != "" {
		c.add("File", f.File.What+" "+f.File.Path)
	}
	c.add("Mail", f.told.subject)
	c.add("Sent to", f.told.recipients)
	if !f.told.seen.IsZero() {
		c.add("Seen", f.told.seen.UTC().Format(time.RFC3339))
	}
	if !f.SecondStageOf.IsZero() {
		c.add("Second stage of", f.SecondStageOf.String())
	}
	c.add("Event", f.EventID)
	return c
}

// told is what a card says of a finding beside what the body has as the services sent it.
type told struct {
	process, user, subject, recipients string
	seen                               time.Time
}

func toldOf(s hunt.Sighting, ind hunt.Indicator) told {
	t := told{process: s.Process.Path, user: s.Process.User, seen: s.Time}
	if len(ind.Mails) > 0 {
		m := ind.Mails[0]
		t.subject, t.recipients = m.Subject, strings.Join(m.Recipients, ", ")
		if more := len(ind.Mails) - 1; more > 0 {
			t.recipients += fmt.Sprintf(" and with %d other mails", more)
		}
	}
	return t
}

func machine(d hunt.Device) string { return fmt.Sprintf("%s (%d)", d.Name, d.ID) }

func (n notice) card() card {
	c := card{title: "Held, a person has to decide: a condemned file"}
	c.add("SHA-256", n.SHA256.String())
	c.add("Verdict", strings.TrimSpace(n.Threat.Classification+" "+n.Threat.Comment))
	c.add("Reason", n.Reason)
	if !n.SecondStageOf.IsZero() {
		c.add("Second stage of", n.SecondStageOf.String())
	}
	c.add("Tasks", strings.Join(n.Held, ", "))
	c.add("Event", n.EventID)
	var machines []string
	for _, d := range n.Devices {
		machines = append(machines, machine(d))
	}
	c.list(machines)
	return c
}

func (r runEnded) card() card {
	c := card{title: fmt.Sprintf("Run %s ended", r.Run)}
	if r.Interrupted {
		c.title = fmt.Sprintf("Run %s was stopped before its end", r.Run)
	}
	c.add("Files", fmt.Sprint(r.Files))
	c.add("Machines with a sighting", fmt.Sprint(r.Machines))
	for _, status := range []hunt.Status{hunt.Done, hunt.Undone, hunt.Held, hunt.Failed} {
		if n := r.Tasks[status]; n > 0 {
			c.add("Tasks "+string(status), fmt.Sprint(n))
		}
	}
	if r.GivenUp > 0 {
		c.add("Tasks given up", fmt.Sprint(r.GivenUp))
	}
	if r.Problems > 0 {
		c.add("Could not be asked", fmt.Sprint(r.Problems))
	}
	if r.Turned > 0 {
		c.add("Verdicts taken back", fmt.Sprint(r.Turned))
	}
	c.add("Took", r.Ended.Sub(r.Begun).Round(time.Second).String())
	return c
}

func (n tasksEnded) card() card {
	c := card{title: fmt.Sprintf("Taken back by the run %s: %d", n.Run, n.Total)}
	if n.Event == string(WebhookFailed) {
		c.title = fmt.Sprintf("Could not be asked or done by the run %s", n.Run)
	}
	var lines []string
	for _, p := range n.Problems {
		lines = append(lines, p.Stage+": "+p.Error)
	}
	for _, t := range n.Tasks {
		target := t.Target
		if t.Device.Name != "" {
			target = machine(t.Device)
		}
		said := slices.DeleteFunc([]string{t.Action + " " + target, t.Error, t.Detail}, func(s string) bool { return s == "" })
		lines = append(lines, strings.Join(said, ": "))
	}
	c.list(lines)
	c.more += max(n.Total-len(n.Tasks), 0)
	return c
}
