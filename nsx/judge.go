package nsx

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// judge decides for one tag.
type judge struct {
	space         *Space
	op            string
	list          []Group
	groups        map[Path]Group
	present       []GroupRef // the groups that the machine is in now
	with, without evaluator
	out           Isolation
	known         map[Path]effect
	openings      []opening
}

// effect is something with the tag and without it.
type effect struct {
	with, without Answer
	depends       bool // may differ by the tag, though neither is known
}

func (e effect) and(o effect) effect {
	return effect{e.with.and(o.with), e.without.and(o.without), e.depends || o.depends}
}

func (e effect) or(o effect) effect {
	return effect{e.with.or(o.with), e.without.or(o.without), e.depends || o.depends}
}

func (e effect) not() effect { return effect{e.with.not(), e.without.not(), e.depends} }

// caused tells whether something is so because of the tag.
func (e effect) caused() Answer {
	switch {
	case !e.depends:
		return No
	case e.with == Yes:
		return answer(e.without != Yes)
	}
	return e.with
}

func (j *judge) readGroups(ctx context.Context) error {
	call := j.space.at.call(j.op, "/domains/default/groups")
	for g, err := range rows(ctx, j.space.at.core, call, paging[Group]{what: "a group", valid: func(g Group) bool { return g.ID != "" }}) {
		if err != nil {
			return err
		}
		j.list = append(j.list, g)
	}
	j.groups = byPath(j.list)
	j.known = make(map[Path]effect)
	return nil
}

func (j *judge) decide(ctx context.Context) (Isolation, error) {
	for _, g := range j.list {
		e := j.member(g)
		j.known[g.Path] = e
		if !e.depends {
			continue
		}
		j.out.Groups = append(j.out.Groups, GroupMatch{Group: g, With: e.with, Without: e.without})
		if e.with == Unknown {
			j.because(ReasonGroupUnknown, string(g.Path))
		}
	}
	if err := j.readRules(ctx); err != nil {
		return Isolation{}, err
	}
	switch {
	case len(j.out.Groups) == 0 && len(j.out.Rules) == 0:
		j.because(ReasonNoGroup, "")
	case len(j.out.Rules) == 0:
		j.because(ReasonNoRule, "")
	}
	if (j.out.Incoming == No) != (j.out.Outgoing == No) {
		j.because(ReasonOneWay, "")
	}
	if j.out.Incoming.and(j.out.Outgoing) == Yes {
		j.out.Reasons = nil // what other groups and rules lack does not matter
	}
	if j.out.VM != "" || j.out.Incoming != No || j.out.Outgoing != No {
		if err := j.readExcludeList(ctx); err != nil {
			return Isolation{}, err
		}
		if err := j.readInterfaces(ctx); err != nil {
			return Isolation{}, err
		}
	}
	j.out.Answer = j.out.Incoming.and(j.out.Outgoing)
	return j.out, nil
}

func (j *judge) because(kind ReasonKind, subject string) {
	if r := (Reason{kind, subject}); !slices.Contains(j.out.Reasons, r) {
		j.out.Reasons = append(j.out.Reasons, r)
	}
}

// limit lowers both answers.
func (j *judge) limit(a Answer) {
	j.out.Incoming, j.out.Outgoing = j.out.Incoming.and(a), j.out.Outgoing.and(a)
}

// member tells whether the machine is in a group. Where the conditions do not tell, and the tag has no part in them, it is as it is.
func (j *judge) member(g Group) effect {
	e := effect{with: j.with.group(g), without: j.without.group(g)}
	e.depends = e.with != e.without || e.with == Unknown && j.mayTurn(g)
	if e.with == Unknown && !e.depends && j.out.VM != "" {
		now := answer(slices.ContainsFunc(j.present, func(r GroupRef) bool { return r.Path == g.Path }))
		return effect{with: now, without: now}
	}
	return e
}

// mayTurn tells whether the tag may change what is not known of a group.
func (j *judge) mayTurn(g Group) bool {
	t := turns{j.with, j.without, j.out.Tag, j.space.at.groupsPath(), map[Path]bool{g.Path: true}}
	return t.any(g.Expression)
}

// in tells whether the machine is meant by a list of paths.
func (j *judge) in(list []Path) effect {
	if anyone(list) {
		return effect{with: Yes, without: Yes}
	}
	out := effect{with: No, without: No}
	for _, p := range list {
		e, known := j.known[p]
		if !known {
			e = effect{with: j.with.path(p), without: j.without.path(p)}
			e.depends = e.with == Unknown && p.foreign(j.space.at.groupsPath())
		}
		out = out.or(e)
	}
	return out
}

// anyone tells whether a list means all.
func anyone(list []Path) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(p Path) bool { return strings.EqualFold(string(p), "ANY") })
}

func (j *judge) readRules(ctx context.Context) error {
	j.out.Incoming, j.out.Outgoing = No, No
	var policies []SecurityPolicy
	for p, err := range j.space.SecurityPolicies.list(ctx, j.op) {
		if err != nil {
			return err
		}
		if p.Rules == nil {
			if p.Rules, err = j.space.SecurityPolicies.rules(ctx, j.op, p.ID); err != nil {
				return err
			}
		}
		for _, r := range p.Rules {
			j.open(p, r)
		}
		policies = append(policies, p)
	}
	for _, p := range policies {
		for _, r := range p.Rules {
			j.rule(p, r)
		}
	}
	return nil
}

