package dedupe

import "errors"

// ErrInvalid is the error of a call whose arguments break a rule of [Store]: an unusable key, no owner, a lease that is not
// positive, a time outside the years 1971 to 2200, a note of nothing, a result that is no end. Nothing of such a call is done.
var ErrInvalid = errors.New("invalid argument")
