package actions

import (
	"strings"
	"testing"

	"github.com/pphunt/pphunt/hunt"
)

// What is left at the service says who condemned the file, and is known again.
func TestDescriptionsSayWhoCondemned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ind  hunt.Indicator
		want string
	}{
		{"an attachment", hunt.Indicator{Threat: hunt.Threat{ID: "t", Type: "attachment"}}, "Attachment condemned by Proofpoint TAP, threat t."},
		{"of a list", hunt.Indicator{Threat: hunt.Threat{ID: "t", Type: hunt.ThreatListed}}, "File of a list that was hunted by hand, threat t."},
		{"of the second stage", hunt.Indicator{Of: hunt.SHA256{1}, Threat: hunt.Threat{ID: "t"}}, "Attachment condemned by Proofpoint TAP: brought along by 01"},
	} {
		r, err := newReport(hunt.Task{Indicators: []hunt.Indicator{c.ind}})
		ban := description(hunt.Task{Indicators: []hunt.Indicator{c.ind}})
		if err != nil || !strings.HasPrefix(r.Description, c.want) || !described(r.Description) || !described(ban) {
			t.Errorf("%s: the report says %q, the ban %q, %v", c.name, r.Description, ban, err)
		}
	}
}
