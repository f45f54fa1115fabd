package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Limits of a simulated card.
const (
	MaxSize        = 32767 // of the container file: what a 15-bit offset reaches, ISO/IEC 7816-4:2020, 11.3.2
	maxPage        = 4096
	maxLogRecords  = 254 // record numbers 1 to 254, ISO/IEC 7816-4:2020, 7.3.3
	maxRecord      = 240 // fits a short command
	maxCommandAPDU = 65544
	maxAnswer      = 65538
)

// ErrRemoved is the answer of a card that is not in its reader, or has no power.
var ErrRemoved = errors.New("simulated card: not in the reader")

// GoneError is a command that the card did not answer because it lost power or was taken out. Callers that know nothing of this
// package recognise it by its method CardGone.
type GoneError struct{ Err error }

func (e *GoneError) Error() string { return e.Err.Error() }

// Unwrap gives ErrPowerLost or ErrRemoved.
func (e *GoneError) Unwrap() error { return e.Err }

// CardGone is always true.
func (e *GoneError) CardGone() bool { return true }

// Options describe a new card. The zero value is a card of 8 KiB with pages of 64 bytes, without PIN, for short APDUs.
type Options struct {
	Size      int // of the container file in bytes, default 8192, at most MaxSize
	Page      int // default 64
	Atomicity Atomicity

	PIN, PUK []byte // 4 to 16 bytes each, or empty. With a PIN, the container is read and updated only after VERIFY.

	// T0 makes the card answer as T=0 cards do: 61xx instead of the data of a command that also sent some, 6Cxx to a Le that is too long.
	T0 bool

	// Longest extended command and response APDU in bytes, announced in EF.ATR/INFO. Both zero: short APDUs only.
	MaxCommand, MaxResponse int

	LogRecords int // records of the access log, default 32, at most 254
	LogRecord  int // length of each in bytes, default 128, at most 240

	// Tag makes the card an NFC Forum Type 4 Tag. Size is then that of the NDEF file, up to 65,536 where NLEN has four bytes. PIN, PUK, T0,
	// extended APDUs and the log are not for tags.
	Tag *Tag

	// Replace makes Create overwrite an existing image.
	Replace bool

	Session
}

// Session is what a card is given each time it is put into a reader. It is no part of the image.
type Session struct {
	Link     Link          // what the virtual clock charges; the zero Link charges nothing
	PageTime time.Duration // to erase and program one page, default 3 ms for each 64 bytes of it
	Wait     time.Duration // how long to wait for an image that is open elsewhere
	Seed     uint64        // of the memory's faults: the same seed tears the same way; 0 draws one
}

