package sim

import "time"

// Link is what connects the card to its reader, as far as time goes. The zero Link takes no time.
//
// The figures are those of the protocols with nothing added for slow readers, drivers or operating systems, so they are what
// a card can be blamed for, and lower than a stopwatch shows.
type Link struct {
	contactless bool
	rate        int // bit/s
}

// Contact is a card with contacts in T=1 (or T=0 where the card is told so) at baud, 9600 to 446,400 in practice. 115,200 is what
// the simulated ATR offers.
func Contact(baud int) Link { return Link{rate: max(baud, 0)} }

// Contactless is ISO/IEC 14443-4, type A, at kbit 106, 212, 424 or 848 kbit/s.
func Contactless(kbit int) Link { return Link{contactless: true, rate: max(kbit, 0) * 1000} }

const (
	// A character is ten moments, start, eight data bits and parity, and two of guard time: 12 etu from one leading edge to the
	// next (ISO/IEC 7816-3:2006, 7.2). T=1 may go down to 11 etu, only where the card's TC1 is FF (8.3 and 11.2); ours has no TC1.
	charETU = 12

	// Between the last character of a block and the first one of the answer, 22 etu from leading edge to leading edge (BGT,
	// ISO/IEC 7816-3:2006, 11.2): ten more than between two characters.
	turnETU = 22 - charETU

	blockT1 = 4   // NAD, PCB, LEN, LRC (11.3.1)
	sizeT1  = 254 // longest information field, IFSC of our ATR and the usual IFSD (11.4.2)

	bitsA   = 9  // eight data bits and parity, ISO/IEC 14443-3:2018, 6.2.3
	frameA  = 2  // start and end of a frame
	blockA  = 3  // PCB and two bytes of CRC, ISO/IEC 14443-4:2018, 7.1
	sizeA   = 61 // FSC and FSD of 64, the commonest pair, less blockA
	turnA   = 86400 * time.Nanosecond
	offA    = 5100 * time.Microsecond
	wakeupA = 5 * time.Millisecond
)

// turnA is the frame delay time, 1172 carrier periods of 1/13.56 MHz, for either direction (ISO/IEC 14443-3:2018, 6.2.1.1 and
// 6.2.1.2; a card that computes takes longer). offA is the time without field after which a card has surely reset, wakeupA the
// guard time before the first command (NFC Forum Digital, tFIELD_OFF and GTA).

// bits is the time that n bits take.
func (l Link) bits(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(l.rate)
}

// exchange is the time that a command and its response of these lengths take on the link.
func (l Link) exchange(command, response int, t0 bool) time.Duration {
	switch {
	case l.rate == 0:
		return 0
	case l.contactless:
		return l.blocksA(command) + l.blocksA(response)
	case t0:
		// Five bytes of header always, one procedure byte, and no framing (ISO/IEC 7816-3:2006, 10.3).
		return l.bits((max(command, 5)+1+response)*charETU + 2*turnETU)
	default:
		return l.blocksT1(command) + l.blocksT1(response)
	}
}

// blocksT1 is the time for n bytes one way: chained I-blocks, each but the last answered by an R-block.
func (l Link) blocksT1(n int) time.Duration {
	blocks := max(1, (n+sizeT1-1)/sizeT1)
	chars := n + blocks*blockT1 + (blocks-1)*blockT1
	return l.bits(chars*charETU + (2*blocks-1)*turnETU)
}

func (l Link) blocksA(n int) time.Duration {
	blocks := max(1, (n+sizeA-1)/sizeA)
	frames := 2*blocks - 1
	return l.bits((n+frames*blockA)*bitsA+frames*frameA) + time.Duration(frames)*turnA
}

// reset is the time of a cold reset until the card takes commands.
func (l Link) reset(atr int) time.Duration {
	switch {
	case l.rate == 0:
		return 0
	case l.contactless:
		// REQA, anticollision and SELECT at two cascade levels, RATS and ATS, PPS: seven exchanges, 70 bytes, all at 106 kbit/s.
		return offA + wakeupA + Contactless(106).bits(70*bitsA+14*frameA) + 14*turnA
	default:
		// ATR at 372 clock periods a moment and 3.57 MHz, 9600 baud; then a PPS of four characters each way at that rate and an
		// S(IFS) block each way (ISO/IEC 7816-3:2006, 8.1, 9.3, 11.4.2).
		return Link{rate: 9600}.bits((atr+2*4)*charETU) + l.bits(2*(blockT1+1)*charETU)
	}
}

// pageTime is what a page of this size takes to erase and program, unless told otherwise: 3 ms for each 64 bytes begun.
func pageTime(page int) time.Duration {
	return 3 * time.Millisecond * time.Duration((page+63)/64)
}
