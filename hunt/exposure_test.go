package hunt_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// by is a sighting in a process of a user.
func by(user string, s hunt.Sighting) hunt.Sighting {
	s.Process.User = user
	return s
}

func TestExposures(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	mail := func(id, to string, when time.Time, delivered bool) hunt.Mail {
		return hunt.Mail{ID: id, Recipients: []string{to}, Time: when, Delivered: delivered, FileName: "invoice.exe"}
	}
	p := newPatience(verdict(true, nil))
	p.cfg.Source = source(nil, indicator(1, mail("a", "Kim.Doe@corp.example", at.Add(time.Hour), true), mail("b", "pat@corp.example", at, false),
		mail("c", "kim.doe@corp.example", at, true), mail("d", "lee@corp.example", at, true), mail("e", "lee@lab.example", at, true)), indicator(2))
	touched := by(`CORP\LEE`, sighting(1, 8, hunt.Touched)) // of two people of that name
	touched.Field, touched.File = "filemod_hash", hunt.FileEvent{Path: `c:\mail\invoice.exe`, What: "filemod", Time: at}
	p.found = []hunt.Sighting{by(`CORP\kim.doe`, sighting(1, 7, hunt.Executed)), touched}
	r, err := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{})
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC)
	want := []hunt.Exposure{
		{
			SHA256: hash(1), Files: []string{"invoice.exe"}, Complete: true, Until: until,
			Recipients: []hunt.Recipient{
				{Address: "kim.doe@corp.example", Delivered: true, First: at, Seen: hunt.Executed, Devices: []string{"HOST-7"}},
				{Address: "lee@corp.example", Delivered: true, First: at},
				{Address: "lee@lab.example", Delivered: true, First: at},
				{Address: "pat@corp.example", First: at},
			},
			Devices: []hunt.SeenOn{
				{Device: hunt.Device{ID: 7, Name: "HOST-7"}, Evidence: hunt.Executed, Paths: []string{`c:\a.exe`}, Users: []string{`CORP\kim.doe`}},
				{Device: hunt.Device{ID: 8, Name: "HOST-8"}, Evidence: hunt.Touched, Fields: []string{"filemod_hash"}, Paths: []string{`c:\mail\invoice.exe`}, Users: []string{`CORP\LEE`}},
			},
		},
		{SHA256: hash(2), Recipients: []hunt.Recipient{}, Devices: []hunt.SeenOn{}, Complete: true, Until: until},
	}
	if diff := cmp.Diff(want, r.Exposures()); diff != "" {
		t.Errorf("exposures mismatch (-want +got):\n%s", diff)
	}
}

// A search that failed says of nobody that he does not have the file.
func TestExposureOfAFailedSearchIsNotComplete(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	p.cfg.Source = source(nil, indicator(1), indicator(2))
	p.cfg.Searcher = failing(&hunt.SearchError{Hashes: []hunt.SHA256{hash(2)}, Err: errors.New("no answer")})
	r, _ := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{})
	for _, e := range r.Exposures() {
		if e.Complete != (e.SHA256 == hash(1)) {
			t.Errorf("the search for %s is complete: %t", e.SHA256, e.Complete)
		}
	}
}

func TestRecipientOfAProcess(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		`CORP\kim.doe`: "kim.doe@corp.example", "KIM.DOE": "kim.doe@corp.example", "kim.doe@corp.example": "kim.doe@corp.example",
		"kim.doe@other.example": "kim.doe@corp.example", // the name of a domain in the directory is not that of the mail
		"kim":                   "", "lee": "", "lee@lab.example": "lee@lab.example", "": "", `NT AUTHORITY\SYSTEM`: "",
	} {
		ind := indicator(1, hunt.Mail{ID: "a", Recipients: []string{"kim.doe@corp.example", "lee@corp.example", "lee@lab.example"}})
		h := newHunter(t, hunt.Config{Source: source(nil, ind), Searcher: searcher(by(user, sighting(1, 7, hunt.Executed)))})
		r, err := h.Run(t.Context(), hunt.Window{})
		if err != nil || r.Sightings[0].Recipient != want {
			t.Errorf("the process of %q is that of %q, %v; want %q", user, r.Sightings[0].Recipient, err, want)
		}
	}
}

// What a sandbox saw a condemned file bring along is told of, and nothing else is done because of it unless that is wanted.
func TestSecondStageIsOnlyToldOf(t *testing.T) {
	t.Parallel()
	for _, act := range []bool{false, true} {
		iso := isolate()
		ban := &recorder{spec: hunt.Spec{Name: "denylist", Scope: hunt.ScopeHash, Impact: hunt.Destroys, Evidence: hunt.Executed}}
		hook := &recorder{spec: hunt.Spec{Name: "webhook", Scope: hunt.ScopeProcess, Impact: hunt.Tells, Evidence: hunt.Named}}
		p := newPatience(verdict(true, nil), hook, iso, ban)
		p.cfg.ActOnSecondStage = act
		p.cfg.Expander = expand(hash(2))
		p.found = []hunt.Sighting{sighting(2, 7, hunt.Executed)}
		r, err := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{})
		if err != nil {
			t.Fatal(err)
		}
		if acted := len(iso.did) + len(ban.did); len(hook.did) != 1 || acted != map[bool]int{false: 0, true: 2}[act] {
			t.Errorf("act %t: told %v, isolated %v, banned %v", act, hook.did, iso.did, ban.did)
		}
		if left := r.LeftAloneTotal["a file of the second stage is no reason for isolate"]; (left == 1) == act {
			t.Errorf("act %t: left alone %v", act, r.LeftAloneTotal)
		}
	}
}
