package audit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt/audit"
)

func TestAppendFillsInWhatIsMissing(t *testing.T) {
	t.Parallel()
	path, _, _ := written(t, 0)
	log := open(t, path)
	begun := time.Now()
	if err := log.Append(t.Context(), audit.Entry{}, audit.Entry{Time: noon.In(time.FixedZone("there", 7200)), Event: "custom"}); err != nil {
		t.Fatal(err)
	}
	var got []audit.Record
	for r := range audit.Records(bytes.NewReader(contents(t, path))) {
		got = append(got, r)
	}
	if len(got) != 2 || got[0].Event != audit.EventDecision || got[0].Time.Before(begun) || got[0].Time.Location() != time.UTC {
		t.Errorf("got %+v", got)
	}
	if got[1].Event != "custom" || !got[1].Time.Equal(noon) || !bytes.Contains(contents(t, path), []byte(`"time":"2026-03-05T12:00:00Z"`)) {
		t.Errorf("got %+v", got[1])
	}
}

func TestAppendNothing(t *testing.T) {
	t.Parallel()
	path, text, _ := written(t, 1)
	if err := open(t, path).Append(t.Context()); err != nil || !bytes.Equal(contents(t, path), text) {
		t.Errorf("Append of nothing: %v", err)
	}
}

// What cannot be written is not written in part.
func TestAppendAllOrNothingOfWhatCannotBe(t *testing.T) {
	t.Parallel()
	path, text, _ := written(t, 1)
	log := open(t, path)
	for _, e := range []audit.Entry{
		{Event: audit.EventTorn}, {Torn: &audit.Torn{}}, {Time: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if err := log.Append(t.Context(), entry(2), e); err == nil {
			t.Errorf("Append of %+v is no error", e)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Append(canceled, entry(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append with an ended context = %v", err)
	}
	if !bytes.Equal(contents(t, path), text) {
		t.Errorf("something was written: %s", contents(t, path))
	}
}

func TestAppendAfterClose(t *testing.T) {
	t.Parallel()
	path, _, _ := written(t, 1)
	log := open(t, path)
	for range 2 {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := log.Append(t.Context(), entry(2)); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("Append = %v, want ErrClosed", err)
	}
}

func TestAppendNoticesWhatBecameOfTheFile(t *testing.T) {
	t.Parallel()
	_, other, _ := written(t, 1)
	for _, tc := range []struct {
		name string
		do   func(path string, text []byte) error
		is   error
		kind audit.Kind
	}{
		{"moved", func(path string, _ []byte) error { return os.Rename(path, path+".1") }, audit.ErrReplaced, "?"},
		{"moved, and there is a new one", func(path string, _ []byte) error {
			return errors.Join(os.Rename(path, path+".1"), os.WriteFile(path, nil, 0o600))
		}, audit.ErrReplaced, "?"},
		{"deleted", func(path string, _ []byte) error { return os.Remove(path) }, audit.ErrReplaced, "?"},
		{"shorter", func(path string, text []byte) error { return os.Truncate(path, int64(len(text))-5) }, nil, audit.KindMissing},
		{"a foreign line", func(path string, _ []byte) error { return appendTo(path, "hello\n") }, nil, audit.KindNotJSON},
		{"a line of before", func(path string, text []byte) error {
			return appendTo(path, string(text[:bytes.IndexByte(text, '\n')+1]))
		}, nil, audit.KindOrder},
		{"another log", func(path string, _ []byte) error { return appendTo(path, string(other)) }, nil, audit.KindOrder},
	} {
		path, text, _ := written(t, 2)
		log := open(t, path)
		if err := tc.do(path, text); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		err := log.Append(t.Context(), entry(3))
		if kind, _ := kindOf(err); kind != tc.kind || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: Append = %v, want %v %s", tc.name, err, tc.is, tc.kind)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s: something was written", tc.name)
		}
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
