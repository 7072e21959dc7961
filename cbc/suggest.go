package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Suggestion is a way to go on with what was typed.
type Suggestion struct {
	// Term is a field, or a value if the prefix was of the form field:v.
	Term string `json:"term"`
	// Weight orders suggestions: the larger, the likelier.
	Weight int64 `json:"weight"`
	// RequiredAll and RequiredSome are the products of which the organization needs all, or one, for the field to have values.
	RequiredAll  []string `json:"required_skus_all,omitzero"`
	RequiredSome []string `json:"required_skus_some,omitzero"`
}

// suggest asks one of the routes that suggest.
func (c *core) suggest(ctx context.Context, op, route, prefix string, count int) ([]Suggestion, error) {
	switch {
	case strings.TrimSpace(prefix) == "":
		return nil, fmt.Errorf("cbc: %s: the prefix is empty", op)
	case count < 0:
		return nil, fmt.Errorf("cbc: %s: the count is %d: want one or more", op, count)
	}
	call := c.call(op, http.MethodGet, route)
	call.Query = url.Values{"suggest.q": {prefix}}
	if count > 0 {
		call.Query.Set("suggest.count", strconv.Itoa(count))
	}
	call.Repeatable = true
	var answer struct {
		Suggestions *[]Suggestion `json:"suggestions"`
	}
	if err := c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Suggestions == nil {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no suggestions"))
	}
	return *answer.Suggestions, nil
}

// Suggest tells how to go on with a prefix of an expression: with the names of fields, or with values after "field:" and at least
// one character. Count is how many to tell; zero leaves it to the vendor, who tells 50. It needs org.search.events (READ).
//
//api:op GET /api/investigate/v2/orgs/{org_key}/processes/search_suggestions
func (p *Processes) Suggest(ctx context.Context, prefix string, count int) ([]Suggestion, error) {
	return p.c.suggest(ctx, "processes.suggest", "/api/investigate/v2/orgs/{org_key}/processes/search_suggestions", prefix, count)
}

// TimeBounds is the span of time that the vendor holds records of.
type TimeBounds struct{ Oldest, Newest time.Time }

// Limits tells the span of time that can be searched. It needs org.search.events (READ).
//
//api:op GET /api/investigate/v1/orgs/{org_key}/processes/limits
func (p *Processes) Limits(ctx context.Context) (TimeBounds, error) {
	call := p.c.call("processes.limits", http.MethodGet, "/api/investigate/v1/orgs/{org_key}/processes/limits")
	call.Repeatable = true
	var answer struct {
		Bounds struct {
			Lower time.Time `json:"lower"`
			Upper time.Time `json:"upper"`
		} `json:"time_bounds"`
	}
	if err := p.c.do(ctx, call, &answer); err != nil {
		return TimeBounds{}, err
	}
	bounds := TimeBounds{Oldest: answer.Bounds.Lower, Newest: answer.Bounds.Upper}
	if bounds.Oldest.IsZero() || bounds.Newest.Before(bounds.Oldest) {
		return TimeBounds{}, answerError(call.Op, http.StatusOK, nil, errors.New("no time_bounds"))
	}
	return bounds, nil
}
