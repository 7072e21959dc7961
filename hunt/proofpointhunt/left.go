package proofpointhunt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// Why a verdict or a part is left alone. Reports count by these sentences, so they quote nothing that is different each time.
const (
	reasonLink         = "only a link is condemned, not a file"
	reasonText         = "only the text of the mail is condemned, not a file"
	reasonOtherType    = "what is condemned is not an attachment"
	reasonCleared      = "the verdict was cleared"
	reasonFalse        = "the verdict was a false positive"
	reasonNoStatus     = "the verdict has no status"
	reasonOtherStatus  = "the verdict is not active"
	reasonNoClass      = "the verdict has no classification"
	reasonOtherClass   = "the classification is not hunted"
	reasonWithdrawn    = "another verdict on the same file was taken back"
	reasonNoFile       = "the verdict names no file"
	reasonNotCondemned = "nothing condemns this part of the mail"
	reasonInline       = "a piece of the mail's text, which nothing condemns"
	reasonSandboxOnly  = "only the sandbox condemned it: no verdict that is hunted is about it"
)

// whyVoid tells why a verdict does not count, and is empty for one that does.
func whyVoid(t proofpoint.Threat, classes []proofpoint.Classification) string {
	switch {
	case t.Type.Is(proofpoint.TypeURL):
		return reasonLink
	case t.Type.Is(proofpoint.TypeMessageText):
		return reasonText
	case !t.Type.Is(proofpoint.TypeAttachment):
		return reasonOtherType
	case t.Status.Is(proofpoint.StatusCleared):
		return reasonCleared
	case t.Status.Is(proofpoint.StatusFalsePositive):
		return reasonFalse
	case t.Status == "":
		return reasonNoStatus
	case !t.Status.Is(proofpoint.StatusActive):
		return reasonOtherStatus
	case t.Classification == "":
		return reasonNoClass
	case !slices.ContainsFunc(classes, t.Classification.Is):
		return reasonOfClass(t.Classification)
	}
	return ""
}

// reasonOfClass names the classifications that are known: an open set of them would make an open set of reasons.
func reasonOfClass(c proofpoint.Classification) string {
	for _, known := range [...]proofpoint.Classification{
		proofpoint.ClassMalware, proofpoint.ClassPhish, proofpoint.ClassSpam, proofpoint.ClassImpostor, proofpoint.ClassTOAD,
	} {
		if c.Is(known) {
			return fmt.Sprintf("the classification %s is not hunted", known)
		}
	}
	return reasonOtherClass
}

// left tells of every verdict and every part from which no indicator came.
func (j *mailCase) left() []hunt.LeftAlone {
	var all []hunt.LeftAlone
	add := func(file, reason string) {
		l := hunt.LeftAlone{Subject: j.mail.SubjectText(), File: file, Reason: reason}
		if !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	told := make(map[hunt.SHA256]bool)
	for _, v := range j.void {
		files := j.files(v.threat)
		if len(files) == 0 {
			add("", v.reason)
		}
		for _, hash := range files {
			told[hash] = true
			if _, guilty := j.guilty[hash]; !guilty {
				add(j.name(hash), v.reason)
			}
		}
	}
	for _, t := range j.valid {
		files := j.files(t)
		if len(files) == 0 && !j.usedAgainst(t) {
			add("", reasonNoFile)
		}
		for _, hash := range files {
			if _, guilty := j.guilty[hash]; !guilty && !told[hash] {
				told[hash] = true
				add(j.name(hash), reasonWithdrawn)
			}
		}
	}
	for _, p := range j.mail.Parts {
		hash, ok := p.Hash()
		if _, guilty := j.guilty[hash]; ok && (guilty || told[hash]) {
			continue
		}
		name := p.FileNameText()
		if name == "" {
			name = strings.ToLower(p.SHA256)
		}
		add(name, whyLeft(p))
	}
	slices.SortStableFunc(all, func(a, b hunt.LeftAlone) int { return strings.Compare(a.File, b.File) })
	return all
}

// usedAgainst tells whether the verdict brought anybody down without naming a file.
func (j *mailCase) usedAgainst(t proofpoint.Threat) bool {
	for _, verdict := range j.guilty {
		if verdict.ID == t.ID && verdict.Artifact == t.Artifact {
			return true
		}
	}
	return false
}

// name is what to call a file: the name of its part, or its hash.
func (j *mailCase) name(hash hunt.SHA256) string {
	if name := j.fileName(hash); name != "" {
		return name
	}
	return hash.String()
}

func whyLeft(p proofpoint.Part) string {
	switch {
	case p.SandboxStatus.Is(proofpoint.SandboxThreat):
		return reasonSandboxOnly
	case p.Disposition.Is(proofpoint.Inline):
		return reasonInline
	default:
		return reasonNotCondemned
	}
}
