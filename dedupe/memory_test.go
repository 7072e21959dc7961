package dedupe_test

import (
	"testing"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/dedupetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	dedupetest.TestStore(t, func(*testing.T) dedupe.Store { return new(dedupe.Memory) })
}
