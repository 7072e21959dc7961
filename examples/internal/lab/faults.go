package lab

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// Fault makes calls fail, the same way each time, as often as it says.
type Fault struct {
	// Service is tap, cbc or nsx.
	Service string `json:"service"`
	// Method and PathContains choose the calls. Empty means any.
	Method       string `json:"method,omitempty"`
	PathContains string `json:"path_contains,omitempty"`
	// Count is how many calls fail; below zero means all from now on. Defaults to 1.
	Count int `json:"count,omitempty"`
	// Kind is status (answer at once), act_then_status (do it, then answer so), drop (no answer), act_then_drop, truncate (cut
	// the answer after Bytes) or delay (answer late). Defaults to status.
	Kind string `json:"kind,omitempty"`
	// Status is the status to answer with. Only for status and act_then_status, which need it.
	Status int `json:"status,omitempty"`
	// RetryAfter is the header of that name, seconds or a date. Only for status.
	RetryAfter string `json:"retry_after,omitempty"`
	// Body is the body to answer with. Only for status.
	Body string `json:"body,omitempty"`
	// Bytes is how much of the answer still arrives. Only for truncate.
	Bytes int64 `json:"bytes,omitempty"`
	// Delay is how late the answer comes, such as "2s". Only for delay, which needs it.
	Delay string `json:"delay,omitempty"`
}

// maxFault is the size of the largest description of a fault.
const maxFault = 1 << 20

func (l *Lab) postFault(w http.ResponseWriter, r *http.Request) {
	// A label is not asked for: curl -d calls everything a form.
	var data bytes.Buffer
	_, err := data.ReadFrom(http.MaxBytesReader(w, r.Body, maxFault))
	var f Fault
	if err == nil {
		err = fake.UnmarshalStrict(data.Bytes(), &f)
	}
	if err == nil {
		f.Count, f.Kind = cmp.Or(f.Count, 1), cmp.Or(f.Kind, "status")
		err = l.Inject(f)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, f)
}

// Inject sets a fault.
func (l *Lab) Inject(f Fault) error {
	services := map[string]func(func(*http.Request) bool, int, func(http.Handler) http.Handler){
		"tap": l.TAP.Inject, "cbc": l.CBC.Inject, "nsx": l.NSX.Inject,
	}
	inject, ok := services[f.Service]
	if !ok {
		return fmt.Errorf("lab: service %q: want tap, cbc or nsx", f.Service)
	}
	fault, err := f.handler()
	if err != nil {
		return err
	}
	era := l.era.Load()
	inject(func(r *http.Request) bool {
		return l.era.Load() == era && (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.Path, f.PathContains)
	}, cmp.Or(f.Count, 1), fault)
	return nil
}

func (f Fault) handler() (func(http.Handler) http.Handler, error) {
	kind := cmp.Or(f.Kind, "status")
	if err := f.check(kind); err != nil {
		return nil, err
	}
	switch kind {
	case "status":
		header := http.Header{}
		if f.RetryAfter != "" {
			header.Set("Retry-After", f.RetryAfter)
		}
		return fake.Status(f.Status, header, f.Body), nil
	case "act_then_status":
		return fake.ActThenFail(f.Status), nil
	case "drop":
		return fake.Drop(), nil
	case "act_then_drop":
		return fake.ActThenDrop(), nil
	case "truncate":
		return fake.Truncate(f.Bytes), nil
	case "delay":
		d, err := time.ParseDuration(f.Delay)
		if err != nil || d < 0 {
			return nil, errors.New(`lab: delay: want a length of time such as "2s"`)
		}
		return fake.Delay(d), nil
	}
	return nil, fmt.Errorf("lab: kind %q: want status, act_then_status, drop, act_then_drop, truncate or delay", f.Kind)
}

// check refuses members that the kind of fault has no use for: whoever writes them expects something else to happen.
func (f Fault) check(kind string) error {
	for _, m := range []struct {
		name  string
		set   bool
		kinds []string
	}{
		{"status", f.Status != 0, []string{"status", "act_then_status"}},
		{"retry_after", f.RetryAfter != "", []string{"status"}},
		{"body", f.Body != "", []string{"status"}},
		{"bytes", f.Bytes != 0, []string{"truncate"}},
		{"delay", f.Delay != "", []string{"delay"}},
	} {
		if m.set && !slices.Contains(m.kinds, kind) {
			return fmt.Errorf("lab: %s is of no use to kind %q", m.name, kind)
		}
	}
	if strings.HasSuffix(kind, "status") && (f.Status < 200 || f.Status > 599) {
		return errors.New("lab: status: want a number from 200 to 599")
	}
	if f.Bytes < 0 {
		return errors.New("lab: bytes: want a number that is not negative")
	}
	return nil
}
