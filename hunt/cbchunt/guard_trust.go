package cbchunt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// OverrideReader reads what the organization itself says of files. *cbc.Reputation is one; it needs org.reputations (READ).
type OverrideReader interface {
	BySHA256(ctx context.Context, hashes ...[32]byte) (map[[32]byte][]cbc.Override, error)
}

// SignatureReader reads who signed files. *cbc.Binaries is one; it needs ubs.org.sha256 (READ) and Enterprise EDR.
type SignatureReader interface {
	Signatures(ctx context.Context, hash [32]byte, rows int) ([]cbc.BinarySignature, error)
}

// TrustedFilesConfig says what is believed about files. In the zero value every check is on, for which Overrides and Binaries are
// required.
type TrustedFilesConfig struct {
	Overrides OverrideReader
	Binaries  SignatureReader
	// Signers are patterns of the names of known signers, as in [ProtectDevicesConfig]. Nil means [DefaultSigners]; a list that is
	// empty, but not nil, none, as SkipSigners.
	Signers []string
	// SkipReputation leaves out what Carbon Black Cloud thinks of the files that ran.
	SkipReputation bool
	// SkipOverrides leaves out what the organization allows.
	SkipOverrides bool
	// SkipSigners leaves out who signed the files, which costs a call for each of them.
	SkipSigners bool
}

// DefaultSigners are patterns of the names of large publishers, whose programs are on many machines.
func DefaultSigners() []string {
	return []string{
		"Microsoft*", "Google*", "Apple Inc*", "Mozilla*", "Adobe*", "VMware*", "Broadcom*", "Carbon Black*", "Cisco *", "Citrix *",
		"Oracle *", "Intel Corp*", "Intel(R)*", "NVIDIA*", "Dell *", "HP Inc*", "Hewlett*Packard*", "Lenovo*", "Amazon*",
		"International Business Machines*", "SAP SE*", "Zoom *", "Slack *", "Symantec*", "McAfee*", "CrowdStrike*", "Proofpoint*",
	}
}

// TrustedFiles is a [hunt.Guard] against the verdict that is wrong about a well-known program: what cannot be taken back as it was,
// [hunt.Destroys], is held for a file that is trusted. Its ban is held and so is the kill; that machines are isolated because of it
// goes on. A file is trusted if
//
//   - Carbon Black Cloud gave it a reputation of trust where it ran, such as TRUSTED_WHITE_LIST or LOCAL_WHITE. Programs that merely
//     touched the file say nothing about it;
//   - the organization has allowed it by its hash;
//   - one of the known signers signed it. What the store of binaries has not seen, documents among it, has no signer.
//
// The store tells the name in a certificate, and not whether anybody vouches for it. A certificate of one's own making with the name of
// a known signer keeps a file from being destroyed, too, until a person has looked at it and released it. Where that is worse than the
// ban of a good program, set SkipSigners.
//
// The guard makes one call for all overrides and one for each file that is left, eight at a time; when eight in a row have failed, the
// rest counts as failed as well. A missing permission holds what would be destroyed because of a file, and the reason says what to do
// about it. What could not be asked for another reason fails, and the next run asks again.
//
// It is safe for concurrent use.
type TrustedFiles struct {
	cfg     TrustedFilesConfig
	signers []glob
}

