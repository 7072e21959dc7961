package proofpointhunt_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func wrote(n byte, path string, malicious bool) proofpointtest.Evidence {
	return proofpointtest.Evidence{Type: "file", Malicious: malicious, What: map[string]any{
		"action": "create", "path": path, "sha256": hunt.SHA256{n}.String(), "md5": hunt.MD5{n}.String(),
	}}
}

// sandbox is a world with one condemned file, and what was seen of it.
func sandbox(evidence ...proofpointtest.Evidence) (proofpointtest.World, hunt.Indicator) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	m := mail(1, now.Add(-time.Hour))
	id := m.Threats[0].Artifact
	hash, err := hunt.ParseSHA256(id)
	if err != nil {
		panic(err)
	}
	return proofpointtest.World{
		Messages: []proofpointtest.Message{m}, Reports: []proofpointtest.Report{{ThreatID: id, Evidence: evidence}}, Now: func() time.Time { return now },
	}, hunt.Indicator{SHA256: hash, Threat: hunt.Threat{ID: id}}
}

func forensics(t testing.TB, srv *proofpointtest.Server, now func() time.Time, limit int) *proofpointhunt.Forensics {
	t.Helper()
	quota, err := proofpoint.NewQuota(map[proofpoint.Bucket]int{proofpoint.BucketForensicsThreat: limit})
	if err != nil {
		t.Fatal(err)
	}
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient: srv.Client(), Now: now, Quota: quota,
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := proofpointhunt.NewForensics(proofpointhunt.ForensicsConfig{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestForensicsNameWhatWasDropped(t *testing.T) {
	t.Parallel()
	gone := wrote(8, `C:\Users\kim\gone.exe`, true)
	gone.What["action"] = "delete"
	world, ind := sandbox(
		wrote(1, `%APPDATA%\a.exe`, true), wrote(1, `%APPDATA%\again.exe`, true), wrote(2, `C:\Windows\Temp\b.exe`, true),
		wrote(3, `%APPDATA%\good.dll`, false), wrote(4, `C:\Windows\System32\c.dll`, true), wrote(5, `C:\Windows\Temp\..\System32\d.dll`, true),
		wrote(6, `%ProgramFiles%\Word\e.dll`, true), wrote(7, "/usr/bin/f", true), gone,
		proofpointtest.Evidence{Type: "url", Malicious: true, What: map[string]any{"url": "http://a.example/x", "sha256": hunt.SHA256{9}.String()}},
		proofpointtest.Evidence{Type: "file", Malicious: true, What: map[string]any{"action": "create", "path": `%APPDATA%\no.txt`}},
	)
	self := wrote(0, `%APPDATA%\self.exe`, true)
	self.What["sha256"] = ind.SHA256.String()
	world.Reports[0].Evidence = append(world.Reports[0].Evidence, self)
	got, err := forensics(t, proofpointtest.New(world), world.Now, 50).Expand(t.Context(), ind)
	if err != nil {
		t.Fatal(err)
	}
	want := []hunt.Indicator{{SHA256: hunt.SHA256{1}, MD5: hunt.MD5{1}}, {SHA256: hunt.SHA256{2}, MD5: hunt.MD5{2}}, {SHA256: hunt.SHA256{9}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Expand mismatch (-want +got):\n%s", diff)
	}
}

func TestForensicsOfOthersDoNotCount(t *testing.T) {
	t.Parallel()
	world, ind := sandbox(wrote(1, `%APPDATA%\a.exe`, true))
	world.Changes = []proofpointtest.Change{{At: world.Now().Add(-time.Minute), Threat: ind.Threat.ID, Status: "falsepositive"}}
	if got, err := forensics(t, proofpointtest.New(world), world.Now, 50).Expand(t.Context(), ind); err != nil || len(got) > 0 {
		t.Errorf("Expand = %v, %v; the verdict was taken back", got, err)
	}
}

func TestForensicsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	world, ind := sandbox(wrote(1, `%APPDATA%\a.exe`, true))
	unknown := hunt.Indicator{SHA256: hunt.SHA256{0xee}}
	srv := proofpointtest.New(world)
	f := forensics(t, srv, world.Now, 12)
	if got, err := f.Expand(t.Context(), unknown); err != nil || len(got) > 0 {
		t.Errorf("Expand = %v, %v; want nothing of a file that is not known", got, err)
	}
	srv.FailNext(1, http.StatusForbidden)
	if _, err := f.Expand(t.Context(), ind); !errors.Is(err, proofpoint.ErrForbidden) || errors.Is(err, hunt.ErrLater) {
		t.Errorf("Expand = %v, want %v", err, proofpoint.ErrForbidden)
	}
	before := len(srv.Requests())
	if _, err := f.Expand(t.Context(), ind); !errors.Is(err, hunt.ErrLater) || len(srv.Requests()) != before {
		t.Errorf("Expand = %v after %d calls of 12, want %v and no call", err, before, hunt.ErrLater)
	}
	if _, err := proofpointhunt.NewForensics(proofpointhunt.ForensicsConfig{Reserve: -1}); err == nil {
		t.Error("NewForensics took no client")
	}
}
