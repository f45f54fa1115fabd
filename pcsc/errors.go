package pcsc

import "errors"

// What can go wrong before a card has answered. Test with [errors.Is]: returned errors wrap one of these with
// the action, and with the PC/SC code where there is one.
var (
	// ErrUnsupported: this program was built without PC/SC.
	ErrUnsupported = errors.New("built without PC/SC (it needs cgo, except on Windows)")
	// ErrNoService: the smart card service (pcscd; SCardSvr on Windows) does not run, has stopped, or does not answer. Windows stops it
	// with the last reader. A new connection is needed when it is back.
	ErrNoService = errors.New("the smart card service is not running")
	// ErrVersion: pcscd speaks another protocol than this program's libpcsclite; one of the two came with a container or a bundle, or was
	// updated without the other. It is an ErrNoService too.
	ErrVersion error = versionError{}
	// ErrNotPermitted: the service refuses this user, by polkit rules or file permissions. pcscd that serves as many programs as it can
	// (200) says the same.
	ErrNotPermitted = errors.New("the smart card service refuses this user")
	// ErrNoReader: no reader at all, none of that name, or the reader was unplugged.
	ErrNoReader = errors.New("no such reader")
	// ErrReaderBusy: another program holds the reader exclusively, or the reader hangs.
	ErrReaderBusy = errors.New("another program holds the reader")
	// ErrNoCard: there was no card to connect to.
	ErrNoCard = errors.New("no card in the reader")
	// ErrCardUnresponsive: something is in the reader that does not answer like a card; often one inserted the wrong way round.
	ErrCardUnresponsive = errors.New("the card does not answer")
	// ErrCardRemoved: the card was taken out, or contact was lost, after Connect.
	ErrCardRemoved = errors.New("the card was removed")
	// ErrCardReset: another program reset the card, so what was selected and verified is lost. Conn.Reset makes the
	// connection usable again.
	ErrCardReset = errors.New("another program reset the card")
	// ErrClosed: the connection was closed, or given up because a call outlived its context.
	ErrClosed = errors.New("the connection is closed")
	// ErrNotBegun: the call ended before anything of it reached the service or the card. It comes with the reason: the context's error,
	// ErrClosed, ErrCommandLength, or what an earlier call had found.
	ErrNotBegun = errors.New("not begun")
	// ErrCommandLength: the command is shorter than a command header or longer than readers take.
	ErrCommandLength = errors.New("command length out of bounds")
)

type versionError struct{}

func (versionError) Error() string {
	return "the smart card service speaks another protocol than this program's PC/SC library"
}

func (versionError) Unwrap() error { return ErrNoService }
