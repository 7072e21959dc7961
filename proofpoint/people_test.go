package proofpoint_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestVeryAttackedPeopleAreDecoded(t *testing.T) {
	t.Parallel()
	var query url.Values
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		query = r.URL.Query()
		return response(r, http.StatusOK, strings.NewReader(string(sample(t, "people_vap.json")))), nil
	}))
	var totals []proofpoint.PeopleTotals
	got, err := collect(t, client.People.VeryAttacked(t.Context(), proofpoint.PeopleQuery{
		Window: proofpoint.Last14Days, OnTotals: func(p proofpoint.PeopleTotals) { totals = append(totals, p) },
	}))
	if err != nil {
		t.Fatalf("VeryAttacked() = %v", err)
	}
	want := []proofpoint.AttackedPerson{
		{
			Person: proofpoint.Person{
				GUID: "4f21c9ab02-7c3d-11e9-55aa-0242ac130003", CustomerUserID: "u-7", Emails: []string{"mia@lab.example", "m@lab.example"},
				Name: "Mia Example", Department: "Pumps", Location: "Ghent", Title: "Buyer", VIP: true,
			},
			AttackIndex: 1312, Families: []proofpoint.FamilyScore{{Name: "credential phishing", Score: 700}, {Name: "malware", Score: 612}},
		},
		{Person: proofpoint.Person{GUID: "second", Emails: []string{"tom@lab.example"}}, AttackIndex: 990},
		{},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proofpoint.AttackedPerson{}, "Raw")); diff != "" {
		t.Errorf("VeryAttacked() mismatch (-want +got):\n%s", diff)
	}
	if raw := string(got[2].Raw); raw != `{"identity": null, "threatStatistics": null, "somethingNew": []}` {
		t.Errorf("Raw = %s", raw)
	}
	wantTotals := []proofpoint.PeopleTotals{{
		Users:              3,
		Interval:           proofpoint.Window{Start: time.Date(2026, 2, 19, 9, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)},
		AverageAttackIndex: 402.3315, AttackIndexThreshold: 981.7402,
	}}
	if diff := cmp.Diff(wantTotals, totals); diff != "" {
		t.Errorf("OnTotals mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(url.Values{"window": {"14"}, "size": {"1000"}, "page": {"1"}}, query); diff != "" {
		t.Errorf("query mismatch (-want +got):\n%s", diff)
	}
}

func TestTopClickersAreDecoded(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusOK, string(sample(t, "people_clickers.json"))))
	got, err := collect(t, client.People.TopClickers(t.Context(), proofpoint.PeopleQuery{Window: proofpoint.Last90Days}))
	if err != nil {
		t.Fatalf("TopClickers() = %v", err)
	}
	want := []proofpoint.Clicker{{
		Person: proofpoint.Person{GUID: "4f21c9ab02-7c3d-11e9-55aa-0242ac130003", Emails: []string{"mia@lab.example"}},
		Clicks: 9, Families: []proofpoint.FamilyClicks{{Name: "Malware", Clicks: 9}},
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proofpoint.Clicker{}, "Raw")); diff != "" {
		t.Errorf("TopClickers() mismatch (-want +got):\n%s", diff)
	}
}

func TestPagesOfPeople(t *testing.T) {
	t.Parallel()
	page := func(total int, users ...string) string {
		list := make([]string, len(users))
		for i, u := range users {
			list[i] = fmt.Sprintf(`{"identity":{"guid":%q}}`, u)
		}
		return fmt.Sprintf(`{"users":[%s],"totalTopClickers":%d}`, strings.Join(list, ","), total)
	}
	tests := []struct {
		name   string
		bodies []string
		want   string
		asked  string
		err    string
	}{
		{"nobody", []string{page(0)}, "", "1", ""},
		{"a page that is not full", []string{page(1, "a")}, "a", "1", ""},
		{"a full page is not the last by its total", []string{page(2, "a", "b"), page(3, "c")}, "abc", "12", ""},
		{"a page past the end", []string{page(2, "a", "b"), page(2)}, "ab", "12", ""},
		{"smaller pages than were asked for", []string{page(3, "a"), page(3, "b"), page(3, "c")}, "abc", "123", ""},
		{"a total that is too high", []string{page(9, "a"), page(9)}, "a", "12", ""},
		{"the same page again", []string{page(4, "a", "b")}, "ab", "12", "the same page came twice"},
		{"somebody who cannot be read", []string{`{"users":[7,{"identity":{"guid":7}},{"identity":{"guid":"a"}}]}`}, "a", "12", "2 records could not be read"},
		{"no list", []string{`{"totalTopClickers":0}`}, "", "1", "it has no list users"},
	}
	for _, tt := range tests {
		var asked []string
		client := newClient(t, turning(&asked, tt.bodies...))
		people, err := collect(t, client.People.TopClickers(t.Context(), proofpoint.PeopleQuery{Window: 30, PageSize: 2}))
		var got strings.Builder
		for _, p := range people {
			got.WriteString(p.Person.GUID)
		}
		if got.String() != tt.want || strings.Join(asked, "") != tt.asked {
			t.Errorf("%s: TopClickers() = %q after pages %v, want %q after %s", tt.name, got.String(), asked, tt.want, tt.asked)
		}
		if (err != nil) != (tt.err != "") || err != nil && (!strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "proofpoint: people.top_clickers: ")) {
			t.Errorf("%s: TopClickers() = %v, want an error with %q", tt.name, err, tt.err)
		}
	}
}

