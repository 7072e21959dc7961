package proofpoint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// day is a window in which campaigns can be asked for.
var day = proofpoint.Window{Start: now.Add(-25 * time.Hour), End: now.Add(-time.Hour)}

func TestCampaignIsDecoded(t *testing.T) {
	t.Parallel()
	raw := string(sample(t, "campaign.json"))
	want := proofpoint.Campaign{
		ID: "a91d3c52-7b0e-4c1f-8d46-2e5f7a9b0c13", Name: `Loader "spring" | Pumps | 5 March 2026`,
		Description: "Offers with disk images.\r\n\r\n- Angebot", StartDate: time.Date(2026, 3, 4, 22, 0, 0, 0, time.UTC),
		Notable: true, VerticallyTargeted: true,
		Actors:     []proofpoint.NamedSubject{{ID: "5e2c7d80-1f3b-4a69-9c8d-7b6a5f4e3d2c", Name: "TA-EXAMPLE"}},
		Families:   []proofpoint.NamedSubject{{ID: "f-1", Name: "Loader"}},
		Malware:    []proofpoint.NamedSubject{{ID: "m-1", Name: "ExampleLoader"}},
		Techniques: []proofpoint.NamedSubject{{ID: "t-1", Name: "Disk Image"}},
		Members: []proofpoint.CampaignMember{
			{ID: offer, Artifact: offer, Type: "attachment", SubType: "ATTACHMENT", Time: time.Date(2026, 3, 5, 8, 31, 0, 0, time.UTC), Status: "active"},
			{ID: link, Artifact: "203.0.113.7", SubType: "HOSTNAME", Status: "falsePositive"},
		},
		Raw: []byte(strings.TrimSpace(raw)),
	}
	var path string
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		path = r.URL.EscapedPath()
		return response(r, http.StatusOK, strings.NewReader(raw)), nil
	}))
	got, err := client.Campaigns.Get(t.Context(), "a/b")
	if err != nil {
		t.Fatalf("Get() = %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Get() mismatch (-want +got):\n%s", diff)
	}
	if path != "/v2/campaign/a%2Fb" {
		t.Errorf("asked for %s", path)
	}
	if hash, ok := got.Members[0].Hash(); !ok || fmt.Sprintf("%x", hash) != offer {
		t.Errorf("Hash() = %x, %t", hash, ok)
	}
	if _, ok := got.Members[1].Hash(); ok {
		t.Error("an address has a hash")
	}
}

func TestCampaignsThatAreOdd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		want   proofpoint.Campaign
		err    string // part of the error; empty: there is none
		is     error
	}{
		{"nothing but an id", 200, `{"id":"c","campaignMembers":null,"actors":null}`, proofpoint.Campaign{ID: "c"}, "", nil},
		{"odd flags", 200, `{"notable":1,"verticallyTargeted":"true","startDate":""}`, proofpoint.Campaign{Notable: true, VerticallyTargeted: true}, "", nil},
		{
			"a member that cannot be read", 200, `{"id":"c","campaignMembers":[{"id":"a"},7,{"threatTime":"soon"},{"id":"b"}]}`,
			proofpoint.Campaign{ID: "c", Members: []proofpoint.CampaignMember{{ID: "a"}, {ID: "b"}}},
			"2 records could not be read, the first because of a number", nil,
		},
		{"members that are no list", 200, `{"campaignMembers":{}}`, proofpoint.Campaign{}, "an object where a list belongs", nil},
		{"a time that is none", 200, `{"startDate":"soon"}`, proofpoint.Campaign{}, "a text where a time belongs", nil},
		{"an unknown id", 404, "", proofpoint.Campaign{}, "404", proofpoint.ErrNotFound},
		{"a success without an answer", 204, "", proofpoint.Campaign{}, "incomplete", io.ErrUnexpectedEOF},
		{"a page", 200, "<html>", proofpoint.Campaign{}, "200 OK", nil},
	}
	for _, tt := range tests {
		got, err := newClient(t, saying(tt.status, tt.body)).Campaigns.Get(t.Context(), "c")
		if (err != nil) != (tt.err != "") || err != nil && (!strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "proofpoint: campaigns.get: ")) {
			t.Errorf("%s: Get() = %v, want an error with %q", tt.name, err, tt.err)
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: Get() = %v, want %v", tt.name, err, tt.is)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(proofpoint.Campaign{}, "Raw")); diff != "" {
			t.Errorf("%s: Get() mismatch (-want +got):\n%s", tt.name, diff)
		}
	}
}