// reach tells whether a rule is enforced on the machine, and whether the machine is among its sources and its destinations.
func (j *judge) reach(p SecurityPolicy, r Rule) (applied, source, destination effect) {
	applied = j.in(r.AppliedTo)
	if !anyone(p.AppliedTo) {
		// Whether the policy's word replaces that of the rule or is in addition to it is not documented.
		whole := j.in(p.AppliedTo)
		both := applied.and(whole)
		applied = effect{agreed(whole.with, both.with), agreed(whole.without, both.without), both.depends}
	}
	source, destination = j.in(r.Sources), j.in(r.Destinations)
	if r.SourcesExcluded {
		source = source.not()
	}
	if r.DestinationsExcluded {
		destination = destination.not()
	}
	return applied, source, destination
}

// rule decides about one rule.
func (j *judge) rule(p SecurityPolicy, r Rule) {
	enabled := r
	enabled.Disabled = false
	if !enabled.Blocks() {
		return
	}
	applied, source, destination := j.reach(p, r)
	m := RuleMatch{Policy: p.Path, Rule: r}
	m.Outgoing = through(r, Out, applied.and(source).caused())
	m.Incoming = through(r, In, applied.and(destination).caused())
	if m.Outgoing == No && m.Incoming == No {
		return
	}
	if r.Disabled {
		j.because(ReasonRuleDisabled, string(r.Path))
		return
	}
	whole := r.allTraffic() && p.Schedule == ""
	outgoing, incoming := m.Outgoing, m.Incoming
	if outgoing != No && (!whole || !everyone(r.Destinations, r.DestinationsExcluded)) {
		outgoing, m.Partly = Unknown, true
	}
	if incoming != No && (!whole || !everyone(r.Sources, r.SourcesExcluded)) {
		incoming, m.Partly = Unknown, true
	}
	switch {
	case m.Outgoing != Yes && m.Incoming != Yes:
		j.because(ReasonRuleUnknown, string(r.Path))
	case p.Schedule != "":
		j.because(ReasonScheduled, string(r.Path))
	case m.Partly:
		j.because(ReasonPartly, string(r.Path))
	}
	outgoing, incoming = j.reached(p, r, outgoing, incoming)
	j.out.Rules = append(j.out.Rules, m)
	j.out.Outgoing, j.out.Incoming = j.out.Outgoing.or(outgoing), j.out.Incoming.or(incoming)
}

// everyone tells whether a list of peers leaves nobody out.
func everyone(list []Path, excluded bool) bool { return anyone(list) && !excluded }

// through is what a rule does in one direction. One that is for the other direction is enforced on the peers of the machine alone,
// and NSX need not manage them.
func through(r Rule, d Direction, a Answer) Answer {
	if a == Yes && !r.enforced(d) {
		return Unknown
	}
	return a
}

// enforced tells whether the rule is for a direction, on the machine itself.
func (r Rule) enforced(d Direction) bool {
	return r.Direction == "" || strings.EqualFold(string(r.Direction), string(InOut)) || strings.EqualFold(string(r.Direction), string(d))
}

func (j *judge) readExcludeList(ctx context.Context) error {
	members, err := j.space.SecurityPolicies.allExcluded(ctx, j.op)
	if err != nil {
		if !outOfReach(err) {
			return err
		}
		j.because(ReasonExcludedUnknown, "")
		j.limit(Unknown)
		return nil
	}
	for _, p := range members {
		excluded := j.in([]Path{p})
		switch excluded.with {
		case Yes:
			j.because(ReasonExcluded, string(p))
			j.limit(No)
		case Unknown:
			// Any machine may be excluded; that has nothing to do with the tag.
			if j.out.VM != "" || excluded.depends {
				j.because(ReasonExcludedUnknown, string(p))
				j.limit(Unknown)
			}
		case No:
		}
	}
	return nil
}

func (j *judge) readInterfaces(ctx context.Context) error {
	if j.out.VM == "" {
		return nil
	}
	managed := false
	var open []Interface
	for i, err := range (&Interfaces{j.space.at.core}).list(ctx, j.op, InterfaceQuery{VM: j.out.VM}) {
		if outOfReach(err) {
			j.because(ReasonInterfacesUnknown, "")
			j.limit(Unknown)
			return nil
		}
		if err != nil {
			return err
		}
		if i.Managed() {
			managed = true
		} else {
			open = append(open, i)
		}
	}
	if !managed {
		j.because(ReasonNotManaged, "")
		j.limit(No)
		return nil
	}
	for _, i := range open {
		j.because(ReasonPartlyManaged, i.ID)
		j.limit(Unknown)
	}
	return nil
}

// outOfReach tells whether something is not for this account to read, or not there: in projects and on VMware Cloud that is usual.
func outOfReach(err error) bool {
	return errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound)
}
