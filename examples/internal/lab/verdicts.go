package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// postVerdict lets TAP think again of a threat.
func (l *Lab) postVerdict(w http.ResponseWriter, r *http.Request) {
	var data bytes.Buffer
	_, err := data.ReadFrom(http.MaxBytesReader(w, r.Body, maxFault))
	var c proofpointtest.Change
	if err == nil {
		err = fake.UnmarshalStrict(data.Bytes(), &c)
	}
	if c.At.IsZero() {
		c.At = l.TAP.State().Now
	}
	if err == nil {
		err = l.ChangeVerdict(c)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, c)
}

// ChangeVerdict gives a threat that TAP knows another status, now unless the change says when.
func (l *Lab) ChangeVerdict(c proofpointtest.Change) error {
	known := slices.ContainsFunc(l.TAP.State().Threats, func(t proofpointtest.ThreatState) bool { return t.ID == c.Threat })
	switch {
	case c.Threat == "":
		return errors.New("lab: threat: want the id of a threat")
	case !known:
		return fmt.Errorf("lab: threat: TAP knows none with the id %q; GET /_lab/state lists them", c.Threat)
	case !slices.Contains([]string{"active", "cleared", "falsepositive"}, strings.ToLower(c.Status)):
		return fmt.Errorf("lab: status %q: want active, cleared or falsepositive", c.Status)
	}
	l.TAP.Change(c)
	return nil
}
