package nsx

import (
	"context"
	"errors"
	"fmt"
)

// Isolation says what a tag does to a machine by way of groups and rules.
type Isolation struct {
	Tag Tag
	// VM is the machine; empty for any machine.
	VM ExternalID
	// Answer is whether the tag isolates: whether both Incoming and Outgoing are Yes.
	Answer Answer
	// Incoming and Outgoing tell whether, because of the tag, a rule keeps all traffic to the machine, or from it, away. Yes does not
	// say that no rule before it lets a part through: what is to stay open, such as the way to a sensor's console, is let through like
	// that. A rule before it that lets everything through makes it No, and one that may do so Unknown.
	Incoming, Outgoing Answer
	// Groups are those whose members the tag changes, or may change.
	Groups []GroupMatch
	// Rules are the enabled rules that drop or reject, because of the tag, some traffic of the machine, or may.
	Rules []RuleMatch
	// Reasons are why the answer is not Yes.
	Reasons []Reason
}

// GroupMatch is a group whose members a tag changes.
type GroupMatch struct {
	Group Group
	// With tells whether a machine with the tag is in the group, Without whether the same machine is in it without the tag.
	With, Without Answer
}

// RuleMatch is a rule that a tag brings to bear.
type RuleMatch struct {
	Policy Path
	Rule   Rule
	// Incoming and Outgoing tell whether it drops traffic to the machine, or from it, that it would not without the tag.
	Incoming, Outgoing Answer
	// Partly tells that it is about some peers, some services or some times only.
	Partly bool
}

// ReasonKind is why a tag does not isolate, or is not known to.
type ReasonKind string

// The reasons.
const (
	// ReasonNoGroup: the conditions of no group ask for the tag.
	ReasonNoGroup ReasonKind = "no group asks for the tag"
	// ReasonGroupUnknown: whether the tag makes the machine a member of this group is not known.
	ReasonGroupUnknown ReasonKind = "it is not known whether the group takes the machine in"
	// ReasonNoRule: no enabled rule that drops or rejects uses the groups.
	ReasonNoRule ReasonKind = "no enabled rule drops or rejects for the groups"
	// ReasonRuleDisabled: this rule would, and is disabled.
	ReasonRuleDisabled ReasonKind = "the rule is disabled"
	// ReasonPartly: this rule is about some peers or services only.
	ReasonPartly ReasonKind = "the rule is about some peers or services only"
	// ReasonScheduled: this rule is of a policy that has a schedule.
	ReasonScheduled ReasonKind = "the rule is enforced at certain times only"
	// ReasonLetThrough: this rule comes before one that would isolate, or may, and lets all traffic of the machine through or past it,
	// or may.
	ReasonLetThrough ReasonKind = "a rule before lets everything through"
	// ReasonOneWay: what the rules drop or reject goes to the machine, or comes from it, but not both.
	ReasonOneWay ReasonKind = "the rules are about one direction only"
	// ReasonRuleUnknown: whether this rule reaches the machine is not known.
	ReasonRuleUnknown ReasonKind = "it is not known whether the rule reaches the machine"
	// ReasonExcluded: the machine is on the exclude list of the firewall, by this path.
	ReasonExcluded ReasonKind = "the exclude list has the machine"
	// ReasonExcludedUnknown: it may be on it by this path, or the list cannot be read.
	ReasonExcludedUnknown ReasonKind = "it is not known whether the exclude list has the machine"
	// ReasonNotManaged: NSX manages none of the interfaces of the machine.
	ReasonNotManaged ReasonKind = "NSX manages no interface of the machine"
	// ReasonPartlyManaged: NSX does not manage this interface of the machine, which stays open.
	ReasonPartlyManaged ReasonKind = "NSX does not manage the interface"
	// ReasonInterfacesUnknown: the interfaces cannot be read.
	ReasonInterfacesUnknown ReasonKind = "the interfaces cannot be read"
)

// Reason is why an answer is not Yes.
type Reason struct {
	Kind ReasonKind
	// Subject is the path of the group, the rule or the member of the exclude list, or the id of the interface; empty if there is none.
	Subject string
}

// String is the reason in words.
func (r Reason) String() string {
	if r.Subject == "" {
		return string(r.Kind)
	}
	return string(r.Kind) + ": " + oneLine(r.Subject)
}

// Isolation tells whether a tag isolates machines: whether there are groups that take in whoever has it, for that alone, and enabled
// rules that drop or reject their traffic. It reads the groups, the rules and the exclude list of the space, and changes nothing. What
// depends on the machine is Unknown, except that machines may be excluded, or let through, for reasons that have nothing to do with the
// tag, and may have interfaces that NSX does not manage: what that does to one machine [Space.IsolationOf] tells. The rules of other
// spaces are not looked at.
//
// It needs the right policy_grouping (read), and the one to read the distributed firewall.
//
//api:op GET /policy/api/v1/infra/domains/default/security-policies
func (s *Space) Isolation(ctx context.Context, tag Tag) (Isolation, error) {
	const op = "isolation"
	if err := tag.check(); err != nil {
		return Isolation{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	j := &judge{space: s, op: op, out: Isolation{Tag: tag}}
	if err := j.readGroups(ctx); err != nil {
		return Isolation{}, err
	}
	j.with = evaluator{open: true, tag: tag, has: true, groups: j.groups}
	j.without = evaluator{open: true, tag: tag, groups: j.groups}
	return j.decide(ctx)
}

// IsolationOf tells whether a tag isolates a machine, which may have it already or not: what groups it is in with the tag and would
// not be in without, which enabled rules drop or reject its traffic for that, whether the exclude list has it, and whether NSX manages
// its interfaces. It changes nothing. It returns [ErrNotFound] if there is no such machine. The rules of other spaces are not looked
// at.
//
// It needs the rights to read the inventory and the distributed firewall, and policy_grouping (read).
//
//api:op GET /policy/api/v1/infra/domains/default/security-policies
func (s *Space) IsolationOf(ctx context.Context, vm ExternalID, tag Tag) (Isolation, error) {
	const op = "isolation_of"
	if err := errors.Join(checkID(vm), tag.check()); err != nil {
		return Isolation{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	machine, err := s.at.read(ctx, op, vm)
	if err != nil {
		return Isolation{}, err
	}
	j := &judge{space: s, op: op, out: Isolation{Tag: tag, VM: machine.ExternalID}}
	if err := j.readGroups(ctx); err != nil {
		return Isolation{}, err
	}
	if j.present, err = s.Groups.of(ctx, op, machine.ExternalID); err != nil {
		return Isolation{}, err
	}
	with, without := machine, machine
	with.Tags = TagChange{Add: []Tag{tag}}.apply(machine.Tags)
	without.Tags = TagChange{Remove: []Tag{tag}}.apply(machine.Tags)
	j.with = evaluator{vm: with, groups: j.groups}
	j.without = evaluator{vm: without, groups: j.groups}
	return j.decide(ctx)
}

// read returns a machine of the space in the cheapest way that there is.
func (p place) read(ctx context.Context, op string, id ExternalID) (VirtualMachine, error) {
	if p.project == "" && p.enforcementPoint == "" {
		return p.core.get(ctx, op, id)
	}
	return (&PolicyVMs{at: p}).get(ctx, op, id)
}
