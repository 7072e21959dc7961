package proofpointhunt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
)

func TestWithdrawalWithoutATimeProtectsTheFile(t *testing.T) {
	t.Parallel()
	client, err := proofpoint.New(proofpoint.Config{Credentials: proofpoint.Basic("principal", "secret")})
	if err != nil {
		t.Fatal(err)
	}
	source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: true})
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("ab", 32)
	threat := proofpoint.Threat{
		ID: proofpoint.ThreatID(hash), Artifact: hash, Type: proofpoint.TypeAttachment, Classification: proofpoint.ClassMalware,
		Status: proofpoint.StatusActive, Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	}
	withdrawn := threat
	withdrawn.Status, withdrawn.Time = proofpoint.StatusFalsePositive, time.Time{}
	if got, _ := source.Judge(proofpoint.Message{Threats: []proofpoint.Threat{threat}}); len(got) != 1 {
		t.Errorf("Judge of the verdict alone = %v, want one file", got)
	}
	if got, _ := source.Judge(proofpoint.Message{Threats: []proofpoint.Threat{threat, withdrawn}}); len(got) != 0 {
		t.Errorf("Judge = %v, want nothing: the verdict was taken back, nobody knows when", got)
	}
}
