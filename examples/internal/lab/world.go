package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// maxWorld is the size of the largest world file.
const maxWorld = 256 << 20

// World is what the three services know. As JSON it is the world file of examples/lab: each member is documented with its type.
type World struct {
	// Now is the moment at which the file's times are meant to be read. [ReadWorld] moves them all by as much as has passed
	// since, so that a file does not go stale. Zero leaves them alone.
	Now time.Time `json:"now,omitzero"`
	// TAP is Proofpoint TAP.
	TAP proofpointtest.World `json:"tap"`
	// CBC is Carbon Black Cloud.
	CBC cbctest.World `json:"cbc"`
	// NSX is the NSX manager.
	NSX nsxtest.World `json:"nsx"`
}

// Check finds contradictions within each of the three.
func (w World) Check() error {
	var problems []error
	for _, service := range []struct {
		name string
		err  error
	}{{"tap", w.TAP.Check()}, {"cbc", w.CBC.Check()}, {"nsx", w.NSX.Check()}} {
		if service.err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", service.name, service.err))
		}
	}
	return errors.Join(problems...)
}

// ReadWorld reads a world file; now is the present. Unknown members are refused by name, and so is a world that contradicts
// itself: a typing error must not quietly make another world.
func ReadWorld(r io.Reader, now time.Time) (World, error) {
	var data bytes.Buffer
	_, err := data.ReadFrom(io.LimitReader(r, maxWorld+1))
	if err == nil && data.Len() > maxWorld {
		err = errors.New("it is larger than 256 MiB")
	}
	var w World
	if err == nil {
		err = fake.UnmarshalStrict(data.Bytes(), &w)
	}
	if err == nil {
		err = w.Check()
	}
	if err != nil {
		return World{}, fmt.Errorf("lab: the world file: %w", err)
	}
	if !w.Now.IsZero() {
		shift(reflect.ValueOf(&w).Elem(), now.Sub(w.Now))
		w.Now = time.Time{}
	}
	return w, nil
}

// shift moves every time in a value. What is written as it goes over the wire, members called raw and extra, stays as it is.
func shift(v reflect.Value, by time.Duration) {
	if t, ok := v.Interface().(time.Time); ok {
		if !t.IsZero() {
			v.Set(reflect.ValueOf(t.Add(by).UTC()))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			shift(field, by)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				shift(v.Index(i), by)
			}
		}
	default:
	}
}