// turning answers the n-th request with the n-th body, and further ones with the last; a body of digits is a status.
func turning(asked *[]string, bodies ...string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		*asked = append(*asked, r.URL.Query().Get("page"))
		body := bodies[min(len(*asked), len(bodies))-1]
		if body == "404" {
			return response(r, http.StatusNotFound, strings.NewReader("")), nil
		}
		return response(r, http.StatusOK, strings.NewReader(body)), nil
	}
}

func TestPagesOfCampaignIDs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		bodies []string
		want   string
		asked  string
		err    string
	}{
		{"none in the interval", []string{"404"}, "", "1", ""},
		{"an empty page", []string{`{"campaigns":[]}`}, "", "1", ""},
		{"a page that is not full", []string{`{"campaigns":[{"id":"a"}]}`}, "a", "1", ""},
		{"two pages", []string{`{"campaigns":[{"id":"a"},{"id":"b"}]}`, `{"campaigns":[{"id":"c"}]}`}, "abc", "12", ""},
		{"a full last page", []string{`{"campaigns":[{"id":"a"},{"id":"b"}]}`, "404"}, "ab", "12", ""},
		{"a list that moves", []string{`{"campaigns":[{"id":"a"},{"id":"b"}]}`, `{"campaigns":[{"id":"b"},{"id":"c"}]}`, `{"campaigns":[]}`}, "abc", "123", ""},
		{"the same page again", []string{`{"campaigns":[{"id":"a"},{"id":"b"}]}`}, "ab", "12", "incomplete after 4 records: the same page came twice"},
		{
			"rows that cannot be read count",
			[]string{`{"campaigns":[{"id":"a"},{"lastUpdatedAt":"2026-03-01T17:22:05.000Z"}]}`, `{"campaigns":[7]}`},
			"a", "12", "2 records could not be read, the first because of no id",
		},
		{"the same unreadable page again", []string{`{"campaigns":[7,8]}`}, "", "12", "the same page came twice"},
		{"an answer without a list", []string{`{}`}, "", "1", "it has no list campaigns"},
		{"null is no list", []string{`{"campaigns":null}`}, "", "1", "null where a list belongs"},
		{"a page that fails", []string{`{"campaigns":[{"id":"a"},7]}`, `{"campaigns":`}, "a", "12", "1 record could not be read"},
	}
	for _, tt := range tests {
		var asked []string
		client := newClient(t, turning(&asked, tt.bodies...))
		refs, err := collect(t, client.Campaigns.IDs(t.Context(), proofpoint.CampaignQuery{Window: day, PageSize: 2}))
		var got strings.Builder
		for _, r := range refs {
			got.WriteString(string(r.ID))
		}
		if got.String() != tt.want || strings.Join(asked, "") != tt.asked {
			t.Errorf("%s: IDs() = %q after pages %v, want %q after %s", tt.name, got.String(), asked, tt.want, tt.asked)
		}
		if (err != nil) != (tt.err != "") || err != nil && (!strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "proofpoint: campaigns.ids: ")) {
			t.Errorf("%s: IDs() = %v, want an error with %q", tt.name, err, tt.err)
		}
	}
}

func TestAPageOfSomethingElseIsNotNoCampaign(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusNotFound, "<html><body>no such page</body></html>"))
	if _, err := collect(t, client.Campaigns.IDs(t.Context(), proofpoint.CampaignQuery{Window: day})); !errors.Is(err, proofpoint.ErrNotFound) {
		t.Errorf("IDs() = %v, want %v", err, proofpoint.ErrNotFound)
	}
}

func TestCampaignQueriesThatBreakTheRulesAreNotSent(t *testing.T) {
	t.Parallel()
	span := func(d time.Duration) proofpoint.Window {
		return proofpoint.Window{Start: now.Add(-90 * 24 * time.Hour), End: now.Add(-90*24*time.Hour + d)}
	}
	tests := []struct {
		name  string
		query proofpoint.CampaignQuery
		want  error
		text  string // part of the error; empty: the query is sent
	}{
		{"30 seconds, months ago", proofpoint.CampaignQuery{Window: span(30 * time.Second)}, nil, ""},
		{"29 seconds", proofpoint.CampaignQuery{Window: span(29 * time.Second)}, proofpoint.ErrTooShort, "it has 29s"},
		{"a day", proofpoint.CampaignQuery{Window: span(24 * time.Hour)}, nil, ""},
		{"a day and a second", proofpoint.CampaignQuery{Window: span(24*time.Hour + time.Second)}, proofpoint.ErrTooLong, "the window is longer than 24 hours: it has 24h0m1s"},
		{"backwards", proofpoint.CampaignQuery{Window: span(-time.Hour)}, nil, "ends 1h0m0s before it begins"},
		{"no window", proofpoint.CampaignQuery{}, nil, "needs a start and an end"},
		{"a large page", proofpoint.CampaignQuery{Window: day, PageSize: 200}, nil, ""},
		{"a page that is too large", proofpoint.CampaignQuery{Window: day, PageSize: 201}, nil, "from 1 to 200 ids, not 201"},
		{"a negative page", proofpoint.CampaignQuery{Window: day, PageSize: -1}, nil, "not -1"},
	}
	for _, tt := range tests {
		sent := false
		client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			sent = true
			return response(r, http.StatusNotFound, strings.NewReader("")), nil
		}))
		_, err := collect(t, client.Campaigns.IDs(t.Context(), tt.query))
		if sent != (tt.text == "") || (err == nil) != sent || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: sent: %t, error: %v, want one with %q", tt.name, sent, err, tt.text)
		}
		if tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: IDs() = %v, want %v", tt.name, err, tt.want)
		}
	}
}

