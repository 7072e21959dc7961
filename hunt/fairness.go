package hunt

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// fairness asks again, right before something is done about a file, whether it is condemned still.
type fairness struct {
	run string
	h   *Hunter
	mu  sync.Mutex
	// words are the answers of this run, each good for wordLife.
	words map[SHA256]*word
	// heard is when the source named a file of which the verdict is fresh.
	heard map[SHA256]time.Time
}

// hearsay is for how long what the source said is enough.
const hearsay = 10 * time.Minute

// hear notes that the source has named a file.
func (f *fairness) hear(ind Indicator) {
	now := f.h.cfg.Now()
	if age := now.Sub(ind.Threat.Time); ind.Threat.Time.IsZero() || age > f.h.cfg.FreshVerdict || age < -hearsay {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, known := f.heard[ind.SHA256]; !known || !at.IsZero() {
		f.heard[ind.SHA256] = now
	}
}

// doubt notes that the source has said something else about a file as well: its word is not enough any more.
func (f *fairness) doubt(file SHA256) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard[file] = time.Time{}
}

// judge tells whether a file is condemned, as sure as it must be for what is to be done: what can be taken back is done on a fresh verdict
// that the source has just told.
func (f *fairness) judge(ctx context.Context, ind Indicator, impact Impact) (condemned bool, err error) {
	if f.told(ind.SHA256, impact) {
		return true, nil
	}
	return f.ask(ctx, ind)
}

func (f *fairness) told(file SHA256, impact Impact) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return impact == Contains && f.words[file] == nil && f.h.cfg.Now().Sub(f.heard[file]) < hearsay
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

func newFairness(h *Hunter, run string) *fairness {
	return &fairness{h: h, run: run, words: make(map[SHA256]*word), heard: make(map[SHA256]time.Time)}
}

// ask returns the present verdict on a file. Several who ask at once share one question.
func (f *fairness) ask(ctx context.Context, ind Indicator) (condemned bool, err error) {
	for {
		w := f.word(ind.SHA256)
		w.once.Do(func() {
			begun := f.h.cfg.Now()
			w.condemned, w.err = f.h.cfg.Verifier.Verify(ctx, ind)
			f.h.observe(f.run, Event{Step: StepVerdict, Name: ind.SHA256.String(), Count: 1, Took: f.h.cfg.Now().Sub(begun), Err: w.err})
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
			if seen[ind.SHA256] || f.told(ind.SHA256, t.Impact) {
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
		condemned, err := f.judge(ctx, ind, t.Impact)
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
