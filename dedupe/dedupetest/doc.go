// Package dedupetest checks that a [dedupe.Store] keeps the rules in its comment. A back end calls it from one test:
//
//	func TestStore(t *testing.T) {
//		dedupetest.TestStore(t, func(t *testing.T) dedupe.Store { return open(t) })
//	}
//
// Each check has a store of its own, so none sees another's leftovers, and an error that says which rule is broken and how.
package dedupetest
