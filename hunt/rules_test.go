package hunt_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// The rules that must hold whatever else changes, one by one: real clients, adapters and actions against the fakes. What counts is
// what the services saw and hold, and the report.

func TestRule1OnlyWhatIsCondemned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const (
			logo     program = "a logo that is in every mail"
			archive  program = "named in capitals"
			linked   program = "beside a condemned link"
			cleared  program = "cleared"
			mistake  program = "condemned by mistake"
			phishing program = "a phishing page"
			shared   program = "clean here, and not condemned anywhere"
			review   program = "its verdict has a status that nobody knows"
			sandbox  program = "condemned by the sandbox, named by nobody"
		)
		clean := func(name string, p program) proofpointtest.Part {
			return proofpointtest.Part{Filename: name, SHA256: p.sha(), SandboxStatus: "CLEAN"}
		}
		shout := attached("ARCHIVE.ZIP", archive)
		shout.SHA256 = archive.upper()
		w := plainWorld()
		w.tap.Messages = []proofpointtest.Message{
			mail("clean parts", verdictOn(invoice), attached("invoice.exe", invoice), clean("logo.png", logo), clean("viewer.exe", viewer), clean("x", shared)),
			mail("capitals", proofpointtest.Threat{Artifact: archive.upper(), Type: "ATTACHMENT", Status: "Active", Classification: "MALWARE"}, shout),
			mail("link", proofpointtest.Threat{Artifact: "portal.example/r", Type: "url"}, attached("linked.exe", linked)),
			mail("link with a hash", proofpointtest.Threat{Artifact: linked.sha(), Type: "url"}, attached("linked.exe", linked)),
			mail("cleared", proofpointtest.Threat{Artifact: cleared.sha(), Status: "cleared"}, attached("cleared.exe", cleared)),
			mail("mistake", proofpointtest.Threat{Artifact: mistake.sha(), Status: "falsepositive"}, attached("mistake.exe", mistake)),
			mail("mistake, other spelling", proofpointtest.Threat{Artifact: mistake.sha(), Status: "falsePositive"}, attached("mistake.exe", mistake)),
			mail("phish", proofpointtest.Threat{Artifact: phishing.sha(), Classification: "phish"}, attached("login.htm", phishing)),
			mail("review", verdictOn(archive), attached("archive.zip", archive), attached("review.exe", review)),
			mail("sandbox", proofpointtest.Threat{Artifact: "not a hash"}, attached("sandbox.exe", sandbox), clean("logo.png", logo)),
		}
		w.tap.Messages[8].Threats = append(w.tap.Messages[8].Threats, proofpointtest.Threat{Artifact: review.sha(), Status: "underReview"})
		files := []program{archive, sandbox, logo, linked, cleared, mistake, phishing, review, shared, viewer} // device 100 and on run one each
		for i, p := range files {
			id := int64(100 + i)
			w.cbc.Devices = append(w.cbc.Devices, cbctest.Device{ID: id, Name: "HOST-" + string(rune('A'+i))})
			w.cbc.Processes = append(w.cbc.Processes, ran(id, 50, `c:\file.exe`, p))
		}
		o := newOffice(t, w.at(time.Now()))
		r := o.run(t, crew{actions: []string{"watchlist", "webhook", "isolate", "policy", "denylist"}})
		var want []string
		for device, p := range map[string]program{"7": invoice, "100": archive, "101": sandbox} {
			want = append(want, "REPORT "+p.sha(), "BAN "+p.sha(), "QUARANTINE "+device, "UPDATE_POLICY "+device, "POST executed "+p.sha()+" on "+device)
		}
		want = append(want, "POST touched "+invoice.sha()+" on 8")
		slices.Sort(want)
		if diff := cmp.Diff(want, o.changes(t)); diff != "" {
			t.Errorf("changes mismatch (-want +got):\n%s", diff)
		}
		for _, p := range files[2:] {
			if asked := strings.Join(o.queries(), "\n"); strings.Contains(strings.ToLower(asked), p.sha()) {
				t.Errorf("%q was searched for:\n%s", p, asked)
			}
		}
		if len(r.Indicators) != 3 {
			t.Errorf("the report has %d indicators, want 3", len(r.Indicators))
		}
		for _, reason := range []string{"the verdict was cleared", "the verdict was a false positive", "only a link is condemned, not a file", "the classification phish is not hunted"} {
			if r.LeftAloneTotal[reason] == 0 {
				t.Errorf("the report does not tell of what was left alone because %s: %v", reason, r.LeftAloneTotal)
			}
		}
	})
}

// asNamed is a search that has seen no more than the name of a file.
func asNamed(next hunt.Searcher) hunt.Searcher {
	return hunt.SearcherFunc(func(ctx context.Context, batch []hunt.Indicator, since time.Time) iter.Seq2[hunt.Sighting, error] {
		return func(yield func(hunt.Sighting, error) bool) {
			for s, err := range next.Search(ctx, batch, since) {
				s.Evidence = min(s.Evidence, hunt.Named)
				if !yield(s, err) {
					return
				}
			}
		}
	})
}

func TestRule2EvidenceDecides(t *testing.T) {
	t.Parallel()
	touched := []string{"QUARANTINE 8", "UPDATE_POLICY 8"}
	note := []string{"POST touched " + invoice.sha() + " on 8", "REPORT " + invoice.sha()}
	for _, c := range []struct {
		name string
		crew crew
		// saved leaves the device out on which the file ran.
		saved bool
		want  []string
	}{
		{"executed is enough for everything, touched for a note", crew{}, false, contained()},
		{"widened, touched isolates and moves, and no more", crew{evidence: hunt.Touched}, false, sortedWith(contained(), append(touched, "TAG 2")...)},
		{"a name is for the report and the webhook alone, widened or not", crew{evidence: hunt.Touched, searcher: asNamed}, false, []string{
			"POST named " + invoice.sha() + " on 7", "POST named " + invoice.sha() + " on 8", "REPORT " + invoice.sha(),
		}},
		{"what was only touched is not killed, deleted or banned anywhere", crew{}, true, sortedWith(note)},
		{"nor when it is widened", crew{evidence: hunt.Touched}, true, sortedWith(note, append(touched, "TAG 2")...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := plainWorld()
				w.nsx.VMs[1].ExternalID = "2"
				if c.saved {
					w.cbc.Processes = w.cbc.Processes[1:]
				}
				o := newOffice(t, w)
				r := o.run(t, c.crew)
				if diff := cmp.Diff(c.want, o.changes(t)); diff != "" {
					t.Errorf("changes mismatch (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]int64{80}, o.pids(savedIt)); diff != "" {
					t.Errorf("processes of the device that only saved the file mismatch (-want +got):\n%s", diff)
				}
				if len(r.LeftAloneTotal) == 0 {
					t.Error("the report does not tell what was left alone for want of evidence")
				}
			})
		})
	}
}

func sortedWith(all []string, more ...string) []string {
	all = append(slices.Clone(all), more...)
	slices.Sort(all)
	return all
}
