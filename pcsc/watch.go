//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// How long a change may go unnoticed.
const watchSlice = 250 * time.Millisecond

// Watch gives the readers and what is in them, at once and after every change, until ctx ends, which ends the sequence without a word.
// ErrNoService, given once, means that the service went; the sequence goes on, and gives the readers again when it is back.
func Watch(ctx context.Context) iter.Seq2[[]Reader, error] {
	return func(yield func([]Reader, error) bool) {
		var last []Reader
		var failed error
		first := true
		for ctx.Err() == nil {
			now, err := Readers(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				if failed == nil || !errors.Is(err, errors.Unwrap(failed)) {
					if !yield(nil, err) {
						return
					}
				}
				failed, first = err, true
			case first || !slices.EqualFunc(now, last, Reader.equal):
				if !yield(now, nil) {
					return
				}
				last, failed, first = now, nil, false
			}
			select {
			case <-ctx.Done():
			case <-time.After(watchSlice):
			}
		}
	}
}
