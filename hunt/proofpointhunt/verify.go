package proofpointhunt

import (
	"context"
	"fmt"
	"strings"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

var _ hunt.Verifier = (*Source)(nil)

// Verify asks the service whether the threat behind an indicator is active at this moment. A threat that is not an attachment, or
// that the service does not know any more, is an error: nothing is known then.
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
	return summary.Status.Is(proofpoint.StatusActive), nil
}