func (o *Options) setDefaults() {
	type number struct {
		field *int
		value int
	}
	defaults := []number{{&o.Size, 8192}, {&o.Page, 64}}
	if o.Tag != nil {
		t := *o.Tag // the caller's stays as it is, and the card's too
		t.setDefaults()
		o.Tag = &t
	} else {
		defaults = append(defaults, number{&o.LogRecords, 32}, number{&o.LogRecord, 128})
	}
	for _, d := range defaults {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

func (o *Options) check() error {
	if o.Tag != nil {
		if err := o.checkTag(); err != nil {
			return err
		}
		return o.checkPage()
	}
	switch {
	case o.Size < 1 || o.Size > MaxSize:
		return fmt.Errorf("simulated card: a size of %d bytes is not between 1 and %d", o.Size, MaxSize)
	case o.LogRecords < 1 || o.LogRecords > maxLogRecords || o.LogRecord < 1 || o.LogRecord > maxRecord:
		return fmt.Errorf("simulated card: a log of %d records of %d bytes: at most %d of %d", o.LogRecords, o.LogRecord,
			maxLogRecords, maxRecord)
	case (o.MaxCommand != 0 || o.MaxResponse != 0) &&
		(o.MaxCommand < 261 || o.MaxCommand > 65535 || o.MaxResponse < 258 || o.MaxResponse > 65535):
		// Two-byte INTEGERs in EF.ATR/INFO; less than a short APDU would make no sense.
		return fmt.Errorf("simulated card: extended APDUs of %d and %d bytes are not between 261, 258 and 65535",
			o.MaxCommand, o.MaxResponse)
	}
	for _, s := range [][]byte{o.PIN, o.PUK} {
		if len(s) != 0 && (len(s) > maxSecret || len(s) < minSecret || bytes.IndexByte(s, pad) >= 0) {
			return fmt.Errorf("simulated card: a PIN or PUK has %d to %d bytes, none of them FF", minSecret, maxSecret)
		}
	}
	if len(o.PUK) > 0 && len(o.PIN) == 0 {
		return errors.New("simulated card: a PUK without a PIN")
	}
	return o.checkPage()
}

func (o *Options) checkPage() error {
	if o.Page < 1 || o.Page > maxPage || o.Page > o.Size {
		return fmt.Errorf("simulated card: a page of %d bytes is not between 1 and %d", o.Page, min(maxPage, o.Size))
	}
	return nil
}

// Card is a simulated ISO/IEC 7816-4 card in a reader, at the level of APDUs: the application of docs/FORMAT.md section 1, or a Type 4
// Tag, on a memory that tears. It is safe for concurrent use; commands run one after the other.
type Card struct {
	mu    sync.Mutex
	opt   Options
	mem   *Memory
	img   *image // nil for a card that lives in this process only
	log   accessLog
	state state

	powered bool
	out     bool // taken out: only Insert brings it back
	pull    bool // the next power cut takes the card out
	failed  error

	inApp    bool
	current  uint16 // id of the current EF, 0 for none
	verified bool
	rest     []byte // for GET RESPONSE

	elapsed  time.Duration
	commands int
}

// New makes a card that lives in this process only, powered.
func New(o Options) (*Card, error) {
	o.setDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	c := &Card{opt: o, mem: newMemory(o), powered: true}
	c.log = newAccessLog(o.LogRecords, o.LogRecord)
	c.state = newState(o.PIN, o.PUK)
	c.opt.PIN, c.opt.PUK = nil, nil
	return c, nil
}

func newMemory(o Options) *Memory {
	seed := o.Seed
	for seed == 0 {
		seed = rand.Uint64()
	}
	m := NewMemory(o.Size, o.Page, o.Atomicity, seed)
	if o.Tag != nil {
		_ = m.Restore(make([]byte, o.Size), make([]byte, o.Size)) // the lengths fit
	}
	return m
}

// ExtendedAPDU tells that the simulated reader passes extended APDUs: where the card takes them.
func (c *Card) ExtendedAPDU() bool { return c.opt.MaxCommand > 0 }

// Elapsed is the card time since the card was made or opened: commands and answers on the link, pages written, resets.
func (c *Card) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// Commands is the number of commands since the card was made or opened.
func (c *Card) Commands() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.commands
}

// CutPoints is the number of moments, so far, at which the power could have been cut; a dry run counts them.
func (c *Card) CutPoints() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mem.CutPoints()
}

// CutAfter cuts the power at the n-th cut point of the memory from now, 1 being the next; 0 takes a cut back. The command that dies is
// not answered, nor is any other until Reset.
func (c *Card) CutAfter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mem.CutAfter(n)
}

// PullAfter is CutAfter by a card taken out of its reader: Reset does not help, only Insert.
func (c *Card) PullAfter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mem.CutAfter(n)
	c.pull = n > 0
}

// Remove takes the card out between two commands.
func (c *Card) Remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = true
	c.powerOff()
}

// Insert puts the card back into the reader and powers it.
func (c *Card) Insert() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return
	}
	c.out, c.pull = false, false
	c.powerOn()
}

