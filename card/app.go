package card

import (
	"context"
	"errors"
	"fmt"
)

// The DF name of the application: proprietary (first half byte F), then "SECOURS" in seven bytes.
var aid = [8]byte{0xF0, 'S', 'E', 'C', 'O', 'U', 'R', 'S'}

// Elementary files of the application.
const (
	fidContainer = 0x0101
	sfiContainer = 0x01
	sfiInfo      = 0x1D // EF.ATR/INFO
)

const (
	maxFile = 32767 // what a 15-bit offset reaches, ISO/IEC 7816-4:2020, 11.3.2
	maxPage = 4096  // several times the page of any EEPROM or flash a card has
)

// AID returns the application identifier, F0 53 45 43 4F 55 52 53.
func AID() []byte { return append([]byte(nil), aid[:]...) }

// Application is our application, selected on a card. It is not safe for concurrent use: a card does one thing at a time.
type Application struct {
	t Transmitter
	control
	current bool // the container is the current EF
	reopen  func(ctx context.Context) error
	refused error // what reopen said when the PIN was wrong

	// Most data of an extended command and response, settled before the first command to the file; zero where they are not used.
	probed              bool
	maxExtNe, maxExtOut int
	head                []byte // how the container began when it was read last; empty: not known
}

// Select selects the application on the card behind t. The error is ErrNotOurCard where the card has no such application, or has one
// that does not describe itself as ours does.
func Select(ctx context.Context, t Transmitter) (*Application, error) {
	a := &Application{t: t}
	if err := a.sel(ctx); err != nil {
		return nil, fmt.Errorf("selecting the application: %w", err)
	}
	return a, nil
}

func (a *Application) sel(ctx context.Context) error {
	a.current = false
	r, err := Exchange(ctx, a.t, Command{Instruction: insSelect, P1: 0x04, Data: aid[:], Ne: maxShortNe})
	if err := selected(r, err); err != nil {
		return err
	}
	if len(r.Data) == 0 {
		r, err = Exchange(ctx, a.t, Command{
			Instruction: insSelect, P2: 0x04, Data: []byte{fidContainer >> 8, fidContainer & 0xFF}, Ne: maxShortNe,
		})
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: %w", ErrNotOurCard, err)
		}
		if err != nil {
			return err
		}
		a.current = true
	}
	c, err := parseControl(r.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotOurCard, err)
	}
	a.control = c
	return nil
}

// selected judges the answer to a SELECT: ErrNotOurCard where the card has not what was selected.
func selected(r Response, err error) error {
	var refused *CommandError
	if errors.As(err, &refused) {
		switch refused.Status {
		case 0x6A82, 0x6A81, 0x6A86, 0x6A87, 0x6D00, 0x6E00, 0x6700, 0x6985, 0x6999:
			// 6A82 is the answer of the standard. The others are what cards give that know no SELECT by name, or no selectable
			// application: 6999 and 6985 are those of Java Cards, 6700 and 6A86 of memory cards behind a reader.
			return fmt.Errorf("%w: %w", ErrNotOurCard, err)
		}
	}
	if err != nil {
		return err
	}
	if s := r.Status; !s.OK() { // 6283 and 6285: deactivated, terminated
		return fmt.Errorf("%w: SELECT: %w", ErrNotOurCard, s)
	}
	return nil
}

// control is what the card says about the container's file when it is selected.
type control struct {
	size, page int          // bytes; the page is what power loss during a write may corrupt
	limits     Capabilities // of extended APDUs, zero where it does not say
}

// parseControl reads the size of the container and its page from FCI (6F) or FCP (62), ISO/IEC 7816-4:2020, 7.4. Where the
// template names an application, it must be ours: some cards answer a name they do not have with their default application.
func parseControl(b []byte) (control, error) {
	var c control
	outer, err := parseObjects(b)
	if err != nil {
		return c, err
	}
	if len(outer) != 1 || outer[0].tag != 0x6F && outer[0].tag != 0x62 {
		return c, fmt.Errorf("control information is not one template 6F or 62: %w", ErrProtocol)
	}
	inner, err := parseObjects(outer[0].value)
	if err != nil {
		return c, err
	}
	if fcp, ok := find(inner, 0x62); ok && outer[0].tag == 0x6F { // an FCI may hold its FCP as a template, beside an FMD (64)
		if inner, err = parseObjects(fcp); err != nil {
			return c, err
		}
	}
	if name, ok := find(inner, 0x84); ok && string(name) != string(aid[:]) {
		return c, errors.New("the card selected another application")
	}
	own, ok := find(inner, 0xA5)
	if !ok {
		return c, errors.New("no proprietary template A5 in the control information")
	}
	ours, err := parseObjects(own)
	if err != nil {
		return c, err
	}
	size, ok := find(ours, 0x80)
	if !ok { // an FCP has the size outside
		size, ok = find(inner, 0x80)
	}
	page, okPage := find(ours, 0x81)
	if !ok || !okPage {
		return c, errors.New("no size or page in the control information")
	}
	if c.size, err = parseUint(size); err != nil {
		return c, err
	}
	if c.page, err = parseUint(page); err != nil {
		return c, err
	}
	if c.size < 1 || c.size > maxFile || c.page < 1 || c.page > maxPage || c.page > c.size {
		return c, fmt.Errorf("a file of %d bytes with pages of %d: %w", c.size, c.page, ErrProtocol)
	}
	if b, ok := find(ours, 0x7F66); ok {
		c.limits.MaxCommand, c.limits.MaxResponse, err = parseLimits(b)
	}
	return c, err
}

// parseUint reads a number of one to four bytes, as the lengths in control information and the INTEGERs of 7F66 are.
func parseUint(b []byte) (int, error) {
	if len(b) < 1 || len(b) > 4 || len(b) == 4 && b[0] >= 0x80 {
		return 0, fmt.Errorf("number of %d bytes: %w", len(b), ErrProtocol)
	}
	n := 0
	for _, x := range b {
		n = n<<8 | int(x)
	}
	return n, nil
}

// AfterReset makes f run after each cold reset, when the application is selected again. A reset ends the PIN session, and [Write] and
// [Format] take several resets: a card with a PIN needs f to present it again. Nothing here keeps a PIN or replays one. When f returns a
// [*PINError] it is not called any more, and every reset fails with that error until AfterReset is called anew: looking after a failed
// write must not use up the attempts.
func (a *Application) AfterReset(f func(ctx context.Context) error) { a.reopen, a.refused = f, nil }

// reset makes a cold reset, if the transmitter can, and selects the application again.
func (a *Application) reset(ctx context.Context) error {
	if t, ok := a.t.(coldResetter); ok {
		if err := t.Reset(ctx); err != nil {
			return fmt.Errorf("resetting the card: %w", transportError(err))
		}
	}
	before := a.control
	err := a.sel(ctx)
	if errors.Is(err, ErrNotOurCard) || err == nil && a.control != before {
		a.control = before
		return fmt.Errorf("after a reset: %w", errors.Join(ErrCardChanged, err))
	}
	if err != nil {
		return fmt.Errorf("selecting the application after a reset: %w", err)
	}
	err = a.refused
	if err == nil && a.reopen != nil {
		err = a.reopen(ctx)
	}
	if err != nil {
		if errors.As(err, new(*PINError)) {
			a.refused = err
		}
		return fmt.Errorf("opening the card after a reset: %w", err)
	}
	return nil
}
