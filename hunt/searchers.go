package hunt

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"
)

// Searchers searches in several places at once, such as in two products on different machines. What each of them finds is yielded as it
// comes; a hunt keeps the strongest sighting of a file in a process. Where one of them fails, what the others find counts all the same,
// and the error comes last: a [*SearchError] with the files that any of them could not be asked about.
func Searchers(all ...Searcher) Searcher {
	return SearcherFunc(func(ctx context.Context, batch []Indicator, since time.Time) iter.Seq2[Sighting, error] {
		return func(yield func(Sighting, error) bool) {
			ctx, stop := context.WithCancel(ctx)
			defer stop()
			found := make(chan Sighting)
			var mu sync.Mutex
			var problems []error
			var workers sync.WaitGroup
			for _, searcher := range all {
				workers.Go(func() {
					for s, err := range searcher.Search(ctx, slices.Clone(batch), since) {
						if err != nil {
							mu.Lock()
							problems = append(problems, err)
							mu.Unlock()
							return
						}
						select {
						case found <- s:
						case <-ctx.Done():
							mu.Lock()
							problems = append(problems, ctx.Err())
							mu.Unlock()
							return
						}
					}
				})
			}
			go func() {
				workers.Wait()
				close(found)
			}()
			stopped := false
			for s := range found {
				if !stopped && !yield(s, nil) {
					stopped = true
					stop()
				}
			}
			if err := joinSearches(batch, problems); err != nil && !stopped {
				yield(Sighting{}, err)
			}
		}
	})
}

// joinSearches is one error for several, about all their files.
func joinSearches(batch []Indicator, problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	var hashes []SHA256
	for _, err := range problems {
		var part *SearchError
		if errors.As(err, &part) && len(part.Hashes) > 0 {
			hashes = append(hashes, part.Hashes...)
			continue
		}
		for _, ind := range batch {
			hashes = append(hashes, ind.SHA256)
		}
	}
	slices.SortFunc(hashes, func(a, b SHA256) int { return slices.Compare(a[:], b[:]) })
	return &SearchError{Hashes: slices.Compact(hashes), Err: errors.Join(problems...)}
}
