package card

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// headLen is how much of the container's beginning tells cards apart: the superblock, with the card id in it.
const headLen = superblockLen

// errShortOnly is the answer of exchange when it has given up extended APDUs: the command is to be made anew, as short ones.
var errShortOnly = errors.New("extended APDUs given up")

// probe settles once whether extended APDUs are used: the reader must say so, and the card, in the FCI or else in EF.ATR/INFO. It comes
// before the first command to the container, because reading EF.ATR/INFO makes that the current file.
func (a *Application) probe(ctx context.Context) error {
	if a.probed {
		return nil
	}
	if t, ok := a.t.(extendedTransmitter); !ok || !t.ExtendedAPDU() {
		a.probed = true
		return nil
	}
	c := a.limits
	if c == (Capabilities{}) {
		var err error
		if c, err = a.Capabilities(ctx); err != nil {
			return err
		}
	}
	a.probed = true
	// Below these an extended command would carry less than a short one.
	if c.MaxResponse-2 > maxShortRead && c.MaxCommand >= extOverhead+maxShortWrite {
		a.maxExtNe = min(c.MaxResponse-2, maxFile)
		a.maxExtOut = min(c.MaxCommand-extOverhead, maxFile)
	}
	return nil
}

// exchange sends a command to the container. Readers and cards are on record that announce extended APDUs without passing them: at
// 264 bytes, at 32 KB, cut to 256, or not at all, with any status word or none. So whatever goes wrong with an extended command but
// for the security status, they are given up for good, and the error is errShortOnly: this happens once.
func (a *Application) exchange(ctx context.Context, c Command) (Response, error) {
	if !c.Extended {
		return Exchange(ctx, a.t, c)
	}
	if len(a.head) == 0 { // what tells after a reset that the card is the same
		b := make([]byte, min(headLen, a.size))
		if _, err := a.read(ctx, b, 0); err != nil {
			return Response{}, err
		}
		a.head = b
	}
	r, err := Exchange(ctx, a.t, c)
	var refused *CommandError
	switch {
	case ctx.Err() != nil:
		return r, err
	case errors.As(err, &refused):
		if s := refused.Status; s == 0x6982 || s == 0x6983 || refused.Cause != nil {
			return r, err
		}
	case err == nil && (r.Status.OK() || r.Status>>4 == 0x63C) && len(r.Data) == c.Ne:
		return r, nil
	}
	a.maxExtNe, a.maxExtOut = 0, 0
	if err == nil || refused != nil {
		return r, errShortOnly
	}
	// No answer, or none that can be one: reader and card may each be in the middle of something.
	head := bytes.Clone(a.head)
	if lost := a.reset(ctx); lost != nil {
		return r, errors.Join(err, lost)
	}
	again := make([]byte, len(head))
	if _, lost := a.read(ctx, again, 0); lost != nil {
		return r, errors.Join(err, lost)
	}
	if !bytes.Equal(again, head) {
		return r, fmt.Errorf("after a reset: %w", errors.Join(ErrCardChanged, err))
	}
	return r, errShortOnly
}
