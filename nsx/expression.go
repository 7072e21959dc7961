package nsx

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ExpressionType is the kind of an [Expression]. Unknown kinds are kept as they come.
type ExpressionType string

// The kinds of expressions.
const (
	ConditionExpression   ExpressionType = "Condition"
	ConjunctionExpression ExpressionType = "ConjunctionOperator"
	NestedExpression      ExpressionType = "NestedExpression"
	ExternalIDExpression  ExpressionType = "ExternalIDExpression"
	PathExpression        ExpressionType = "PathExpression"
	IPAddressExpression   ExpressionType = "IPAddressExpression"
	MACAddressExpression  ExpressionType = "MACAddressExpression"
	IdentityExpression    ExpressionType = "IdentityGroupExpression"
)

// Expression is a part of what chooses the members of a group. Parts that choose stand at even places, conjunctions between them.
// Which fields are set depends on the type.
type Expression struct {
	Type ExpressionType
	// MemberType is what a condition or a list of ids is about, such as "VirtualMachine" or "Segment".
	MemberType string
	// Key, Operator and Value are those of a condition, such as "Tag", "EQUALS" and "quarantine|malicious-file". ScopeOperator is
	// for the scope in the value of a condition on tags; empty means "EQUALS".
	Key           string
	Operator      string
	ScopeOperator string
	Value         string
	// Conjunction is "AND" or "OR".
	Conjunction string
	// Expressions are those of a nested expression.
	Expressions []Expression
	// ExternalIDs, Paths, IPAddresses and MACAddresses are the lists of the expressions of these names.
	ExternalIDs  []ExternalID
	Paths        []Path
	IPAddresses  []string
	MACAddresses []string
	// Raw is the JSON of an expression of another kind, for those who know more of it than this package.
	Raw []byte
}

// wireExpression is the vendor's form.
type wireExpression struct {
	Type          ExpressionType `json:"resource_type"`
	MemberType    string         `json:"member_type"`
	Key           string         `json:"key"`
	Operator      string         `json:"operator"`
	ScopeOperator string         `json:"scope_operator"`
	Value         string         `json:"value"`
	Conjunction   string         `json:"conjunction_operator"`
	Expressions   []Expression   `json:"expressions"`
	ExternalIDs   []ExternalID   `json:"external_ids"`
	Paths         []Path         `json:"paths"`
	IPAddresses   []string       `json:"ip_addresses"`
	MACAddresses  []string       `json:"mac_addresses"`
}

// known tells the kinds whose members are all in the form above.
func (t ExpressionType) known() bool {
	switch t {
	case ConditionExpression, ConjunctionExpression, NestedExpression, ExternalIDExpression, PathExpression, IPAddressExpression, MACAddressExpression:
		return true
	case IdentityExpression:
		return false
	}
	return false
}

// UnmarshalJSON reads the vendor's form.
func (e *Expression) UnmarshalJSON(raw []byte) error {
	var kind struct {
		Type ExpressionType `json:"resource_type"`
	}
	if err := json.Unmarshal(raw, &kind, jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	if !kind.Type.known() {
		// Members that bear a known name may be of another form here.
		*e = Expression{Type: kind.Type, Raw: bytes.Clone(raw)}
		return nil
	}
	var w wireExpression
	if err := json.Unmarshal(raw, &w, jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	*e = Expression{
		Type: w.Type, MemberType: w.MemberType, Key: w.Key, Operator: w.Operator, ScopeOperator: w.ScopeOperator, Value: w.Value,
		Conjunction: w.Conjunction, Expressions: w.Expressions, ExternalIDs: w.ExternalIDs, Paths: w.Paths,
		IPAddresses: w.IPAddresses, MACAddresses: w.MACAddresses,
	}
	return nil
}

// UnmarshalJSON reads the vendor's form.
func (g *Group) UnmarshalJSON(raw []byte) error {
	var w struct {
		ID          GroupID      `json:"id"`
		Path        Path         `json:"path"`
		DisplayName string       `json:"display_name"`
		Description string       `json:"description"`
		Expression  []Expression `json:"expression"`
		Tags        []Tag        `json:"tags"`
		Revision    int          `json:"_revision"`
	}
	if err := json.Unmarshal(raw, &w, jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	*g = Group(w)
	return nil
}
