package proofpointhunt

import (
	"context"
	"fmt"
	"strings"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

var _ hunt.Verifier = (*Source)(nil)

// Verify asks the service whether the threat behind an indicator is active at this moment, and not cleared or a false positive. Any other
// status, a threat that is not an attachment, and one that the service does not know any more are errors: nothing is known then, neither
// that something may be done nor that what was done may be taken back.
func (s *Source) Verify(ctx context.Context, ind hunt.Indicator) (condemned bool, err error) {
	id := ind.Threat.ID
	if id == "" {
		id = ind.SHA256.String()
	}
	summary, err := s.client.Threats.Summary(ctx, proofpoint.ThreatID(id))
	if err != nil {
		return false, fmt.Errorf("proofpointhunt: %w", err)
	}
	if summary.ID != "" && !strings.EqualFold(string(summary.ID), id) {
		return false, fmt.Errorf("proofpointhunt: asked about threat %s and told about %s", id, summary.ID)
	}
	if !summary.Type.Is(proofpoint.TypeAttachment) {
		return false, fmt.Errorf("proofpointhunt: threat %s is a %q, not an attachment", id, summary.Type)
	}
	switch status := summary.Status; {
	case status.Is(proofpoint.StatusActive):
		return true, nil
	case status.Is(proofpoint.StatusCleared), status.Is(proofpoint.StatusFalsePositive):
		return false, nil
	default:
		return false, fmt.Errorf("proofpointhunt: threat %s has the unknown status %.40q", id, status)
	}
}
