package omen

import "errors"

// Kinds of error that callers branch on; test with [errors.Is].
var (
	ErrNotFound    = errors.New("not found")
	ErrUnavailable = errors.New("unavailable")     // a source or peer does not answer; trying later may help
	ErrSchema      = errors.New("schema mismatch") // a model is bound to another schema
	ErrCorrupt     = errors.New("corrupt")         // stored bytes do not decode
	ErrTooFew      = errors.New("too few samples") // not enough history to learn from
	ErrConflict    = errors.New("conflict")        // the state does not allow the request
	ErrInvalid     = errors.New("invalid")         // the caller's input is wrong
	ErrLocked      = errors.New("already in use")  // another Omen holds the directory
	ErrFull        = errors.New("no space left")   // the data directory's disk is full
	ErrDenied      = errors.New("access denied")   // wrong or missing credentials
	ErrPartial     = errors.New("partial answer")  // some of what was asked for is missing
)

// hinted is an error with a sentence that says what an operator can do.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// WithHint adds to err a sentence that says how an operator can fix it.
// A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// Hint is the outermost hint that err carries, or the empty string.
func Hint(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
