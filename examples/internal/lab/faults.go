package lab

import (
	"encoding/json"
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
	// Count is how many calls fail; -1 means all from now on. Defaults to 1.
	Count int `json:"count,omitempty"`
	// Kind is status (answer at once), act_then_status (do it, then answer so), drop (no answer), act_then_drop, truncate (cut
	// the answer after Bytes) or delay (answer late). Defaults to status.
	Kind string `json:"kind,omitempty"`
	// Status is the status to answer with.
	Status int `json:"status,omitempty"`
	// RetryAfter is the header of that name, seconds or a date.
	RetryAfter string `json:"retry_after,omitempty"`
	// Body is the body to answer with.
	Body string `json:"body,omitempty"`
	// Bytes is where the answer is cut.
	Bytes int64 `json:"bytes,omitempty"`
	// Delay is how late the answer comes, such as "2s".
	Delay string `json:"delay,omitempty"`
}

func (l *Lab) postFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	err := dec.Decode(&f)
	if err == nil {
		err = l.Inject(f)
	}
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
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
	if f.Count == 0 {
		f.Count = 1
	}
	inject(func(r *http.Request) bool {
		return (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.Path, f.PathContains)
	}, f.Count, fault)
	return nil
}

func (f Fault) handler() (func(http.Handler) http.Handler, error) {
	if slices.Contains([]string{"", "status", "act_then_status"}, f.Kind) && (f.Status < 100 || f.Status > 599) {
		return nil, errors.New("lab: status: want a number from 100 to 599")
	}
	switch f.Kind {
	case "", "status":
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
