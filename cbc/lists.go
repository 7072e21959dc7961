package cbc

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// decodeValue reads a part of an answer.
func decodeValue(op string, raw jsontext.Value, out any) error {
	if err := json.Unmarshal(raw, out, forgiving()); err != nil {
		return answerError(op, http.StatusOK, raw, err)
	}
	return nil
}

// list reads an answer that is a list or has one as its results.
func list[T any](ctx context.Context, c *core, call rest.Call) ([]T, error) {
	var raw jsontext.Value
	if err := c.do(ctx, call, &raw); err != nil {
		return nil, err
	}
	return decodeList[T](call.Op, raw)
}

func decodeList[T any](op string, raw jsontext.Value) ([]T, error) {
	if raw.Kind() == '{' {
		var wrapped struct {
			Results jsontext.Value `json:"results"`
		}
		if err := decodeValue(op, raw, &wrapped); err != nil {
			return nil, err
		}
		if wrapped.Results.Kind() == 'n' {
			return nil, nil
		}
		raw = wrapped.Results
	}
	var all []T
	switch raw.Kind() {
	case '[':
		if err := decodeValue(op, raw, &all); err != nil {
			return nil, err
		}
	default:
		return nil, answerError(op, http.StatusOK, raw, errors.New("no list"))
	}
	return all, nil
}
