package nsx

import (
	"context"
	"fmt"
	"net/http"

	"github.com/pphunt/pphunt/internal/rest"
)

// tokens signs with what its source has at the moment.
type tokens func(context.Context) (string, error)

func (t tokens) authorize(ctx context.Context, r *http.Request) error {
	token, err := t(ctx)
	if err == nil {
		err = checkToken(token)
	}
	if err != nil {
		return fmt.Errorf("the token: %w", inner{err})
	}
	if slip, ok := ctx.Value(slipKey{}).(*slip); ok {
		slip.token = token
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// rejected tells whether there is another token than the one that was refused.
func (t tokens) rejected(ctx context.Context, a rest.Answer) bool {
	slip, ok := ctx.Value(slipKey{}).(*slip)
	if !ok || !loginNeeded(a.Status, codeOf(a.Body)) {
		return false
	}
	token, err := t(ctx)
	return err == nil && token != slip.token
}
