package proofpoint

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// DefaultRecheck is how long records are looked for after their time. Some turn up half an hour late.
const DefaultRecheck = time.Hour

// PollerConfig says what a poller reads. Feed is required.
type PollerConfig struct {
	// Feed is what is read. [FeedAll] has everything for one call a window.
	Feed Feed
	// ThreatTypes and ThreatStatuses are those of [Query]. A verdict that is taken back is seen only with [StatusFalsePositive]
	// among the statuses.
	ThreatTypes    []ThreatType
	ThreatStatuses []ThreatStatus
	// Start is where the first poll without a cursor begins. Defaults to an hour before that poll.
	Start time.Time
	// Cursor is where an earlier poller ended. It must be one of the same feed. Start is not used then.
	Cursor Cursor
	// Recheck is how long each instant is asked for again, for records that turn up late. Defaults to [DefaultRecheck]. Polling more
	// often than every two minutes costs one call each time with that, and less often two. It must be shorter than the service looks
	// back.
	Recheck time.Duration
	// Slice is the longest window that is asked for at once. Defaults to [MaxWindow].
	Slice time.Duration
	// Changes hands a known record out again when it says something new: a status that was assigned anew, another threat, a campaign.
	// What it has said before is not new, where the service has both versions of it.
	Changes bool
	// Relevant is that of [Query]. What it says no to is not remembered either.
	Relevant func(c Category, raw []byte) bool
	// OnMalformed is told of each record that cannot be read, once. Defaults to collecting them for one [*MalformedError] at the end
	// of the poll, or of a later one if the loop stops before. They do not hold the cursor up: they would be as unreadable the next
	// time.
	OnMalformed func(Malformed)
	// OnGap is told of time that lies too far back to be asked for, after which the poll goes on behind it. Defaults to a
	// [*GapError] at the end of the poll, or of a later one if the loop stops before.
	OnGap func(Window)
}

// Polled is a record out of a poll.
type Polled struct {
	Record
	// Changed tells that the record was handed out before, and says something new now.
	Changed bool
}

// GapError means that a poller had to leave time out: it lies further back than the service looks. Everything behind it was read.
type GapError struct {
	// Window is what was left out. The first of it, up to [PollerConfig.Recheck], may have been read, but not again for late records.
	Window Window
}

// Error tells what was left out.
func (e *GapError) Error() string {
	return fmt.Sprintf("proofpoint: poll: the time %s lies too far back and was left out", e.Window.interval())
}

// Unwrap is [ErrTooOld].
func (e *GapError) Unwrap() error { return ErrTooOld }

// Poller reads a feed on and on: each poll brings the records that have come since the one before, and those that turned up late. It
// hands no record out twice, recipients of one message being records of their own.
//
// A Poller belongs to one goroutine.
type Poller struct {
	client *Client
	cfg    PollerConfig
	cursor Cursor
	// bad and gap are for the end of a poll whose loop does not stop before.
	bad MalformedError
	gap *GapError
	// told is up to where a gap was told of or kept. The cursor follows only when the window behind it was read.
	told time.Time
}

