package nsx

import (
	"slices"
	"strings"
)

// turns finds out whether a tag may change what expressions say of a machine, though they say the same with it and without it: that
// they are not decided.
type turns struct {
	with, without evaluator
	tag           Tag
	home          string        // where the groups are that are known
	seen          map[Path]bool // the groups that were looked at, once is enough
}

func (t turns) any(list []Expression) bool {
	return slices.ContainsFunc(list, func(x Expression) bool {
		switch x.Type {
		case ConditionExpression:
			return t.condition(x)
		case NestedExpression:
			return t.any(x.Expressions)
		case PathExpression:
			return slices.ContainsFunc(x.Paths, t.path)
		case ConjunctionExpression, ExternalIDExpression, IPAddressExpression, MACAddressExpression, IdentityExpression:
		}
		return false
	})
}

func (t turns) path(p Path) bool {
	g, known := t.with.groups[p]
	if !known {
		return p.foreign(t.home)
	}
	if t.seen[p] {
		return false
	}
	t.seen[p] = true
	return t.any(g.Expression)
}

// foreign tells whether the path is one of a group of another space or domain. What it asks for is not known; it may be the tag.
func (p Path) foreign(home string) bool {
	return strings.Contains(string(p), "/groups/") && !strings.HasPrefix(string(p), home)
}

// groupsPath is how the paths of the groups begin that the space has in its default domain.
func (p place) groupsPath() string {
	const path = "/infra/domains/default/groups/"
	if p.project == "" {
		return path
	}
	return "/orgs/" + defaultOrg + "/projects/" + string(p.project) + path
}

func (t turns) condition(x Expression) bool {
	if !strings.EqualFold(x.MemberType, "VirtualMachine") || !strings.EqualFold(x.Key, "Tag") {
		return false
	}
	with, without := t.with.condition(x), t.without.condition(x)
	if with != without || with != Unknown {
		return with != without
	}
	switch strings.ToUpper(x.Operator) {
	case "", "EQUALS", "CONTAINS", "STARTSWITH", "ENDSWITH":
		return tagCondition([]Tag{t.tag}, x) != No
	case "NOTEQUALS":
		scope, value, bar := strings.Cut(x.Value, "|")
		if t.with.open || !bar || value == "" || strings.Contains(value, "|") || !plainScope(strings.ToUpper(x.ScopeOperator)) {
			return true
		}
		return readNotEquals(t.with.vm.Tags, scope, value) != readNotEquals(t.without.vm.Tags, scope, value)
	}
	return true
}
