package proofpointhunt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// mostSecond is how many files one condemned file brings along at most. Whoever drops more drops somebody else's.
const mostSecond = 25

// ForensicsConfig says how many calls may be made. Client is required.
type ForensicsConfig struct {
	Client *proofpoint.Client
	// Reserve is how many of the day's calls for the evidence on threats are left for others: the service allows 50 or 1,800, which of
	// the two is told in two ways. Defaults to 10.
	Reserve int
}

// Forensics is a [hunt.Expander]: it names the files that TAP's sandboxes saw a condemned attachment write or download. It takes
// malicious evidence alone, with a SHA-256, and leaves out what was deleted, the attachment itself, and whatever lies where the system
// and installed programs are. Each question costs one call of [proofpoint.BucketForensicsThreat].
//
// Evidence that is malicious as a whole need not be a malicious file. Let [cbchunt.TrustedFiles.Filter] drop the well-known ones.
type Forensics struct {
	cfg ForensicsConfig
}

var _ hunt.Expander = (*Forensics)(nil)

// NewForensics checks the configuration.
func NewForensics(cfg ForensicsConfig) (*Forensics, error) {
	if cfg.Client == nil {
		return nil, errors.New("proofpointhunt: forensics: the client is missing")
	}
	if cfg.Reserve < 0 {
		return nil, errors.New("proofpointhunt: forensics: the reserve must not be negative")
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = 10
	}
	return &Forensics{cfg: cfg}, nil
}

// Expand implements [hunt.Expander]. The error is a [hunt.ErrLater] when the calls of the day are used up but for the reserve.
func (f *Forensics) Expand(ctx context.Context, ind hunt.Indicator) ([]hunt.Indicator, error) {
	id := ind.Threat.ID
	if id == "" {
		id = ind.SHA256.String()
	}
	for _, u := range f.cfg.Client.Quotas() {
		if u.Bucket == proofpoint.BucketForensicsThreat && u.Limit != proofpoint.NoLimit && u.Left() <= f.cfg.Reserve {
			return nil, fmt.Errorf("proofpointhunt: forensics: %w: %d of %d are used", hunt.ErrLater, u.Used, u.Limit)
		}
	}
	reports, err := f.cfg.Client.Forensics.ByThreat(ctx, proofpoint.ThreatID(id), proofpoint.ForensicsOptions{})
	switch {
	case errors.Is(err, proofpoint.ErrNotFound):
		return nil, nil // nothing is known of it, yet
	case errors.Is(err, proofpoint.ErrQuotaExhausted), errors.Is(err, proofpoint.ErrRateLimited):
		return nil, fmt.Errorf("proofpointhunt: forensics: %w: %w", hunt.ErrLater, err)
	case err != nil && len(reports.Reports) == 0:
		return nil, fmt.Errorf("proofpointhunt: forensics: %w", err)
	case err != nil:
		err = fmt.Errorf("proofpointhunt: forensics: %w", err)
	}
	return second(ind, id, reports), err
}

// second are the files of the reports on a threat, each once.
func second(ind hunt.Indicator, id string, reports proofpoint.ForensicReports) []hunt.Indicator {
	var all []hunt.Indicator
	for _, r := range reports.Reports {
		if !r.Scope.Is(proofpoint.ScopeThreat) || !strings.EqualFold(r.ID, id) || r.ThreatStatus != "" && !r.ThreatStatus.Is(proofpoint.StatusActive) {
			continue
		}
		for _, e := range r.Evidence {
			file, ok := secondOf(e)
			if !ok || file.SHA256 == ind.SHA256 || file.SHA256.String() == strings.ToLower(id) {
				continue
			}
			if !slices.ContainsFunc(all, func(have hunt.Indicator) bool { return have.SHA256 == file.SHA256 }) {
				all = append(all, file)
			}
		}
	}
	slices.SortFunc(all, func(a, b hunt.Indicator) int { return slices.Compare(a.SHA256[:], b.SHA256[:]) })
	return all[:min(len(all), mostSecond)]
}

// secondOf is the file that malicious evidence is about.
func secondOf(e proofpoint.Evidence) (hunt.Indicator, bool) {
	if !e.Malicious {
		return hunt.Indicator{}, false
	}
	var sha, md5, path string
	switch what := e.What.(type) {
	case proofpoint.FileEvidence:
		if strings.EqualFold(what.Action, "delete") {
			return hunt.Indicator{}, false
		}
		sha, md5, path = what.SHA256, what.MD5, what.Path
	case proofpoint.URLEvidence:
		sha, md5 = what.SHA256, what.MD5
	default:
		return hunt.Indicator{}, false
	}
	hash, err := hunt.ParseSHA256(sha)
	if err != nil || systemPath(path) {
		return hunt.Indicator{}, false
	}
	ind := hunt.Indicator{SHA256: hash}
	if m, err := hunt.ParseMD5(md5); err == nil {
		ind.MD5 = m
	}
	return ind, true
}

// systemPath tells whether a path is one of the system or of installed programs, where a bad file changes or stands beside good ones. The
// directory for temporary files of Windows is open to everybody and does not count.
func systemPath(path string) bool {
	p := strings.ToLower(strings.ReplaceAll(path, `\`, "/"))
	if len(p) > 2 && p[1] == ':' {
		p = p[2:]
	}
	for _, temp := range [...]string{"/windows/temp/", "%windir%/temp/", "%systemroot%/temp/"} {
		if strings.HasPrefix(p, temp) {
			return strings.Contains(p, "/../")
		}
	}
	for _, dir := range [...]string{
		"/windows/", "/program files/", "/program files (x86)/", "%windir%", "%systemroot%", "%system%", "%system32%", "%programfiles", "%commonprogramfiles",
		"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/boot/", "/system/", "/library/", "/applications/",
	} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return false
}
