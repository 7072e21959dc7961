package actions

import (
	"crypto/sha256"
	"errors"
	"net/http"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx"
)

// errGone is the error of a device without a sensor.
var errGone = errors.New("the device cannot be reached through CBC")

// refused tells an answer that is likely to be the same the next time, for [hunt.Outcome]'s Refused. A 401 is none: the key is
// wrong for all tasks alike then, and once it has been replaced none of them should have to wait. What the device's state decides is
// none either: it comes back, or its policy changes.
func refused(err error) bool {
	if err == nil {
		return false
	}
	if _, ok := errors.AsType[*cbc.SessionError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*cbc.CommandError](err); ok {
		return false
	}
	if e, ok := errors.AsType[*cbc.APIError](err); ok {
		return final(e.StatusCode) && !e.Retryable()
	}
	if e, ok := errors.AsType[*nsx.APIError](err); ok {
		return final(e.StatusCode) && !e.Retryable()
	}
	for _, known := range []error{
		ErrUnknownDevice, errGone, errors.ErrUnsupported, cbc.ErrNotFound, cbc.ErrAmbiguous, nsx.ErrNotFound, nsx.ErrAmbiguous,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// final tells the statuses of HTTP that blame the call and not the moment.
func final(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone,
		http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// isEmptyFile tells the hash of a file without content. Every empty file on every machine has it.
func isEmptyFile(hash hunt.SHA256) bool { return hash == sha256.Sum256(nil) }

const emptyFileWords = "not done: the hash is that of the empty file, which every empty file has"
