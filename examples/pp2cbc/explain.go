package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/proofpoint"
)

// serviceError says which service an error comes from.
type serviceError struct {
	service service
	section string
	err     error
}

func (e *serviceError) Error() string { return e.service.name + ": " + e.err.Error() }
func (e *serviceError) Unwrap() error { return e.err }

// from marks an error as that of a service.
func from(s service, section string, err error) error {
	if err == nil {
		return nil
	}
	return &serviceError{service: s, section: section, err: err}
}

// explain turns an error into one line that says what is wrong and, where that is known, what to do about it.
func explain(err error) string {
	e, ok := errors.AsType[*serviceError](err)
	if !ok {
		return err.Error()
	}
	name, section, key := e.service.name, e.section, e.section+".url"
	if e.service.url == "" && section == "actions" {
		key = section + ".webhook"
	}
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var lookup *net.DNSError
	var network *net.OpError
	switch {
	case errors.As(err, &unknown):
		return fmt.Sprintf("%s: the certificate comes from an authority that is not known here; name its PEM file in %s.ca_file or SSL_CERT_FILE", e.service, section)
	case errors.As(err, &wrongHost), errors.As(err, &invalid):
		return fmt.Sprintf("%s: the certificate does not fit: %v; check %s and the clock", e.service, errors.Unwrap(e), key)
	case is(proofpoint.ErrUnauthorized):
		return fmt.Sprintf("%s refused the credentials; check Proofpoint.principal and Proofpoint.secret", name)
	case is(cbc.ErrUnauthorized):
		return fmt.Sprintf("%s refused the API key; check CarbonBlack.custom_api_id and custom_api_key, and that the key is of the type Custom", name)
	case is(nsx.ErrUnauthorized):
		return fmt.Sprintf("%s refused the login; check NSX.username and NSX.password", name)
	case is(cbc.ErrUnknownOrg):
		return fmt.Sprintf("%s does not know the organization; check CarbonBlack.org_key", name)
	case is(proofpoint.ErrForbidden, cbc.ErrForbidden, nsx.ErrForbidden):
		return fmt.Sprintf("%s knows the credentials but does not allow this; a permission is missing: %v", name, err)
	case is(proofpoint.ErrRateLimited, cbc.ErrRateLimited, nsx.ErrRateLimited):
		return fmt.Sprintf("%s has had too many calls: %v; wait, or run less often", name, err)
	case errors.As(err, &lookup):
		return fmt.Sprintf("%s: the host cannot be found; check %s and the name service", e.service, key)
	case is(context.DeadlineExceeded):
		return fmt.Sprintf("%s did not answer in time; check %s, the network and the proxy: %v", e.service, key, err)
	case errors.As(err, &network):
		return fmt.Sprintf("%s cannot be reached; check %s, the network and the proxy: %v", e.service, key, network.Err)
	}
	return err.Error()
}

// namedSource marks the errors of a source.
func namedSource(s service, section string, source hunt.Source) hunt.Source {
	return hunt.SourceFunc(func(ctx context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
		return named(s, section, source.Indicators(ctx, ask))
	})
}

// namedSearcher marks the errors of a searcher.
func namedSearcher(s service, section string, searcher hunt.Searcher) hunt.Searcher {
	return hunt.SearcherFunc(func(ctx context.Context, batch []hunt.Indicator, since time.Time) iter.Seq2[hunt.Sighting, error] {
		return named(s, section, searcher.Search(ctx, batch, since))
	})
}

func named[T any](s service, section string, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range all {
			if !yield(v, from(s, section, err)) {
				return
			}
		}
	}
}

// namedAction marks the errors of an action, and leaves it what it can do besides: look, and take back.
func namedAction(s service, section string, a hunt.Action) hunt.Action {
	marked := markedAction{Action: a, mark: func(outcomes []hunt.Outcome) []hunt.Outcome {
		for i := range outcomes {
			outcomes[i].Err = from(s, section, outcomes[i].Err)
		}
		return outcomes
	}}
	looker, looks := a.(hunt.Looker)
	undoer, undoes := a.(hunt.Undoer)
	switch {
	case looks && undoes:
		return markedBoth{markedLooker{marked, looker}, markedUndoer{marked, undoer}}
	case looks:
		return markedLooker{marked, looker}
	case undoes:
		return markedUndoer{marked, undoer}
	}
	return marked
}

type markedAction struct {
	hunt.Action
	mark func([]hunt.Outcome) []hunt.Outcome
}

func (a markedAction) Do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	return a.mark(a.Action.Do(ctx, tasks))
}

type markedLooker struct {
	markedAction
	looker hunt.Looker
}

func (a markedLooker) Look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	return a.mark(a.looker.Look(ctx, tasks))
}

type markedUndoer struct {
	markedAction
	undoer hunt.Undoer
}

func (a markedUndoer) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	return a.mark(a.undoer.Undo(ctx, tasks))
}

type markedBoth struct {
	markedLooker
	undoer markedUndoer
}

func (a markedBoth) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	return a.undoer.Undo(ctx, tasks)
}