// campaignWorld has five campaigns of the day before now.
func campaignWorld() proofpointtest.World {
	w := proofpointtest.World{Now: func() time.Time { return now }}
	for i := range 5 {
		w.Campaigns = append(w.Campaigns, proofpointtest.Campaign{
			ID: fmt.Sprint("campaign-", i), Name: fmt.Sprint("Campaign ", i), Start: now.Add(-20 * time.Hour),
			Updated: now.Add(time.Duration(i-10) * time.Hour), Families: []proofpointtest.Named{{ID: "f-1", Name: "Loader"}},
			Members: []proofpointtest.Member{{Threat: offer, Time: now.Add(-19 * time.Hour)}},
		})
	}
	return w
}

func TestCampaignsOnTheFake(t *testing.T) {
	t.Parallel()
	for _, notFound := range []bool{false, true} {
		w := campaignWorld()
		w.Switches.PastEndNotFound, w.Switches.OmitEmptyLists = notFound, notFound
		client := connect(t, proofpointtest.New(w), w.Now)
		for _, size := range []int{0, 1, 2, 5} {
			refs, err := collect(t, client.Campaigns.IDs(t.Context(), proofpoint.CampaignQuery{Window: day, PageSize: size}))
			if err != nil {
				t.Fatalf("IDs() = %v", err)
			}
			var ids []proofpoint.CampaignID
			for _, r := range refs {
				if r.LastUpdatedAt.IsZero() {
					t.Errorf("IDs() lost the time of %s", r.ID)
				}
				ids = append(ids, r.ID)
			}
			slices.Sort(ids)
			if diff := cmp.Diff([]proofpoint.CampaignID{"campaign-0", "campaign-1", "campaign-2", "campaign-3", "campaign-4"}, ids); diff != "" {
				t.Errorf("IDs() in pages of %d mismatch (-want +got):\n%s", size, diff)
			}
		}
		before := proofpoint.Window{Start: now.Add(-100 * time.Hour), End: now.Add(-90 * time.Hour)}
		if refs, err := collect(t, client.Campaigns.IDs(t.Context(), proofpoint.CampaignQuery{Window: before})); len(refs) > 0 || err != nil {
			t.Errorf("IDs() = %v, %v where there is none", refs, err)
		}
		got, err := client.Campaigns.Get(t.Context(), "campaign-3")
		if err != nil {
			t.Fatalf("Get() = %v", err)
		}
		want := proofpoint.Campaign{
			ID: "campaign-3", Name: "Campaign 3", StartDate: now.Add(-20 * time.Hour), Families: []proofpoint.NamedSubject{{ID: "f-1", Name: "Loader"}},
			Members: []proofpoint.CampaignMember{{ID: offer, Artifact: offer, Type: "attachment", SubType: "ATTACHMENT", Time: now.Add(-19 * time.Hour), Status: "active"}},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proofpoint.Campaign{}, "Raw"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Get() mismatch (-want +got):\n%s", diff)
		}
		if _, err := client.Campaigns.Get(t.Context(), "campaign-9"); !errors.Is(err, proofpoint.ErrNotFound) {
			t.Errorf("Get() = %v, want %v", err, proofpoint.ErrNotFound)
		}
	}
}

func TestStoppingEndsThePages(t *testing.T) {
	t.Parallel()
	w := campaignWorld()
	srv := proofpointtest.New(w)
	for range connect(t, srv, w.Now).Campaigns.IDs(context.Background(), proofpoint.CampaignQuery{Window: day, PageSize: 1}) {
		break
	}
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d requests for one campaign", n)
	}
}