func TestPeopleQueriesThatBreakTheRulesAreNotSent(t *testing.T) {
	t.Parallel()
	client := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, errors.New("no")
	}))
	for text, q := range map[string]proofpoint.PeopleQuery{
		"14, 30 or 90 days, not 0":      {},
		"14, 30 or 90 days, not 7":      {Window: 7},
		"from 1 to 200 people, not 201": {Window: 14, PageSize: 201},
		"from 1 to 200 people, not -1":  {Window: 14, PageSize: -1},
	} {
		if _, err := collect(t, client.People.TopClickers(t.Context(), q)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("TopClickers(%+v) = %v, want an error with %q", q, err, text)
		}
	}
	if _, err := collect(t, client.People.VeryAttacked(t.Context(), proofpoint.PeopleQuery{Window: 14, PageSize: 1001})); err == nil {
		t.Error("VeryAttacked() took a page of 1001")
	}
	if _, err := collect(t, newClient(t, saying(http.StatusNoContent, "")).People.VeryAttacked(t.Context(), proofpoint.PeopleQuery{Window: 14})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("VeryAttacked() = %v after 204", err)
	}
}

// peopleWorld has people with attacks and clicks.
func peopleWorld(clock func() time.Time) proofpointtest.World {
	w := proofpointtest.World{Now: clock, VAPThreshold: 100}
	for i := range 5 {
		w.People = append(w.People, proofpointtest.Person{
			GUID: fmt.Sprint("person-", i), Emails: []string{fmt.Sprintf("p%d@lab.example", i)}, VIP: i == 0,
			Attacks: []proofpointtest.Score{{Family: "malware", Points: 1000 - i}}, Clicks: []proofpointtest.Score{{Family: "Malware", Points: 10 - i}},
		})
	}
	return w
}

func TestPeopleOnTheFake(t *testing.T) {
	t.Parallel()
	client := connect(t, proofpointtest.New(peopleWorld(func() time.Time { return now })), func() time.Time { return now })
	for _, size := range []int{0, 2, 5} {
		var totals proofpoint.PeopleTotals
		q := proofpoint.PeopleQuery{Window: proofpoint.Last30Days, PageSize: size, OnTotals: func(p proofpoint.PeopleTotals) { totals = p }}
		attacked, err1 := collect(t, client.People.VeryAttacked(t.Context(), q))
		if totals.Users != 5 || totals.AttackIndexThreshold != 100 || totals.Interval.End.Sub(totals.Interval.Start) != 30*24*time.Hour {
			t.Errorf("VeryAttacked() told the totals %+v", totals)
		}
		clickers, err2 := collect(t, client.People.TopClickers(t.Context(), q))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if len(attacked) != 5 || attacked[0].Person.GUID != "person-0" || attacked[0].AttackIndex != 1000 || !attacked[0].Person.VIP || len(attacked[0].Families) != 1 {
			t.Errorf("VeryAttacked() = %+v", attacked)
		}
		if len(clickers) != 5 || clickers[0].Clicks != 10 || clickers[0].Families[0] != (proofpoint.FamilyClicks{Name: "Malware", Clicks: 10}) {
			t.Errorf("TopClickers() = %+v", clickers)
		}
	}
}

func TestPeopleKeepsRaw(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusOK, `{"users":[{"a":1},{"b":2}]}`))
	got, err := collect(t, client.People.VeryAttacked(t.Context(), proofpoint.PeopleQuery{Window: 14}))
	if err != nil || len(got) != 2 || string(got[0].Raw)+string(got[1].Raw) != `{"a":1}{"b":2}` {
		t.Errorf("VeryAttacked() = %+v, %v", got, err)
	}
}
