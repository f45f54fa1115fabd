package pcsc

import (
	"context"
	"fmt"
)

// WaitCard waits until a card is in the named reader, or, for the empty name, in any that no other program holds for itself, and returns
// the reader's name. A card that does not answer is not waited upon: something has to be put right first.
//
// A service that is not there at the start is an error; one that goes later is waited for. When ctx ends, the error is its own.
func WaitCard(ctx context.Context, reader string) (string, error) {
	answered := false
	for readers, err := range Watch(ctx) {
		if err != nil && !answered {
			return "", fmt.Errorf("waiting for a card: %w", err)
		}
		answered = true
		for _, r := range readers {
			if r.Card && !r.Mute && (r.Name == reader || reader == "" && !r.Exclusive) {
				return r.Name, nil
			}
		}
	}
	return "", fmt.Errorf("waiting for a card: %w", ctx.Err())
}
