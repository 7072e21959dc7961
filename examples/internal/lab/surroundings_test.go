package lab_test

import (
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// TestTheCompanyHasSomethingForEveryClient asks what a hunt does not ask.
func TestTheCompanyHasSomethingForEveryClient(t *testing.T) {
	t.Parallel()
	w, ctx := at(lab.Company(noon()), noon()), t.Context()
	tap, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, HTTPClient: proofpointtest.New(w.TAP).Client(), Now: noon,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
	})
	if err != nil {
		t.Fatal(err)
	}
	campaigns := 0
	for ref, err := range tap.Campaigns.IDs(ctx, proofpoint.CampaignQuery{Window: proofpoint.Window{Start: noon().Add(-23 * time.Hour), End: noon().Add(-time.Minute)}}) {
		if err != nil {
			t.Fatal(err)
		}
		campaigns++
		if c, err := tap.Campaigns.Get(ctx, ref.ID); err != nil || len(c.Members) != 2 {
			t.Errorf("campaign %s = %+v, %v, want one of two threats", ref.ID, c, err)
		}
	}
	if campaigns != 1 {
		t.Errorf("%d campaigns, want 1", campaigns)
	}
	for clicker, err := range tap.People.TopClickers(ctx, proofpoint.PeopleQuery{Window: proofpoint.Last14Days}) {
		if err != nil || clicker.Clicks == 0 {
			t.Errorf("a clicker: %+v, %v", clicker, err)
		}
	}

	carbonBlack, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: cbctest.New(w.CBC).Client(), Now: noon, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
	})
	if err != nil {
		t.Fatal(err)
	}
	alerts := 0
	for _, err := range carbonBlack.Alerts.Search(ctx, cbc.AlertQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		alerts++
	}
	if alerts != 2 {
		t.Errorf("%d alerts, want 2", alerts)
	}

	manager, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: nsxtest.New(w.NSX).Client(), Credentials: nsx.Basic(nsxtest.Username, nsxtest.Password)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		vm   int
		tag  nsx.Tag
		want nsx.Answer
	}{
		{0, nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}, nsx.Yes},
		{0, nsx.Tag{Scope: "quarantine", Tag: "another"}, nsx.No},
		{1, nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}, nsx.No}, // excluded from the firewall
	} {
		got, err := manager.Policy.IsolationOf(ctx, nsx.ExternalID(w.NSX.VMs[c.vm].ExternalID), c.tag)
		if err != nil || got.Answer != c.want {
			t.Errorf("IsolationOf(%s, %v) = %v, %v, want %v", w.NSX.VMs[c.vm].Name, c.tag, got.Answer, err, c.want)
		}
	}
}
