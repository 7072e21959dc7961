package proofpointhunt

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// Judge decides which files of one message are condemned, each once, and tells what is left alone and why. The rules are at the
// top of the package. The order of parts and threats in the message makes no difference.
func (s *Source) Judge(m proofpoint.Message) ([]hunt.Indicator, []hunt.LeftAlone) {
	j := newCase(m, s.options.Classifications)
	return j.condemned(), j.left()
}

// mailCase is one message while it is judged.
type mailCase struct {
	mail  proofpoint.Message
	parts map[hunt.SHA256][]proofpoint.Part
	// valid are the verdicts that count, the newest first; void are the others, with the reason.
	valid []proofpoint.Threat
	void  []voidThreat
	// guilty has the verdict on each condemned file.
	guilty map[hunt.SHA256]proofpoint.Threat
}

type voidThreat struct {
	threat proofpoint.Threat
	reason string
}

func newCase(m proofpoint.Message, classes []proofpoint.Classification) *mailCase {
	j := &mailCase{mail: m, parts: make(map[hunt.SHA256][]proofpoint.Part), guilty: make(map[hunt.SHA256]proofpoint.Threat)}
	for _, p := range m.Parts {
		if hash, ok := p.Hash(); ok {
			j.parts[hash] = append(j.parts[hash], p)
		}
	}
	for _, t := range m.Threats {
		if reason := whyVoid(t, classes); reason != "" {
			j.void = append(j.void, voidThreat{t, reason})
		} else {
			j.valid = append(j.valid, t)
		}
	}
	slices.SortStableFunc(j.valid, func(a, b proofpoint.Threat) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Artifact, b.Artifact))
	})
	for _, t := range j.valid {
		placed := false
		for _, hash := range j.files(t) {
			_, isPart := j.parts[hash]
			placed = placed || isPart
			j.convict(hash, t)
		}
		if !placed {
			j.convictBySandbox(t)
		}
	}
	return j
}

// files are the hashes that a verdict names: its artifact, and its id if only that is the hash of a part.
func (j *mailCase) files(t proofpoint.Threat) []hunt.SHA256 {
	if !t.Type.Is(proofpoint.TypeAttachment) {
		return nil
	}
	var files []hunt.SHA256
	if hash, ok := t.Hash(); ok {
		if files = append(files, hash); j.parts[hash] != nil {
			return files
		}
	}
	if id, err := hunt.ParseSHA256(string(t.ID)); err == nil && j.parts[id] != nil {
		files = append(files, id)
	}
	return files
}

// convict condemns a file, unless a verdict that was taken back speaks for it. The newest word counts, and of two at the same
// time the milder one.
func (j *mailCase) convict(hash hunt.SHA256, t proofpoint.Threat) {
	for _, v := range j.void {
		if v.threat.Names(hash) && !v.threat.Status.Is(proofpoint.StatusActive) && (v.threat.Time.IsZero() || !t.Time.After(v.threat.Time)) {
			return
		}
	}
	if _, ok := j.guilty[hash]; !ok {
		j.guilty[hash] = t
	}
}

// convictBySandbox is for a verdict that names no part: its file is among those that the sandbox condemned. A piece of the text
// is no attachment, and what another verdict is about has had its own.
func (j *mailCase) convictBySandbox(t proofpoint.Threat) {
	for hash, parts := range j.parts {
		if len(j.mail.ThreatsNaming(hash)) == 0 && slices.ContainsFunc(parts, condemnedBySandbox) {
			j.convict(hash, t)
		}
	}
}

func condemnedBySandbox(p proofpoint.Part) bool {
	return p.SandboxStatus.Is(proofpoint.SandboxThreat) && !p.Disposition.Is(proofpoint.Inline)
}

// condemned makes an indicator of each condemned file.
func (j *mailCase) condemned() []hunt.Indicator {
	all := make([]hunt.Indicator, 0, len(j.guilty))
	for hash, t := range j.guilty {
		mail := hunt.Mail{
			ID: j.mail.Identity(), GUID: j.mail.GUID, MessageID: j.mail.MessageID, Subject: j.mail.SubjectText(),
			Sender: j.sender(), Recipients: slices.Clone(j.mail.Recipients), Time: j.mail.Time,
			Delivered: j.mail.Category == proofpoint.Delivered, FileName: j.fileName(hash), Raw: j.mail.Raw,
		}
		all = append(all, hunt.Indicator{SHA256: hash, MD5: j.md5(hash), Threat: threat(t), Mails: []hunt.Mail{mail}})
	}
	slices.SortFunc(all, func(a, b hunt.Indicator) int { return slices.Compare(a.SHA256[:], b.SHA256[:]) })
	return all
}

// md5 is that of the part with the hash, zero if there is none, or if parts contradict each other.
func (j *mailCase) md5(hash hunt.SHA256) hunt.MD5 {
	var one hunt.MD5
	for _, p := range j.parts[hash] {
		md5, err := hunt.ParseMD5(p.MD5)
		if err != nil || md5 == one {
			continue
		}
		if !one.IsZero() {
			return hunt.MD5{}
		}
		one = md5
	}
	return one
}

// cleared are the files of the message whose newest verdict was taken back.
func (j *mailCase) cleared() []hunt.SHA256 {
	var all []hunt.SHA256
	for _, v := range j.void {
		if !v.threat.Status.Is(proofpoint.StatusCleared) && !v.threat.Status.Is(proofpoint.StatusFalsePositive) {
			continue
		}
		for _, hash := range j.files(v.threat) {
			if _, guilty := j.guilty[hash]; !guilty && !slices.Contains(all, hash) {
				all = append(all, hash)
			}
		}
	}
	return all
}

// sender is the envelope sender, or what the header says where that is empty.
func (j *mailCase) sender() string {
	if j.mail.Sender == "" && len(j.mail.FromAddresses) > 0 {
		return j.mail.FromAddresses[0]
	}
	return j.mail.Sender
}

// fileName is the name of the part with the hash, empty if there is none. Of several the first in the alphabet: the order of
// parts changes from call to call.
func (j *mailCase) fileName(hash hunt.SHA256) string {
	first := ""
	for _, p := range j.parts[hash] {
		if name := p.FileNameText(); first == "" || name != "" && name < first {
			first = name
		}
	}
	return first
}

func threat(t proofpoint.Threat) hunt.Threat {
	id := string(t.ID)
	if id == "" {
		id = t.Artifact
	}
	return hunt.Threat{
		ID: id, Type: string(proofpoint.TypeAttachment), Classification: strings.ToLower(string(t.Classification)),
		Status: string(proofpoint.StatusActive), Time: t.Time, URL: t.URL, CampaignID: t.CampaignID, Score: score(t.Classification),
	}
}

// score grades by classification. The scores in the message are from before the verdict and are 0 for condemned files.
func score(c proofpoint.Classification) int {
	switch {
	case c.Is(proofpoint.ClassMalware):
		return 90
	case c.Is(proofpoint.ClassPhish):
		return 70
	default:
		return 50
	}
}
