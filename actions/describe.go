package actions

import (
	"fmt"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// How the descriptions of what is left at a service begin, by which it is known again.
const (
	condemnedByTAP  = "Attachment condemned by Proofpoint TAP"
	condemnedByList = "File of a list that was hunted by hand"
)

// whoCondemned says who condemned a file.
func whoCondemned(ind hunt.Indicator) string {
	by := condemnedByTAP
	if ind.Threat.Type == hunt.ThreatListed {
		by = condemnedByList
	}
	if !ind.Of.IsZero() {
		return fmt.Sprintf("%s: brought along by %s", by, ind.Of)
	}
	return by
}

// described tells whether a description begins as ours do.
func described(text string) bool {
	return strings.HasPrefix(text, condemnedByTAP) || strings.HasPrefix(text, condemnedByList)
}
