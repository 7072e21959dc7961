package proofpointhunt_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
)

// TestJudge goes through the traps: what is condemned, as hash and name, and what is left alone, as name and reason.
func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		nothing  = "nothing condemns this part of the mail"
		text     = "a piece of the mail's text, which nothing condemns"
		sandbox  = "only the sandbox condemned it: no verdict that is hunted is about it"
		cleared  = "the verdict was cleared"
		mistaken = "the verdict was a false positive"
	)
	type parts = []proofpoint.Part
	type threats = []proofpoint.Threat
	tests := []struct {
		name      string
		parts     parts
		threats   threats
		condemned []string
		left      []string
	}{
		{
			"clean parts beside a condemned one",
			parts{attached("logo.png", logo, ""), inline("text.html", page, ""), attached("offer.iso", bad, "THREAT")},
			threats{verdict(bad)},
			[]string{bad + " offer.iso"},
			[]string{"logo.png: " + nothing, "text.html: " + text},
		},
		{
			"a part that the sandbox called clean is condemned by a later verdict",
			parts{attached("offer.iso", bad, "CLEAN"), attached("logo.png", logo, "inprogress")},
			threats{verdict(bad)},
			[]string{bad + " offer.iso"},
			[]string{"logo.png: " + nothing},
		},
		{
			"hashes, types and statuses in capitals",
			parts{attached("offer.iso", strings.ToUpper(bad), "")},
			threats{verdict(bad, kind("ATTACHMENT"), class("MALWARE"), status("Active"))},
			[]string{bad + " offer.iso"},
			nil,
		},
		{
			"the hash of the verdict in capitals",
			parts{attached("offer.iso", bad, "")},
			threats{verdict(strings.ToUpper(bad))},
			[]string{bad + " offer.iso"},
			nil,
		},
		{
			"a link, whatever the sandbox says",
			parts{attached("offer.iso", bad, "THREAT"), attached("logo.png", logo, "")},
			threats{verdict(bad, kind("url"), artifact("portal.example/r"))},
			nil,
			[]string{": only a link is condemned, not a file", "logo.png: " + nothing, "offer.iso: " + sandbox},
		},
		{
			"a link with the hash of a part as its id",
			parts{attached("logo.png", logo, "")},
			threats{verdict(logo, kind("url"))},
			nil,
			[]string{": only a link is condemned, not a file", "logo.png: " + nothing},
		},
		{
			"the text, in both names, and something new",
			nil,
			threats{verdict(bad, kind("message")), verdict(bad, kind("messageText")), verdict(worse, kind("qrcode"))},
			nil,
			[]string{": only the text of the mail is condemned, not a file", ": what is condemned is not an attachment"},
		},
		{
			"cleared",
			parts{attached("offer.iso", bad, "THREAT")},
			threats{verdict(bad, status("Cleared"))},
			nil,
			[]string{"offer.iso: " + cleared},
		},
		{
			"a false positive in both spellings",
			parts{attached("a.zip", bad, "THREAT"), attached("b.zip", worse, "THREAT")},
			threats{verdict(bad, status("falsePositive")), verdict(worse, status("falsepositive"))},
			nil,
			[]string{"a.zip: " + mistaken, "b.zip: " + mistaken},
		},
		{
			"no status and an unknown one",
			parts{attached("a.zip", bad, "THREAT"), attached("b.zip", worse, "THREAT")},
			threats{verdict(bad, status("")), verdict(worse, status("underReview"))},
			nil,
			[]string{"a.zip: the verdict has no status", "b.zip: the verdict is not active"},
		},
		{
			"a classification that is not hunted",
			parts{attached("invoice.htm", bad, "THREAT"), attached("new.one", worse, "THREAT")},
			threats{verdict(bad, class("PHISH")), verdict(worse, class("ransomware")), verdict(inner, class(""))},
			nil,
			[]string{
				inner + ": the verdict has no classification",
				"invoice.htm: the classification phish is not hunted",
				"new.one: the classification is not hunted",
			},
		},
		{
			"a record without parts",
			nil,
			threats{verdict(bad)},
			[]string{bad + " "},
			nil,
		},
		{
			"a verdict whose hash is no part's",
			parts{attached("documents.7z", logo, "UNSUPPORTED_TYPE")},
			threats{verdict(inner)},
			[]string{inner + " "},
			[]string{"documents.7z: " + nothing},
		},
		{
			"a verdict whose hash is no part's, and a part that the sandbox condemned",
			parts{attached("documents.zip", bad, "Threat"), attached("logo.png", logo, "")},
			threats{verdict(inner)},
			[]string{bad + " documents.zip", inner + " "},
			[]string{"logo.png: " + nothing},
		},
		{
			"a verdict that names no hash, and a part that the sandbox condemned",
			parts{attached("offer.iso", bad, "THREAT"), attached("logo.png", logo, "CLEAN")},
			threats{verdict(inner, artifact("offer.iso"))},
			[]string{bad + " offer.iso"},
			[]string{"logo.png: " + nothing},
		},
		{
			"a verdict that names no hash, and nothing else",
			parts{attached("logo.png", logo, "CLEAN")},
			threats{verdict(inner, artifact("offer.iso"))},
			nil,
			[]string{": the verdict names no file", "logo.png: " + nothing},
		},
		{
			"a verdict whose id is the hash of the part",
			parts{attached("offer.iso", bad, ""), attached("logo.png", logo, "")},
			threats{verdict(bad, artifact("offer.iso"))},
			[]string{bad + " offer.iso"},
			[]string{"logo.png: " + nothing},
		},
		{
			"a verdict that names a part does not reach for another through its id",
			parts{attached("offer.iso", bad, ""), attached("logo.png", logo, "")},
			threats{verdict(logo, artifact(bad))},
			[]string{bad + " offer.iso"},
			[]string{"logo.png: " + nothing},
		},
		{
			"the sandbox alone, while the verdict is about another part",
			parts{attached("offer.iso", bad, ""), attached("second.zip", worse, "THREAT")},
			threats{verdict(bad)},
			[]string{bad + " offer.iso"},
			[]string{"second.zip: " + sandbox},
		},
		{
			"a cleared part is not brought back by the verdict on another",
			parts{attached("offer.iso", bad, ""), attached("second.zip", worse, "THREAT")},
			threats{verdict(bad), verdict(worse, status("cleared"))},
			[]string{bad + " offer.iso"},
			[]string{"second.zip: " + cleared},
		},
		{
			"a cleared part is not brought back by a verdict that names no part",
			parts{attached("second.zip", worse, "THREAT")},
			threats{verdict(inner), verdict(worse, status("falsepositive"))},
			[]string{inner + " "},
			[]string{"second.zip: " + mistaken},
		},
		{
			"a part with a phish verdict is not brought in by a verdict that names no part",
			parts{attached("invoice.htm", worse, "THREAT")},
			threats{verdict(inner), verdict(worse, class("phish"))},
			[]string{inner + " "},
			[]string{"invoice.htm: the classification phish is not hunted"},
		},
		{
			"the text of a mail is no attachment, whatever the sandbox says",
			parts{inline("text.html", page, "THREAT"), inline("text.txt", logo, "")},
			threats{verdict(inner)},
			[]string{inner + " "},
			[]string{"text.html: " + sandbox, "text.txt: " + text},
		},
		{
			"a part in the text that the verdict names",
			parts{inline("offer.pdf", bad, "")},
			threats{verdict(bad)},
			[]string{bad + " offer.pdf"},
			nil,
		},
		{
			"taken back after it was condemned",
			parts{attached("offer.iso", bad, "THREAT")},
			threats{verdict(bad), verdict(bad, status("falsePositive"), later(time.Hour))},
			nil,
			[]string{"offer.iso: " + mistaken},
		},
		{
			"taken back and condemned at the same time",
			parts{attached("offer.iso", bad, "THREAT")},
			threats{verdict(bad), verdict(bad, status("cleared"))},
			nil,
			[]string{"offer.iso: " + cleared},
		},
		{
			"condemned anew after it was cleared",
			parts{attached("offer.iso", bad, "THREAT")},
			threats{verdict(bad, status("cleared")), verdict(bad, later(time.Hour))},
			[]string{bad + " offer.iso"},
			nil,
		},
		{
			"taken back under its id",
			parts{attached("offer.iso", bad, "")},
			threats{verdict(bad), verdict(bad, artifact(inner), status("cleared"))},
			nil,
			[]string{inner + ": " + cleared, "offer.iso: " + cleared},
		},
		{
			"taken back by a verdict that names another file of the mail, too",
			parts{attached("offer.iso", bad, ""), attached("other.iso", worse, "")},
			threats{verdict(bad), verdict(bad, artifact(worse), status("cleared"))},
			nil,
			[]string{"offer.iso: another verdict on the same file was taken back", "other.iso: " + cleared},
		},
		{
			"two condemned parts and a clean one",
			parts{attached("second.zip", worse, ""), attached("logo.png", logo, ""), attached("first.zip", bad, "")},
			threats{verdict(worse), verdict(bad, later(time.Minute))},
			[]string{bad + " first.zip", worse + " second.zip"},
			[]string{"logo.png: " + nothing},
		},
		{
			"one file twice under two names",
			parts{attached("z.iso", bad, ""), attached("a.iso", bad, "THREAT"), attached("", bad, "")},
			threats{verdict(bad)},
			[]string{bad + " a.iso"},
			nil,
		},
		{
			"the same verdict twice",
			parts{attached("offer.iso", bad, "")},
			threats{verdict(bad), verdict(bad)},
			[]string{bad + " offer.iso"},
			nil,
		},
		{
			"two pieces of one link",
			nil,
			threats{verdict(bad, kind("url"), artifact("a.example")), verdict(worse, kind("url"), artifact("a.example/x"))},
			nil,
			[]string{": only a link is condemned, not a file"},
		},
		{
			"parts without a hash",
			parts{attached("a.bin", "", "THREAT"), attached("", "", ""), attached("b.bin", bad[1:], "")},
			threats{verdict(inner)},
			[]string{inner + " "},
			[]string{": " + nothing, "a.bin: " + sandbox, "b.bin: " + nothing},
		},
		{
			"an encoded name",
			parts{attached("=?utf-8?Q?Pr=C3=A4mie.iso?=", bad, "")},
			threats{verdict(bad)},
			[]string{bad + " Prämie.iso"},
			nil,
		},
		{"nothing at all", nil, nil, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source := newSource(t)
			m := proofpoint.Message{Category: proofpoint.Delivered, GUID: "g", Subject: "s", Parts: tt.parts, Threats: tt.threats}
			check := func(order string, m proofpoint.Message) {
				t.Helper()
				indicators, leftAlone := source.Judge(m)
				var condemned, left []string
				for _, ind := range indicators {
					condemned = append(condemned, ind.SHA256.String()+" "+ind.Mails[0].FileName)
				}
				for _, l := range leftAlone {
					if l.Subject != "s" {
						t.Errorf("the subject of %+v is not the mail's", l)
					}
					left = append(left, l.File+": "+l.Reason)
				}
				slices.Sort(left)
				if diff := cmp.Diff(tt.condemned, condemned); diff != "" {
					t.Errorf("condemned, %s, mismatch (-want +got):\n%s", order, diff)
				}
				if diff := cmp.Diff(tt.left, left); diff != "" {
					t.Errorf("left alone, %s, mismatch (-want +got):\n%s", order, diff)
				}
			}
			check("as given", m)
			m.Parts, m.Threats = slices.Clone(m.Parts), slices.Clone(m.Threats)
			slices.Reverse(m.Parts)
			slices.Reverse(m.Threats)
			check("turned round", m)
		})
	}
}
