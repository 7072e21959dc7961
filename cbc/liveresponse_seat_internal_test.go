package cbc

import (
	"context"
	"errors"
	"testing"
)

// TestAPoolThatGaveUpTakesNoSession has a session come about in the moment in which everybody gives it up: nobody may get it, since
// nothing would keep it alive.
func TestAPoolThatGaveUpTakesNoSession(t *testing.T) {
	t.Parallel()
	for name, closed := range map[string]bool{"by all who waited": false, "by the pool": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			p, st := &SessionPool{closed: closed}, new(seat)
			p.settle(ctx, st, new(Session), nil)
			if !st.ending || st.session != nil || !errors.Is(st.err, context.Canceled) && !closed || errors.Is(st.err, ErrPoolClosed) != closed {
				t.Errorf("seat = %+v, want one that ends, with an error and no session", st)
			}
		})
	}
}
