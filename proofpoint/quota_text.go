package proofpoint

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	quotaVersion = "tap-quota/1"
	// longestQuota bounds what is read, in bytes. What is written is below it: two or three for a call where there are many.
	longestQuota = 4 << 20
)

// MarshalText writes what was counted, without the limits. It has no credentials in it.
func (q *Quota) MarshalText() ([]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	text := []byte(quotaVersion + "\n")
	for _, b := range Buckets() {
		t := q.buckets[b]
		if t == nil || len(t.stamps) == 0 && t.refusedUntil.IsZero() {
			continue
		}
		text = append(text, b...)
		until := int64(0)
		if !t.refusedUntil.IsZero() {
			until = t.refusedUntil.Add(time.Second - 1).Unix() // rounded up
		}
		text = strconv.AppendInt(append(text, ' '), until, 10)
		text = strconv.AppendInt(append(text, ' '), int64(t.strikes), 10)
		last := int64(0)
		for _, s := range t.stamps { // the first in full, the others as what has passed since the one before
			text = strconv.AppendInt(append(text, ' '), s.Unix()-last, 10)
			last = s.Unix()
		}
		text = append(text, '\n')
	}
	return text, nil
}

// UnmarshalText reads what [Quota.MarshalText] has written, in place of what was counted so far. The limits stay. A text that it
// refuses changes nothing.
func (q *Quota) UnmarshalText(text []byte) error {
	buckets, err := readQuota(text)
	if err != nil {
		return fmt.Errorf("proofpoint: quota: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for b, t := range buckets {
		if over := len(t.stamps) - q.kept(b); over > 0 {
			t.stamps = t.stamps[over:]
		}
	}
	q.buckets = buckets
	return nil
}

func readQuota(text []byte) (map[Bucket]*tally, error) {
	if len(text) > longestQuota {
		return nil, errors.New("the text is too long")
	}
	version, lines, _ := bytes.Cut(text, []byte("\n"))
	if string(version) != quotaVersion {
		return nil, fmt.Errorf("the text does not begin with %s", quotaVersion)
	}
	if len(lines) > 0 && !bytes.HasSuffix(lines, []byte("\n")) {
		return nil, errors.New("the text is cut off")
	}
	buckets := make(map[Bucket]*tally)
	for line := range strings.Lines(string(lines)) {
		words := strings.Fields(line)
		if len(words) < 3 || !slices.Contains(Buckets(), Bucket(words[0])) || buckets[Bucket(words[0])] != nil {
			return nil, errors.New("a line does not tell of one bucket")
		}
		t, ok := readTally(words[1:])
		if !ok {
			return nil, fmt.Errorf("the line of %s has something else than numbers in it", words[0])
		}
		buckets[Bucket(words[0])] = t
	}
	return buckets, nil
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

func readTally(words []string) (*tally, bool) {
	numbers := make([]int64, len(words))
	for i, w := range words {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil || n < 0 || n > lastSecond {
			return nil, false
		}
		numbers[i] = n
	}
	t := &tally{strikes: int(min(numbers[1], 100))}
	if numbers[0] > 0 {
		t.refusedUntil = time.Unix(numbers[0], 0).UTC()
	}
	at := int64(0)
	for _, n := range numbers[2:] {
		if at += n; at > lastSecond {
			return nil, false
		}
		t.stamps = append(t.stamps, time.Unix(at, 0).UTC())
	}
	return t, true
}
