package lab_test

import (
	"slices"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
)

// TestTheCompanyHasSomethingForGuards: a machine that must not be cut off, and a program that must not be banned, on both of which
// something condemned ran; and enough machines beside them that a handful is a small part.
func TestTheCompanyHasSomethingForGuards(t *testing.T) {
	t.Parallel()
	w := lab.Company(noon())
	condemned := make(map[string]bool)
	for _, m := range w.TAP.Messages {
		for _, threat := range m.Threats {
			condemned[threat.Artifact] = threat.Status == ""
		}
	}
	ran := make(map[int64]string)
	for _, p := range w.CBC.Processes {
		if i := slices.IndexFunc(p.Hashes, func(hash string) bool { return condemned[hash] }); i >= 0 {
			ran[p.DeviceID] = p.Hashes[i]
		}
	}
	critical := slices.IndexFunc(w.CBC.Devices, func(d cbctest.Device) bool { return d.TargetPriority == "MISSION_CRITICAL" && ran[d.ID] != "" })
	if critical < 0 {
		t.Error("nothing condemned ran on a machine that is mission critical")
	}
	signed := slices.IndexFunc(w.CBC.Binaries, func(b cbctest.Binary) bool {
		return len(b.Signatures) > 0 && slices.ContainsFunc(w.CBC.Processes, func(p cbctest.Process) bool {
			return p.Reputation == "TRUSTED_WHITE_LIST" && slices.Contains(p.Hashes, b.SHA256) && ran[p.DeviceID] == b.SHA256
		})
	})
	if signed < 0 {
		t.Error("nothing condemned is signed and trusted")
	}
	if got, most := len(ran), len(w.CBC.Devices)/10; got > most {
		t.Errorf("something condemned ran on %d machines, which is more than a tenth of the company's %d", got, len(w.CBC.Devices))
	}
}
