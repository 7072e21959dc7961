package nsx

import (
	"cmp"
	"slices"
	"strings"
)

// opening is a rule that lets all traffic of a machine through in a direction, or leads it past the rules that follow. Rules after it
// are not reached.
type opening struct {
	at       position
	jump     bool // to the rules of the category "Application"
	path     Path
	outgoing Answer
	incoming Answer
}

// position is where a rule is among all.
type position struct {
	category     int // -1 if it is not known
	policy, rule int
}

// application is the last of the categories in their order.
const application = 3

func positionOf(p SecurityPolicy, r Rule) position {
	order := []string{"Emergency", "Infrastructure", "Environment", "Application"}
	category := slices.IndexFunc(order, func(c string) bool { return strings.EqualFold(c, p.Category) })
	return position{category: category, policy: p.Sequence, rule: r.Sequence}
}

// after tells whether a rule is known to come after another. Of those with the same numbers it is not known.
func (a position) after(b position) bool {
	return a.category >= 0 && b.category >= 0 && a.compare(b) > 0
}

func (a position) compare(b position) int {
	return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.policy, b.policy), cmp.Compare(a.rule, b.rule))
}

// open notes a rule if it is an opening. Those of the category "Ethernet" are about frames: what they let through goes on to the others.
func (j *judge) open(p SecurityPolicy, r Rule) {
	jump := strings.EqualFold(string(r.Action), string(JumpToApplication))
	if r.Disabled || strings.EqualFold(p.Category, "Ethernet") || !r.allServices() || !jump && !strings.EqualFold(string(r.Action), string(Allow)) {
		return
	}
	o := opening{at: positionOf(p, r), jump: jump, path: r.Path, outgoing: No, incoming: No}
	applied, source, destination := j.reach(p, r)
	if r.enforced(Out) && everyone(r.Destinations, r.DestinationsExcluded) {
		o.outgoing = j.opened(applied.and(source), p)
	}
	if r.enforced(In) && everyone(r.Sources, r.SourcesExcluded) {
		o.incoming = j.opened(applied.and(destination), p)
	}
	if o.outgoing != No || o.incoming != No {
		j.openings = append(j.openings, o)
	}
}

func (j *judge) opened(e effect, p SecurityPolicy) Answer {
	switch {
	case e.with == Unknown && j.out.VM == "" && !e.depends:
		return No // of any machine it may be so; that has nothing to do with the tag
	case e.with == Yes && p.Schedule != "":
		return Unknown
	}
	return e.with
}

// reached is what is left of a rule behind the openings before it.
func (j *judge) reached(p SecurityPolicy, r Rule, outgoing, incoming Answer) (Answer, Answer) {
	at := positionOf(p, r)
	for _, o := range j.openings {
		if o.at.after(at) || o.jump && at.category == application {
			continue
		}
		out, in := o.outgoing, o.incoming
		if !at.after(o.at) { // perhaps before
			out, in = out.and(Unknown), in.and(Unknown)
		}
		if outgoing.and(out) != No || incoming.and(in) != No {
			j.because(ReasonLetThrough, string(o.path))
		}
		outgoing, incoming = outgoing.and(out.not()), incoming.and(in.not())
	}
	return outgoing, incoming
}