// NewTrustedFiles checks the configuration and reports everything that is wrong with it.
func NewTrustedFiles(cfg TrustedFilesConfig) (*TrustedFiles, error) {
	if cfg.Signers == nil {
		cfg.Signers = DefaultSigners()
	}
	cfg.SkipSigners = cfg.SkipSigners || len(cfg.Signers) == 0
	signers, err := compileGlobs(cfg.Signers)
	problems := []error{err}
	if cfg.Overrides == nil && !cfg.SkipOverrides {
		problems = append(problems, errors.New("the Overrides are missing: set SkipOverrides to do without"))
	}
	if cfg.Binaries == nil && !cfg.SkipSigners {
		problems = append(problems, errors.New("the Binaries are missing: set SkipSigners to do without"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("cbchunt: TrustedFiles: %w", err)
	}
	return &TrustedFiles{cfg: cfg, signers: signers}, nil
}

// Review implements [hunt.Guard].
func (g *TrustedFiles) Review(ctx context.Context, r hunt.Review) ([]hunt.Hold, error) {
	var files []hunt.SHA256
	known := make(map[hunt.SHA256]bool)
	for _, t := range r.Tasks {
		for _, ind := range t.Indicators {
			if t.Impact == hunt.Destroys && !known[ind.SHA256] {
				known[ind.SHA256] = true
				files = append(files, ind.SHA256)
			}
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	why := make(map[hunt.SHA256]doubt)
	if !g.cfg.SkipReputation {
		reputations(why, r.Tasks)
		reputations(why, r.Done)
	}
	if !g.cfg.SkipOverrides {
		g.overrides(ctx, why, without(files, why))
	}
	if !g.cfg.SkipSigners {
		g.signed(ctx, why, without(files, why))
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("cbchunt: which files are trusted: %w", err)
	}
	var holds []hunt.Hold
	for _, t := range r.Tasks {
		for _, ind := range t.Indicators {
			if d := why[ind.SHA256]; d.text != "" && t.Impact == hunt.Destroys {
				holds = append(holds, hunt.Hold{Key: t.Key(), SHA256: ind.SHA256, Reason: d.text, Unsure: d.unsure})
			}
		}
	}
	return holds, nil
}

// without are the files about which there is nothing to say yet.
func without(files []hunt.SHA256, why map[hunt.SHA256]doubt) []hunt.SHA256 {
	return slices.DeleteFunc(slices.Clone(files), func(f hunt.SHA256) bool { return why[f].text != "" })
}

// reputations says which files the service trusted where they ran.
func reputations(why map[hunt.SHA256]doubt, tasks []hunt.Task) {
	for i := range tasks {
		for _, s := range tasks[i].Sightings {
			if s.Evidence == hunt.Executed && trusted(s.Process.Reputation) {
				why[s.SHA256] = doubt{text: "Carbon Black Cloud trusts the file: its reputation is " + foreign(word(s.Process.Reputation))}
			}
		}
	}
}

// trusted tells whether a reputation is one of trust. The set is open: TRUSTED_WHITE_LIST, COMPANY_WHITE_LIST, COMMON_WHITE_LIST,
// ADAPTIVE_WHITE_LIST, LOCAL_WHITE, IGNORE and what they may be called some day.
func trusted(reputation string) bool {
	w := word(reputation)
	return w == "IGNORE" || strings.Contains(w, "WHITE") || strings.Contains(w, "APPROVED") || strings.Contains(w, "ALLOW")
}

// overrides says which files the organization has allowed. Every entry that is no ban counts: what a list that nobody knows means is
// not known either.
func (g *TrustedFiles) overrides(ctx context.Context, why map[hunt.SHA256]doubt, files []hunt.SHA256) {
	if len(files) == 0 {
		return
	}
	hashes := make([][32]byte, len(files))
	for i, f := range files {
		hashes[i] = f
	}
	entries, err := g.cfg.Overrides.BySHA256(ctx, hashes...)
	for _, f := range files {
		if err != nil {
			why[f] = unasked("whether the organization allows the file could not be asked", err,
				"the permission org.reputations (READ)", "do without the check of overrides")
			continue
		}
		for _, o := range entries[f] {
			if !strings.EqualFold(string(o.List), string(cbc.Banned)) {
				why[f] = doubt{text: fmt.Sprintf("the organization allows the file: override %s, by %s",
					foreign(string(o.ID)), cmp.Or(foreign(o.CreatedBy), "somebody unknown"))}
			}
		}
	}
}

// mostSignatures is as many as the service tells of a file.
const mostSignatures = 100

// mostMisses is how many files in a row cannot be asked about before the others are not asked about: machines wait to be isolated
// meanwhile.
const mostMisses = 8

// signed says which files a known signer has signed.
func (g *TrustedFiles) signed(ctx context.Context, why map[hunt.SHA256]doubt, files []hunt.SHA256) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	misses, last := 0, doubt{}
	slots := make(chan struct{}, 8)
	for _, f := range files {
		slots <- struct{}{}
		mu.Lock()
		vain := misses >= mostMisses
		if vain {
			why[f] = last
		}
		mu.Unlock()
		if vain || ctx.Err() != nil {
			<-slots
			continue
		}
		workers.Go(func() {
			defer func() { <-slots }()
			reason, answered := g.signer(ctx, f)
			mu.Lock()
			defer mu.Unlock()
			why[f] = reason
			if misses++; answered {
				misses = 0
			} else {
				last = reason
			}
		})
	}
	workers.Wait()
}

func (g *TrustedFiles) signer(ctx context.Context, f hunt.SHA256) (why doubt, answered bool) {
	signatures, err := g.cfg.Binaries.Signatures(ctx, f, mostSignatures)
	if unseen(err) {
		return doubt{}, true
	}
	if err != nil {
		return unasked("who signed the file could not be asked", err,
			"the permission ubs.org.sha256 (READ) and the organization Enterprise EDR", "do without the check of signers"), false
	}
	for _, s := range signatures {
		for _, name := range signerNames(s.SignedBy) {
			for _, known := range g.signers {
				if known.fits(name) {
					return doubt{text: fmt.Sprintf("the file is signed by %s, which fits %s", foreign(name), known.text)}, true
				}
			}
		}
	}
	return doubt{}, true
}

// unseen tells whether the store has answered that it does not have the file. A page that a proxy or a wrong address answers with is
// not about the file: the store's own answer has a code.
func unseen(err error) bool {
	e, answered := errors.AsType[*cbc.APIError](err)
	return errors.Is(err, cbc.ErrNotFound) && (!answered || e.Code != "")
}

// signerNames are a signer's name and, should it be a distinguished one, those in it: the vendor does not say which it is.
func signerNames(signer string) []string {
	var names []string
	add := func(s string) {
		if s = strings.Trim(s, " \""); s != "" {
			names = append(names, s)
		}
	}
	add(signer)
	for part := range strings.SplitSeq(signer, ",") {
		switch key, value, _ := strings.Cut(part, "="); word(key) {
		case "CN", "O":
			add(value)
		}
	}
	return names
}

// doubt is why a file is not to be destroyed. The zero doubt is none.
type doubt struct {
	text string
	// unsure means that it could not be asked this time.
	unsure bool
	// forbidden means that it cannot be asked until a person has seen to it.
	forbidden bool
}

// unasked is the doubt where nobody could tell. A missing permission is for a person; anything else is asked again.
func unasked(what string, err error, needs, instead string) doubt {
	if errors.Is(err, cbc.ErrForbidden) {
		return doubt{text: fmt.Sprintf("%s: %s. Give the key %s, or %s", what, cause(err), needs, instead), forbidden: true}
	}
	return doubt{text: what + ": " + cause(err), unsure: true}
}
