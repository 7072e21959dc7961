package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// validate asks one of the routes that judge expressions.
func (c *core) validate(ctx context.Context, op, route string, e Expr, anchor string) error {
	text, err := e.buildFor(anchor)
	if err != nil {
		return err
	}
	call := c.call(op, http.MethodPost, route)
	call.Body = struct {
		Query string `json:"query"`
	}{text}
	call.Repeatable = true
	var answer struct {
		Valid   *bool  `json:"valid"`
		Message string `json:"invalid_message"`
		Offset  int    `json:"invalid_trigger_offset"`
	}
	switch err := c.do(ctx, call, &answer); {
	case err != nil:
		return err
	case answer.Valid == nil:
		return answerError(op, http.StatusOK, nil, errors.New("it does not say whether the expression is valid"))
	case !*answer.Valid:
		return fmt.Errorf("cbc: %s: %w at character %d: %s", op, ErrQuerySyntax, answer.Offset, printable(answer.Message))
	}
	return nil
}