// NewPoller checks the configuration, returning everything that is wrong with it. It sends nothing.
func NewPoller(client *Client, cfg PollerConfig) (*Poller, error) {
	if cfg.Recheck == 0 {
		cfg.Recheck = DefaultRecheck
	}
	cfg.ThreatTypes, cfg.ThreatStatuses = slices.Clone(cfg.ThreatTypes), slices.Clone(cfg.ThreatStatuses)
	var problems []error
	if client == nil {
		problems = append(problems, errors.New("proofpoint: new poller: the client is missing"))
	}
	if cfg.Feed.Categories() == nil {
		problems = append(problems, fmt.Errorf("proofpoint: new poller: there is no feed %q", string(cfg.Feed)))
	}
	if cfg.Recheck < 0 {
		problems = append(problems, errors.New("proofpoint: new poller: Recheck must not be negative"))
	}
	if client != nil && cfg.Recheck >= client.SIEM.lookBack() {
		problems = append(problems, fmt.Errorf("proofpoint: new poller: Recheck must be shorter than the %s that can be asked for", client.SIEM.lookBack()))
	}
	if err := (&SliceOptions{Size: cfg.Slice}).normalize(); err != nil {
		problems = append(problems, fmt.Errorf("proofpoint: new poller: %w", err))
	}
	if at := cfg.Cursor.feed; at != "" && at != cfg.Feed {
		problems = append(problems, fmt.Errorf("proofpoint: new poller: the cursor is one of the feed %q", string(at)))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	p := &Poller{client: client, cfg: cfg, cursor: cfg.Cursor.clone()}
	p.cursor.feed = cfg.Feed
	return p, nil
}

// Cursor is where the poller is. It moves only over windows that were read to their end, and knows every record that was handed
// out. Store it when the records before it are safe, after polls that failed as well: a poller with a stored cursor hands out again
// what came after it, and nothing is lost.
func (p *Poller) Cursor() Cursor { return p.cursor.clone() }

// Poll yields what is new up to a minute ago, or two where the last would cost a call of its own, window by window, the oldest
// first. A window that fails ends the sequence with its error, and is asked for again by the next poll; what it had brought until
// then is not handed out again. Where the loop stops, the next poll goes on. Otherwise it yields at most one error, last, as
// [PollerConfig] says. A cursor that is more than an hour ahead of the clock is an [ErrStillCurrent]: one of the two is wrong, and
// waiting would miss everything until then.
func (p *Poller) Poll(ctx context.Context) iter.Seq2[Polled, error] {
	return func(yield func(Polled, error) bool) {
		now := p.client.now().UTC()
		r := round{poller: p, now: now, yield: yield}
		switch err := r.run(ctx); {
		case errors.Is(err, errStopped):
		case err != nil:
			yield(Polled{}, err)
		}
	}
}

// Read yields what is new in one window, which must keep the rules of [Window.Check]. It does not move the cursor: it is for windows that a
// [GapError] is about or that were put off, and for who keeps account of windows himself, with [Poller.Forget]. It ends with the error of
// the call; what it had yielded until then is not handed out again.
func (p *Poller) Read(ctx context.Context, w Window) iter.Seq2[Polled, error] {
	return func(yield func(Polled, error) bool) {
		r := round{poller: p, yield: yield}
		if err := r.window(ctx, w); err != nil && !errors.Is(err, errStopped) {
			yield(Polled{}, err)
		}
	}
}

// Forget puts the cursor at a time before which nothing is read any more but for single windows, and drops the records that cannot come
// again. [Poller.Poll] does so itself.
func (p *Poller) Forget(next time.Time) {
	p.cursor.next = next.UTC().Truncate(time.Second)
	p.cursor.forget(p.client.now().UTC())
}

// round is one poll.
type round struct {
	poller *Poller
	now    time.Time
	yield  func(Polled, error) bool
}

func (r *round) run(ctx context.Context) error {
	p := r.poller
	c := &p.cursor
	if started, err := r.start(); !started {
		return r.with(err)
	}
	end := r.now.Add(-Settled).Truncate(time.Second)
	if !end.After(c.next) {
		return r.with(nil)
	}
	slicing, err := Window{Start: c.next, End: end}.Slice(r.now, SliceOptions{Size: p.cfg.Slice, LookBack: p.client.SIEM.lookBack()})
	if err != nil {
		return r.with(err)
	}
	windows := slicing.Windows
	if n := len(windows); n > 1 && end.Sub(windows[n-2].End) < time.Minute {
		windows = windows[:n-1] // less than a minute is not worth a call of its own, and comes with the next poll
	}
	p.tellGap(slicing.TooOld)
	defer c.forget(r.now) // however it ends: a poll that fails brings records, too
	for _, w := range windows {
		if err := r.window(ctx, w); err != nil {
			return r.with(err)
		}
		// What was asked for so soon after its time will be asked for again. A gap is left behind only here, where the service has
		// taken the window after it: a clock that is ahead sees gaps where there are none.
		settled := r.now.Add(-p.cfg.Recheck).Truncate(time.Second)
		c.next = later(c.next, earlier(w.End, settled))
	}
	return r.with(nil)
}

// start puts a cursor that is before the first poll where that begins, and looks whether the time has come.
func (r *round) start() (bool, error) {
	c, start := &r.poller.cursor, r.poller.cfg.Start
	ahead := r.now.Add(longestStep)
	switch {
	case !c.next.IsZero() && c.next.After(ahead):
		return false, fmt.Errorf("proofpoint: poll: %w: the cursor is in the future, at %s", ErrStillCurrent, c.next.Format(time.RFC3339))
	case !c.next.IsZero():
	case start.After(ahead):
		return false, nil
	case start.IsZero():
		c.next = r.now.Add(-time.Hour).Truncate(time.Second)
	default:
		c.next = start.UTC().Truncate(time.Second)
	}
	return true, nil
}

// lookBack is how far back windows of a poller may begin, with the margin for those that have to wait for others.
func (s *SIEM) lookBack() time.Duration {
	lookBack := s.core.lookBack
	if lookBack > 2*SliceMargin {
		lookBack -= SliceMargin
	}
	return lookBack
}

// tellGap tells of what is new in a gap, or keeps it for the end of a poll.
func (p *Poller) tellGap(gap Window) {
	if gap == (Window{}) {
		return
	}
	if p.told.After(gap.Start) && !p.told.After(gap.End) {
		gap.Start = p.told
	}
	if gap.Start.Equal(gap.End) {
		return
	}
	p.told = gap.End
	switch {
	case p.cfg.OnGap != nil:
		p.cfg.OnGap(gap)
	case p.gap != nil && p.gap.Window.End.Equal(gap.Start):
		p.gap.Window.End = gap.End
	default:
		p.gap = &GapError{Window: gap}
	}
}

// with joins what is told at the end of a poll.
func (r *round) with(err error) error {
	if errors.Is(err, errStopped) {
		return err
	}
	p := r.poller
	var problems []error
	if p.gap != nil {
		problems = append(problems, p.gap)
	}
	if p.bad.Total > 0 {
		bad := p.bad
		bad.Op = p.cfg.Feed.op()
		problems = append(problems, &bad)
	}
	p.gap, p.bad = nil, MalformedError{}
	if err != nil {
		problems = append(problems, err)
	}
	if len(problems) == 1 {
		return problems[0]
	}
	return errors.Join(problems...)
}

// window reads one window to its end.
func (r *round) window(ctx context.Context, w Window) error {
	p := r.poller
	query := Query{
		Window: w, ThreatTypes: p.cfg.ThreatTypes, ThreatStatuses: p.cfg.ThreatStatuses, Relevant: p.cfg.Relevant,
		OnMalformed: func(m Malformed) { r.malformed(w, m) },
	}
	for record, err := range p.client.SIEM.Records(ctx, p.cfg.Feed, query) {
		if err != nil {
			return err
		}
		news := p.cursor.note(keyOf(record.Identity()), stateOf(record), w.End)
		if news == known || news == changed && !p.cfg.Changes {
			continue
		}
		if !r.yield(Polled{Record: record, Changed: news == changed}, nil) {
			return errStopped
		}
	}
	return nil
}

func (r *round) malformed(w Window, m Malformed) {
	if r.poller.cursor.note(keyOf("malformed "+digestIdentity(m.Category, m.Raw)), state{}, w.End) == known {
		return
	}
	if r.poller.cfg.OnMalformed != nil {
		r.poller.cfg.OnMalformed(m)
		return
	}
	r.poller.bad.add(m)
}
