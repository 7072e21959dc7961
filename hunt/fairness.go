package hunt

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// fairness asks again, right before something is done about a file, whether it is condemned still.
type fairness struct {
	h  *Hunter
	mu sync.Mutex
	// words are the answers of this run, each good for wordLife.
	words map[SHA256]*word
}

// wordLife is how long an answer stands: the tasks of one file follow each other quickly.
const wordLife = time.Minute

// questions is how many files are asked about at once.
const questions = 8

type word struct {
	asked     time.Time
	once      sync.Once
	condemned bool
	err       error
	// cut means that the asker was stopped before the answer came, which says nothing to the others.
	cut bool
}

func newFairness(h *Hunter) *fairness {
	return &fairness{h: h, words: make(map[SHA256]*word)}
}

// ask returns the present verdict on a file. Several who ask at once share one question.
func (f *fairness) ask(ctx context.Context, ind Indicator) (condemned bool, err error) {
	for {
		w := f.word(ind.SHA256)
		w.once.Do(func() {
			w.condemned, w.err = f.h.cfg.Verifier.Verify(ctx, ind)
			w.cut = w.err != nil && ctx.Err() != nil
		})
		if !w.cut || ctx.Err() != nil {
			return w.condemned, w.err
		}
		f.mu.Lock()
		if f.words[ind.SHA256] == w {
			delete(f.words, ind.SHA256)
		}
		f.mu.Unlock()
	}
}

// word is the answer on a file that stands, or one that is to be asked for.
func (f *fairness) word(hash SHA256) *word {
	now := f.h.cfg.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	w, ok := f.words[hash]
	if !ok || now.Sub(w.asked) > wordLife {
		w = &word{asked: now}
		f.words[hash] = w
	}
	return w
}

// weigh returns the tasks that may go on, without what rests on files that are condemned no longer. The others get their end: held
// if the verdict was taken back, failed if nobody could tell.
func (f *fairness) weigh(ctx context.Context, tasks []Task, ends map[string]Outcome) (open []Task) {
	if f.h.cfg.Verifier == nil {
		return tasks
	}
	f.askAll(ctx, tasks)
	for _, t := range tasks {
		fair, end := f.weighOne(ctx, t)
		if ctx.Err() != nil {
			return open // the others were not begun
		}
		if end.Status != "" {
			ends[t.Key()] = end
			continue
		}
		open = append(open, fair)
	}
	return open
}

// askAll asks about the files of tasks, several at once.
func (f *fairness) askAll(ctx context.Context, tasks []Task) {
	seen := make(map[SHA256]bool)
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, questions)
	for _, t := range tasks {
		for _, ind := range t.Indicators {
			if seen[ind.SHA256] {
				continue
			}
			seen[ind.SHA256] = true
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			workers.Go(func() {
				defer func() { <-slots }()
				_, _ = f.ask(ctx, ind) // the answer is kept
			})
		}
	}
}

func (f *fairness) weighOne(ctx context.Context, t Task) (Task, Outcome) {
	withdrawn := make(map[SHA256]bool)
	for _, ind := range t.Indicators {
		condemned, err := f.ask(ctx, ind)
		if err != nil {
			err = fmt.Errorf("the verdict on %s could not be asked again: %w", ind.SHA256, err)
			return t, Outcome{Task: t, Status: Failed, Detail: err.Error(), Err: err}
		}
		withdrawn[ind.SHA256] = !condemned
	}
	fair := t.without(func(file SHA256) bool { return withdrawn[file] })
	if len(fair.Indicators) == 0 {
		return t, Outcome{Task: t, Status: Held, Detail: "the verdict was taken back: the file is not condemned any more"}
	}
	return fair, Outcome{}
}
