package nsx

import (
	"slices"
	"strings"
)

// Answer is an answer that may not be known.
type Answer int

// The answers. The zero value is Unknown.
const (
	Unknown Answer = iota
	No
	Yes
)

// String is "yes", "no" or "unknown".
func (a Answer) String() string {
	switch a {
	case Yes:
		return "yes"
	case No:
		return "no"
	case Unknown:
	}
	return "unknown"
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

func (a Answer) not() Answer {
	switch a {
	case Yes:
		return No
	case No:
		return Yes
	case Unknown:
	}
	return Unknown
}

// and is No if either is, and Unknown if that depends on an unknown one.
func (a Answer) and(b Answer) Answer {
	switch {
	case a == No || b == No:
		return No
	case a == Yes && b == Yes:
		return Yes
	}
	return Unknown
}

func (a Answer) or(b Answer) Answer { return a.not().and(b.not()).not() }

// agreed is what all readings of something undocumented say, and Unknown if they differ.
func agreed(first Answer, others ...Answer) Answer {
	for _, a := range others {
		if a != first {
			return Unknown
		}
	}
	return first
}

// Holds tells whether a machine, as it is described, meets the conditions of the group. It asks nobody. What it cannot decide it says
// to be [Unknown]: conditions on what vm does not tell, on addresses, on users, on other objects than machines, operators such as
// MATCHES, and whatever the vendor does not document, where readings differ. In particular:
//
//   - case does not count;
//   - "scope|tag" asks for both, "|tag" for the value in any scope; whether "scope|" asks for any value is not documented;
//   - an operator other than EQUALS is about the value, and the scope operator about the scope;
//   - AND and OR in one expression are decided only where it does not matter which binds closer;
//   - a group in a group is looked up among others, and is Unknown if it is not there.
func (g Group) Holds(vm VirtualMachine, others ...Group) Answer {
	return evaluator{vm: vm, groups: byPath(others)}.group(g)
}

// Meets tells whether a machine that has a tag meets the conditions of the group for that alone, whatever else it is. It is Unknown
// where that depends on the machine, and for what [Group.Holds] cannot decide.
func (g Group) Meets(tag Tag, others ...Group) Answer {
	return evaluator{open: true, tag: tag, has: true, groups: byPath(others)}.group(g)
}

func byPath(groups []Group) map[Path]Group {
	out := make(map[Path]Group, len(groups))
	for _, g := range groups {
		out[g.Path] = g
	}
	return out
}

// maxNesting bounds how deep groups in groups are looked into, and maxVisits how many in all for one answer: groups that all name each
// other would take for ever.
const (
	maxNesting = 5
	maxVisits  = 10_000
)

// evaluator decides expressions for one machine, or for any machine that has, or has not, a tag.
type evaluator struct {
	vm     VirtualMachine
	open   bool // any machine, of which only this is known:
	tag    Tag
	has    bool
	groups map[Path]Group
	inside []Path // the groups that are being decided, so that one in itself ends
	visits *int   // how many groups were looked into
}

func (e evaluator) group(g Group) Answer {
	if e.visits == nil {
		e.visits = new(int)
	}
	*e.visits++
	if *e.visits > maxVisits || len(e.inside) == maxNesting || slices.Contains(e.inside, g.Path) && g.Path != "" {
		return Unknown
	}
	e.inside = append(slices.Clone(e.inside), g.Path)
	return e.all(g.Expression)
}

// all decides a list of expressions with the conjunctions between them.
func (e evaluator) all(list []Expression) Answer {
	if len(list) == 0 {
		return No // nothing chooses anybody
	}
	if len(list)%2 == 0 {
		return Unknown
	}
	parts := []Answer{e.one(list[0])}
	var ands []bool
	for i := 1; i < len(list); i += 2 {
		word := strings.ToUpper(list[i].Conjunction)
		if list[i].Type != ConjunctionExpression || word != "AND" && word != "OR" {
			return Unknown
		}
		ands = append(ands, word == "AND")
		parts = append(parts, e.one(list[i+1]))
	}
	return agreed(inOrder(parts, ands), closer(parts, ands, true), closer(parts, ands, false))
}

// inOrder joins the parts from left to right.
func inOrder(parts []Answer, ands []bool) Answer {
	result := parts[0]
	for i, and := range ands {
		if and {
			result = result.and(parts[i+1])
		} else {
			result = result.or(parts[i+1])
		}
	}
	return result
}

// closer joins the parts with the ANDs first, or with the ORs first.
func closer(parts []Answer, ands []bool, andFirst bool) Answer {
	join := func(a, b Answer, and bool) Answer {
		if and {
			return a.and(b)
		}
		return a.or(b)
	}
	terms := []Answer{parts[0]}
	for i, and := range ands {
		if and == andFirst {
			terms[len(terms)-1] = join(terms[len(terms)-1], parts[i+1], and)
		} else {
			terms = append(terms, parts[i+1])
		}
	}
	result := terms[0]
	for _, t := range terms[1:] {
		result = join(result, t, !andFirst)
	}
	return result
}

func (e evaluator) one(x Expression) Answer {
	switch x.Type {
	case ConditionExpression:
		return e.condition(x)
	case NestedExpression:
		return e.all(x.Expressions)
	case ExternalIDExpression:
		return e.externalIDs(x)
	case PathExpression:
		return e.paths(x.Paths)
	case ConjunctionExpression, IPAddressExpression, MACAddressExpression, IdentityExpression:
	}
	return Unknown
}

func (e evaluator) externalIDs(x Expression) Answer {
	if e.vm.ExternalID == "" || !strings.EqualFold(x.MemberType, "VirtualMachine") {
		return Unknown
	}
	return answer(slices.ContainsFunc(x.ExternalIDs, func(id ExternalID) bool { return folded(id) == folded(e.vm.ExternalID) }))
}

// paths decides a list of other objects. Of groups it knows what they say, of a machine whether it is the one, of segments and ports
// nothing.
func (e evaluator) paths(paths []Path) Answer {
	result := No
	for _, p := range paths {
		result = result.or(e.path(p))
	}
	return result
}

func (e evaluator) path(p Path) Answer {
	if g, ok := e.groups[p]; ok {
		return e.group(g)
	}
	if strings.Contains(string(p), "/virtual-machines/") && e.vm.ExternalID != "" {
		return answer(strings.EqualFold(p.ID(), string(e.vm.ExternalID)))
	}
	return Unknown
}

func (e evaluator) condition(x Expression) Answer {
	if !strings.EqualFold(x.MemberType, "VirtualMachine") {
		return Unknown // a machine can be a member through its port or its segment
	}
	switch strings.ToUpper(x.Key) {
	case "TAG":
		if e.open {
			return e.openTagCondition(x)
		}
		return tagCondition(e.vm.Tags, x)
	case "NAME":
		return textCondition(e.vm.DisplayName, x)
	case "COMPUTERNAME":
		return textCondition(e.vm.ComputerName, x)
	case "OSNAME":
		return textCondition(e.vm.OSName, x)
	}
	return Unknown
}

// textCondition compares a text that a machine has. It may have one that is not told.
func textCondition(text string, x Expression) Answer {
	if text == "" {
		return Unknown
	}
	return compare(text, strings.ToUpper(x.Operator), x.Value)
}

// compare applies an operator. Case does not count.
func compare(text, operator, value string) Answer {
	text, value = strings.ToLower(text), strings.ToLower(value)
	switch operator {
	case "EQUALS", "":
		return answer(text == value)
	case "NOTEQUALS":
		return answer(text != value)
	case "CONTAINS":
		return answer(strings.Contains(text, value))
	case "STARTSWITH":
		return answer(strings.HasPrefix(text, value))
	case "ENDSWITH":
		return answer(strings.HasSuffix(text, value))
	}
	return Unknown
}

// tagCondition decides a condition on tags.
func tagCondition(tags []Tag, x Expression) Answer {
	operator := strings.ToUpper(x.Operator)
	scope, value, bar := strings.Cut(x.Value, "|")
	if !bar || strings.Contains(value, "|") || !comparing(operator) {
		return unclear(tags, operator, x.Value)
	}
	scopeOperator := strings.ToUpper(x.ScopeOperator)
	if operator == "NOTEQUALS" {
		return notEquals(tags, scope, value, scopeOperator)
	}
	result := No
	for _, t := range tags {
		result = result.or(inScope(t, scope, scopeOperator).and(hasValue(t, value, scope, operator)))
	}
	return result
}

// comparing tells the operators that are about one scope and one value. How the others write those is not documented.
func comparing(operator string) bool {
	return slices.Contains([]string{"", "EQUALS", "NOTEQUALS", "CONTAINS", "STARTSWITH", "ENDSWITH"}, operator)
}

// openTagCondition decides a condition on tags for a machine of which one tag is known. The others may meet the condition as well, or
// be what it excludes.
func (e evaluator) openTagCondition(x Expression) Answer {
	switch strings.ToUpper(x.Operator) {
	case "NOTEQUALS", "NOTIN":
		return Unknown
	}
	if tagCondition([]Tag{e.tag}, x) == Yes {
		return answer(e.has)
	}
	return Unknown
}

// unclear decides a value of which it is not known that it has the documented form, "scope|tag". It can be met by a tag that says the
// same in whatever reading; it is not known to be.
func unclear(tags []Tag, operator, value string) Answer {
	if operator != "EQUALS" && operator != "" {
		if len(tags) == 0 && slices.Contains([]string{"CONTAINS", "STARTSWITH", "ENDSWITH", "IN", "MATCHES"}, operator) {
			return No // it takes a tag to meet it
		}
		return Unknown
	}
	for _, t := range tags {
		if strings.EqualFold(t.Tag, value) || strings.EqualFold(t.Scope, value) || strings.EqualFold(t.Scope+"|"+t.Tag, value) {
			return Unknown
		}
	}
	return No
}

func inScope(t Tag, scope, operator string) Answer {
	switch {
	case plainScope(operator):
		return answer(scope == "" || strings.EqualFold(scope, t.Scope)) // "|tag" ignores the scope
	case operator == "NOTEQUALS" && scope != "":
		return answer(!strings.EqualFold(scope, t.Scope))
	}
	return Unknown
}

func hasValue(t Tag, value, scope, operator string) Answer {
	if value == "" {
		// Any value of the scope, or none: that is not documented. Nor is what "|" is.
		if scope != "" && t.Tag == "" {
			return Yes
		}
		return Unknown
	}
	return compare(t.Tag, operator, value)
}

// notEquals decides "not this tag".
func notEquals(tags []Tag, scope, value, scopeOperator string) Answer {
	if !plainScope(scopeOperator) || value == "" {
		return Unknown
	}
	r := readNotEquals(tags, scope, value)
	return agreed(answer(r.none), answer(r.other), answer(r.otherInScope))
}

func plainScope(operator string) bool { return operator == "" || operator == "EQUALS" }

// notEqualsReadings are what "not this tag" may mean: that no tag is this one, or that some tag is another, in any scope or in the
// same. Only what all of them say is known.
type notEqualsReadings struct{ none, other, otherInScope bool }

func readNotEquals(tags []Tag, scope, value string) notEqualsReadings {
	r := notEqualsReadings{none: true}
	for _, t := range tags {
		in := scope == "" || strings.EqualFold(scope, t.Scope)
		same := in && strings.EqualFold(value, t.Tag)
		r.none = r.none && !same
		r.other = r.other || !same
		r.otherInScope = r.otherInScope || in && !same
	}
	return r
}