// Reset is a cold reset, supply or field off and on. It ends the PIN session, and restores a card that lost its power.
func (c *Card) Reset(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.failed != nil {
		return c.failed
	}
	if c.out {
		return &GoneError{ErrRemoved}
	}
	c.powerOff()
	c.powerOn()
	return nil
}

// PowerOff takes the supply or the field away until Reset.
func (c *Card) PowerOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.powerOff()
}

func (c *Card) powerOff() {
	c.powered = false
	c.inApp, c.current, c.verified, c.rest = false, 0, false, nil
}

func (c *Card) powerOn() {
	_ = c.mem.Reset() // has no error
	c.powered = true
	c.elapsed += c.opt.Link.reset(len(c.atr()))
}

// historical bytes: category 80; 31 card service data, selection by full DF name and EF.ATR/INFO by READ BINARY; 73 capabilities,
// full name, file id, short file id, record number (ISO/IEC 7816-4:2020, 12.1.1).
// A tag has none: an ST25TA's answer to select holds no historical bytes, which gives the ATR 3B80800101 that many cards share.
func (c *Card) historical() []byte {
	if c.opt.Tag != nil {
		return nil
	}
	return append([]byte{0x80, 0x31, 0x98, 0x73}, c.functions()...)
}

// functions are the three software function tables. The last says extended length fields and where their limits stand.
func (c *Card) functions() []byte {
	if c.opt.MaxCommand > 0 {
		return []byte{0x96, 0x01, 0x60}
	}
	return []byte{0x96, 0x01, 0x00}
}

// ATR is the answer to reset: that of the card by contact, otherwise the one that PC/SC readers make up for contactless cards (PC/SC
// part 3, 3.1.3.2.3).
func (c *Card) ATR() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.atr()
}

func (c *Card) atr() []byte {
	h := c.historical()
	var b []byte
	switch {
	case c.opt.Link.contactless, c.opt.Tag != nil && c.opt.Link.rate == 0: // a tag is contactless unless it is told otherwise
		b = []byte{0x3B, 0x80 | byte(len(h)), 0x80, 0x01}
	case c.opt.T0:
		// TA1 18: 372 clock periods, divided by 12: 115,200 baud at 3.57 MHz. T=0 alone has no TCK (ISO/IEC 7816-3:2006, 8.2.5).
		return append([]byte{0x3B, 0x10 | byte(len(h)), 0x18}, h...)
	default:
		// TD1 81, TD2 31: T=1 and only T=1; TA3 FE is IFSC 254, TB3 45 the waiting times of the standard's default.
		b = []byte{0x3B, 0x90 | byte(len(h)), 0x18, 0x81, 0x31, 0xFE, 0x45}
	}
	b = append(b, h...)
	check := byte(0)
	for _, x := range b[1:] {
		check ^= x
	}
	return append(b, check)
}

// Close takes the card out and lets others open its image.
func (c *Card) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = true
	c.powerOff()
	if c.img == nil {
		return nil
	}
	img := c.img
	c.img = nil
	c.failed = &GoneError{ErrRemoved} // a closed card cannot be put back
	return img.close()
}

// Transmit runs a command. It returns an error, and no answer, where the card is not there (*GoneError); an error beside an answer of
// two bytes is the reason for the status word that only the machine knows: an image that must not or cannot be written.
func (c *Card) Transmit(ctx context.Context, apdu []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.failed != nil {
		return nil, c.failed
	}
	if c.out || !c.powered {
		return nil, &GoneError{ErrRemoved}
	}
	c.commands++
	r, err := c.run(apdu)
	if errors.Is(err, ErrPowerLost) {
		c.powerOff()
		if c.pull {
			c.out = true
		}
		c.elapsed += c.opt.Link.exchange(len(apdu), 0, c.opt.T0)
		return nil, &GoneError{err}
	}
	out := append(r.data, byte(r.sw>>8), byte(r.sw))
	c.elapsed += c.opt.Link.exchange(len(apdu), len(out), c.opt.T0)
	return out, err
}
