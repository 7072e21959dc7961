package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of feeds. Beyond MaxReports the console's search breaks; more indicators than MaxIOCs are refused.
const (
	MaxReports = 10_000
	MaxIOCs    = 10_000
)

// FeedID identifies a feed. It is opaque, and its case counts.
type FeedID string

// Feeds keeps threat intelligence: feeds of reports of indicators. A feed does nothing by itself: no hit and no alert comes of it
// until a watchlist subscribes to it, see [Watchlists.Subscribe]. Indicators are compared with what happens from then on, never
// with the past. Feeds need the product Enterprise EDR.
type Feeds struct{ c *core }

// Feed describes a feed, without its reports.
type Feed struct {
	// ID is given by the vendor.
	ID FeedID
	// Name is what the console shows. Several feeds can have the same. Required.
	Name string
	// ProviderURL says where the intelligence comes from. Required.
	ProviderURL string
	// Summary is free text. Required.
	Summary string
	// Category is free text, such as "Partner". Required.
	Category string
	// SourceLabel is free text.
	SourceLabel string
	// Muted turns alerts off: matches are tagged and never alert, whatever a watchlist says.
	Muted bool
	// Owner is the organization's key, set by the vendor.
	Owner string
	// Access is private, public or reserved. Defaults to private.
	Access string
}

// wireFeed is a feed on the wire.
type wireFeed struct {
	ID          string         `json:"id,omitzero"`
	Name        string         `json:"name"`
	ProviderURL string         `json:"provider_url"`
	Summary     string         `json:"summary"`
	Category    string         `json:"category"`
	SourceLabel string         `json:"source_label,omitzero"`
	Access      string         `json:"access,omitzero"`
	Owner       string         `json:"owner,omitzero"`
	Alertable   jsontext.Value `json:"alertable,omitzero"`
}

func (w wireFeed) feed(op string) (Feed, error) {
	if w.ID == "" {
		return Feed{}, answerError(op, http.StatusOK, nil, errors.New("a feed without an id"))
	}
	alertable, known := asBool(w.Alertable) // absent in feeds that are older than the switch
	return Feed{
		ID: FeedID(w.ID), Name: w.Name, ProviderURL: w.ProviderURL, Summary: w.Summary, Category: w.Category,
		SourceLabel: w.SourceLabel, Access: w.Access, Owner: w.Owner, Muted: known && !alertable,
	}, nil
}

// List returns the feeds of the organization. It needs org.feeds (READ).
//
//api:op GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds
func (f *Feeds) List(ctx context.Context) ([]Feed, error) { return f.list(ctx, nil) }

// ListAll returns the feeds of the organization and the public ones. It needs org.feeds (READ).
//
//api:op GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds
func (f *Feeds) ListAll(ctx context.Context) ([]Feed, error) {
	return f.list(ctx, url.Values{"include_public": {"true"}})
}

func (f *Feeds) list(ctx context.Context, query url.Values) ([]Feed, error) {
	call := f.c.call("feeds.list", http.MethodGet, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds")
	call.Query, call.Repeatable = query, true
	wire, err := list[wireFeed](ctx, f.c, call)
	if err != nil {
		return nil, err
	}
	feeds := make([]Feed, len(wire))
	for i, w := range wire {
		if feeds[i], err = w.feed(call.Op); err != nil {
			return nil, err
		}
	}
	return feeds, nil
}

// ByName finds the feed of the organization with exactly this name; case and spaces count. A name that no feed has is
// [ErrNotFound], one that several have an [*AmbiguousError]: names are not unique, and two programs that start at once make two
// feeds. It needs org.feeds (READ).
func (f *Feeds) ByName(ctx context.Context, name string) (Feed, error) {
	feeds, err := f.List(ctx)
	if err != nil {
		return Feed{}, err
	}
	return single("feeds.by_name", "feed", name, feeds,
		func(f Feed) string { return f.Name }, func(f Feed) string { return string(f.ID) })
}

// single finds the one object that has the name.
func single[T any](op, what, name string, all []T, nameOf, idOf func(T) string) (T, error) {
	var none T
	found := slices.DeleteFunc(slices.Clone(all), func(t T) bool { return nameOf(t) != name })
	switch len(found) {
	case 0:
		return none, notFound(op, what, name)
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, t := range found {
		ids[i] = idOf(t)
	}
	slices.Sort(ids)
	return none, &AmbiguousError{Op: op, Name: name, Candidates: ids}
}

// Get reads the description of a feed, [ErrNotFound] if there is none. It needs org.feeds (READ).
//
//api:op GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/feedinfo
func (f *Feeds) Get(ctx context.Context, id FeedID) (Feed, error) {
	call := f.c.call("feeds.get", http.MethodGet, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/feedinfo", string(id))
	call.Repeatable = true
	var w wireFeed
	if err := f.c.do(ctx, call, &w); err != nil {
		return Feed{}, unknownID(err)
	}
	return w.feed(call.Op)
}

// Create makes a feed, which may have reports at once, at most MaxReports. Look for the name first: the vendor makes another feed
// of the same name without a word. For that reason Create is not repeated after a gateway or connection error, after which the
// feed may exist or not. It needs org.feeds (CREATE).
//
//api:op POST /threathunter/feedmgr/v2/orgs/{org_key}/feeds
func (f *Feeds) Create(ctx context.Context, feed Feed, reports ...Report) (Feed, error) {
	const op = "feeds.create"
	bodies, err := f.reportBodies(reports)
	if err := errors.Join(feed.check(), err); err != nil {
		return Feed{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	call := f.c.call(op, http.MethodPost, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds")
	call.Body = struct {
		Feed    wireFeed     `json:"feedinfo"`
		Reports []reportBody `json:"reports"`
	}{feed.body(), bodies}
	var w wireFeed
	if err := f.c.do(ctx, call, &w); err != nil {
		return Feed{}, err
	}
	return w.feed(op)
}

// check finds what the vendor would refuse.
func (feed Feed) check() error {
	var problems []error
	for _, required := range []struct{ name, value string }{
		{"Name", feed.Name}, {"ProviderURL", feed.ProviderURL}, {"Summary", feed.Summary}, {"Category", feed.Category},
	} {
		if strings.TrimSpace(required.value) == "" {
			problems = append(problems, fmt.Errorf("the feed's %s is empty", required.name))
		}
	}
	if feed.ID != "" {
		problems = append(problems, errors.New("the feed has an id already"))
	}
	return errors.Join(problems...)
}

// body is the feed as it is created. What the vendor sets is left out.
func (feed Feed) body() wireFeed {
	w := wireFeed{
		Name: feed.Name, ProviderURL: feed.ProviderURL, Summary: feed.Summary, Category: feed.Category,
		SourceLabel: feed.SourceLabel, Access: feed.Access, Alertable: jsontext.Value("true"),
	}
	if feed.Muted {
		w.Alertable = jsontext.Value("false")
	}
	return w
}

// unknownID takes a 400 for an id that nothing has, where the id is the only thing that the vendor could object to: older services
// answer so.
func unknownID(err error) error {
	e, ok := errors.AsType[*APIError](err)
	if !ok || e.StatusCode != http.StatusBadRequest || e.err != nil {
		return err
	}
	known := *e
	known.err = ErrNotFound
	return &known
}
