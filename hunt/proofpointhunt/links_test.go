package proofpointhunt_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// What is about links is not decoded, and still everything that is worth a word is told.
func TestMailsAboutLinks(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	mail := func(subject, kind, sandbox string) proofpointtest.Message {
		sha := fmt.Sprintf("%064x", len(subject))
		artifact := "http://bad.example/"
		if kind == "attachment" {
			artifact = sha
		}
		return proofpointtest.Message{
			Subject: subject, Recipients: []string{"kim@corp.example"}, Time: now.Add(-time.Hour),
			Parts:   []proofpointtest.Part{{Filename: subject + ".doc", SHA256: sha, SandboxStatus: sandbox}},
			Threats: []proofpointtest.Threat{{Artifact: artifact, Type: kind, Time: now.Add(-time.Hour)}},
		}
	}
	world := proofpointtest.World{Messages: []proofpointtest.Message{
		mail("link", "url", "CLEAN"), mail("another link", "url", ""), mail("text", "messageText", "UNSUPPORTED"), mail("suspect", "url", "THREAT"), mail("file", "attachment", "THREAT"),
	}}
	world.Now = func() time.Time { return now }
	srv := proofpointtest.New(world)
	source := connect(t, srv, world.Now, proofpointhunt.Options{Delivered: true})
	window := hunt.Window{Start: now.Add(-65 * time.Minute), End: now.Add(-10 * time.Minute)}
	var left []string
	got, err := names(t, source, window, func(l hunt.LeftAlone) { left = append(left, l.Subject+": "+l.Reason) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"file.doc"}, got); diff != "" {
		t.Errorf("indicators mismatch (-want +got):\n%s", diff)
	}
	slices.Sort(left)
	want := []string{
		": only a link is condemned, not a file",
		": only a link is condemned, not a file",
		": only the text of the mail is condemned, not a file",
		"suspect: only a link is condemned, not a file",
		"suspect: only the sandbox condemned it: no verdict that is hunted is about it",
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("what was left alone mismatch (-want +got):\n%s", diff)
	}
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d calls", n)
	}
}
