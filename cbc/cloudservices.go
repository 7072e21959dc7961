package cbc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// DefaultCloudServicesURL is where organizations that VMware Cloud Services manages get their tokens.
const DefaultCloudServicesURL = "https://console.cloud.vmware.com"

// tokenMargin is how long before its end a token is not used any more, so that none ends on its way; but never more than a tenth
// of its life.
const tokenMargin = time.Minute

// OAuthApp signs in to VMware Cloud Services with the id and the secret of an OAuth app, for the organizations that it manages
// (Prod UK, GovCloud). The token that it gives is kept until shortly before its end, and renewed when the vendor turns it away
// (401). Permissions have other names there than in the comments of this package, such as _API.Search:org.Events:read.
func OAuthApp(id, secret string) Credentials {
	var problem error
	if id == "" || secret == "" {
		problem = errors.New("cbc: new: the id or the secret of the OAuth app is empty")
	}
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	return Credentials{cloud: true, problem: problem, fetch: func(ctx context.Context, door *rest.Core) (*rest.Ticket, error) {
		return appToken(ctx, door, login)
	}}
}

// APIToken signs in to VMware Cloud Services with the API token of a user, as [OAuthApp] does with an app.
func APIToken(token string) Credentials {
	var problem error
	if token == "" {
		problem = errors.New("cbc: new: the API token is empty")
	}
	return Credentials{cloud: true, problem: problem, fetch: func(ctx context.Context, door *rest.Core) (*rest.Ticket, error) {
		return userToken(ctx, door, token)
	}}
}

// appToken gets a token for an app.
//
//api:op POST /csp/gateway/am/api/auth/token
func appToken(ctx context.Context, door *rest.Core, login string) (*rest.Ticket, error) {
	return tokenTicket(ctx, door, rest.Call{
		Op: "cloudservices.token", Route: "/csp/gateway/am/api/auth/token",
		Form: url.Values{"grant_type": {"client_credentials"}}, Header: http.Header{"Authorization": {login}},
	})
}

// userToken gets a token for a user.
//
//api:op POST /csp/gateway/am/api/auth/api-tokens/authorize
func userToken(ctx context.Context, door *rest.Core, token string) (*rest.Ticket, error) {
	return tokenTicket(ctx, door, rest.Call{
		Op: "cloudservices.authorize", Route: "/csp/gateway/am/api/auth/api-tokens/authorize", Form: url.Values{"api_token": {token}},
	})
}

func tokenTicket(ctx context.Context, door *rest.Core, call rest.Call) (*rest.Ticket, error) {
	call.Method = http.MethodPost
	call.Repeatable = true // a second token is harmless: the first ends by itself
	var answer struct {
		Token   string         `json:"access_token"`
		Expires jsontext.Value `json:"expires_in"` // some write it as a text
	}
	asked := time.Now()
	if _, err := door.Do(ctx, call, &answer); err != nil {
		return nil, withoutAnswer(err)
	}
	if answer.Token == "" || strings.ContainsFunc(answer.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("cbc: %s: the answer has no token in it", call.Op)
	}
	bearer := "Bearer " + answer.Token
	t := &rest.Ticket{Sign: func(r *http.Request) { r.Header.Set("Authorization", bearer) }}
	if seconds, _ := asNumber(answer.Expires); seconds > 0 {
		life := time.Duration(min(seconds, 365*24*3600) * float64(time.Second))
		t.Ends = asked.Add(life - min(tokenMargin, life/10))
	}
	return t, nil
}

// cloudServices is the way to the host that gives tokens. It counts in no budget of the console.
func cloudServices(console rest.Config, address string) (*rest.Core, error) {
	if address == "" {
		address = DefaultCloudServicesURL
	}
	door, err := rest.New(rest.Config{
		Package: console.Package, BaseURL: address, HTTPClient: console.HTTPClient, UserAgent: console.UserAgent,
		MaxInFlight: 1, Attempts: console.Attempts, Timeout: console.Timeout,
		RateLimited: console.RateLimited, Error: console.Error, Observe: console.Observe, RequestID: console.RequestID, Logger: console.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("%w (Config.CloudServicesURL)", err)
	}
	return door, nil
}
