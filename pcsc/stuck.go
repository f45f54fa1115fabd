//go:build cgo || windows

package pcsc

import (
	"context"
	"fmt"
	"sync"
)

// stuck has the owners that were given up and that PC/SC does not let go of. Nobody connects to a reader while there is one
// for it: a reader that hangs must not gather goroutines, and connections in the service, without end.
var stuck struct {
	sync.Mutex
	owners map[*owner]string
}

func (o *owner) abandon() {
	reader := o.reader.Load()
	if reader == nil {
		return
	}
	stuck.Lock()
	defer stuck.Unlock()
	if stuck.owners == nil {
		stuck.owners = map[*owner]string{}
	}
	stuck.owners[o] = *reader
}

func stuckAt(reader string) *owner {
	stuck.Lock()
	defer stuck.Unlock()
	var found *owner
	for o, name := range stuck.owners {
		select {
		case <-o.left:
			delete(stuck.owners, o)
		default:
			if name == reader {
				found = o
			}
		}
	}
	return found
}

// letGo waits until no call that was given up hangs in a reader.
func letGo(ctx context.Context, reader string) error {
	for o := stuckAt(reader); o != nil; o = stuckAt(reader) {
		select {
		case <-o.left:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errStuck(reader), ctx.Err())
		}
	}
	return nil
}

func errStuck(reader string) error {
	return fmt.Errorf("connecting to the card in %s, where a call that was given up still hangs: %w", reader, ErrReaderBusy)
}
