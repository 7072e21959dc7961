package actions

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
)

// A sensor writes the time of a start as it likes: what is read of it must be a time that a process could have.
func FuzzStartOf(f *testing.F) {
	for _, seed := range []string{"", "0", "1739264400", "1739264400000", "1.7392644e9", "133600123456", "133600123456000000", "2025-02-11T09:00:00Z", "NaN", "-1", "1e400", "0x1p60"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := startOf(text)
		if !ok {
			if !got.IsZero() {
				t.Errorf("startOf(%q) = %v, false", text, got)
			}
			return
		}
		if _, err := time.Parse(time.RFC3339, strings.TrimSpace(text)); err == nil {
			return
		}
		if year := got.UTC().Year(); year < 2001 || year > 2128 {
			t.Errorf("startOf(%q) = %v", text, got)
		}
	})
}

// An entry of the audit log is somebody's text. In doubt it is about the machine, and about a quarantine.
func FuzzConcerns(f *testing.F) {
	for _, seed := range []string{"", "Quarantine of device 7", "device 77", "toggle: ON", `{"toggle":"OFF"} of the devices 8, 7`, "Unquarantined LAB-7", "\u0667"} {
		f.Add(seed, int64(7))
	}
	f.Fuzz(func(t *testing.T, text string, id int64) {
		text = strings.ToLower(text)
		d := cbc.Device{ID: cbc.DeviceID(id), Name: "LAB-EAST"}
		if !strings.ContainsAny(text, "0123456789") && !concerns(text, d) {
			t.Errorf("concerns(%q) takes it for one about another machine", text)
		}
		if named := text + " lab-east"; !concerns(named, d) {
			t.Errorf("concerns(%q) does not see the name", named)
		}
		if releases(text + " on ") {
			t.Errorf("releases(%q) though something is on", text+" on ")
		}
	})
}
