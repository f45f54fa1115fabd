package record

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/secours-card/secours/summary/trust"
)

// Recipient is a key that a record is sealed for.
type Recipient struct {
	// Kind is trust.KeyRole, trust.KeyPractice or trust.KeyRecovery.
	Kind trust.KeyKind
	// Clearance is the highest level that a role reads, 1 or 2. The other kinds read everything.
	Clearance int
	Key       *ecdh.PublicKey
}

func (r *Recipient) clearance() int {
	if r.Kind != trust.KeyRole {
		return 3
	}
	return r.Clearance
}

const (
	// maxRecipients bounds the recipients of a record, and the openings that a reader tries.
	maxRecipients = 32

	kidSize    = 2
	sealedSize = keySize + tagSize
	macSize    = 8
)

// ringKinds are the numbers of the kinds in a ring; they are for ever.
var ringKinds = []trust.KeyKind{trust.KeyPractice, trust.KeyRecovery}

// lot is the recipients that share an ephemeral key.
type lot struct {
	curve      ecdh.Curve
	enc        []byte
	recipients [][]byte
}

// wraps is how a record's keys reach its recipients (FORMAT 3.2).
type wraps struct {
	lots []lot
	ring []byte // nil where there is none
	mac  []byte
}

// parseWraps holds the wraps to their form: kinds of keys in order and fit for the suite, recipients in order, not too many.
func parseWraps(parts []cbor.RawMessage, suite Suite) (*wraps, error) {
	w := new(wraps)
	if suite == SuiteNone {
		if len(parts) > 0 {
			return nil, fmt.Errorf("%w: recipients in suite 0", ErrMalformed)
		}
		return w, nil
	}
	// The last two are byte strings, or the last one.
	for _, end := range []*[]byte{&w.mac, &w.ring} {
		if n := len(parts) - 1; n >= 0 && parts[n][0]>>5 == 2 {
			if err := decodeOnly(parts[n], end); err != nil {
				return nil, err
			}
			parts = parts[:n]
		}
	}
	if len(w.mac) != macSize || w.ring != nil && len(w.ring) < tagSize || len(parts) == 0 {
		return nil, fmt.Errorf("%w: recipients", ErrMalformed)
	}
	count := 0
	for _, part := range parts {
		var list [][]byte
		if err := decodeOnly(part, &list); err != nil {
			return nil, err
		}
		if len(list) < 2 {
			return nil, fmt.Errorf("%w: a lot without recipients", ErrMalformed)
		}
		l := lot{enc: list[0], recipients: list[1:]}
		switch len(l.enc) {
		case 32:
			l.curve = ecdh.X25519()
		case 65:
			l.curve = ecdh.P256()
		default:
			return nil, fmt.Errorf("%w: an encapsulated key of %d bytes", ErrMalformed, len(l.enc))
		}
		if !suite.Takes(l.curve) || len(w.lots) > 0 && len(w.lots[len(w.lots)-1].enc) >= len(l.enc) {
			return nil, fmt.Errorf("%w: lots", ErrMalformed)
		}
		for j, r := range l.recipients {
			if len(r) != sealedSize && len(r) != kidSize+sealedSize || j > 0 && bytes.Compare(l.recipients[j-1], r) >= 0 {
				return nil, fmt.Errorf("%w: recipients", ErrMalformed)
			}
		}
		if count += len(l.recipients); count > maxRecipients {
			return nil, fmt.Errorf("%w: more than %d recipients", ErrMalformed, maxRecipients)
		}
		w.lots = append(w.lots, l)
	}
	return w, nil
}

// encoded is the wraps as they stand in the record.
func (w *wraps) encoded() []cbor.RawMessage {
	parts := []cbor.RawMessage{}
	for _, l := range w.lots {
		parts = append(parts, encode(append([][]byte{l.enc}, l.recipients...)))
	}
	if w.ring != nil {
		parts = append(parts, encode(w.ring))
	}
	if w.mac != nil {
		parts = append(parts, encode(w.mac))
	}
	return parts
}

// authenticate is the MAC over all that stands before it in the wraps. Each reader opens one recipient and would not notice that
// another was changed, or taken out.
func (c *chain) authenticate(w *wraps) []byte {
	parts := w.encoded()
	if w.mac != nil {
		parts = parts[:len(parts)-1]
	}
	digest := sha256.Sum256(slices.Concat(parts...))
	return c.derive(c.level[1], macSize, "secours/1 wraps", c.base[:], digest[:])
}

// find looks among the recipients for one that a key opens, and returns the chain that it was given with that key. It returns
// errNoKey where none is for any of the keys, and ErrCommitment where one is, but does not lead to this base on this card.
func (w *wraps) find(keys []trust.PrivateKey, card [idSize]byte, suite Suite, base []byte) (*chain, *trust.PrivateKey, error) {
	info := wrapInfo(suite, base)
	missing := errNoKey
	tries := 0
	// Individuals first, since they see everything; then the roles that see most.
	order := make([]*trust.PrivateKey, 0, len(keys))
	for i := range keys {
		if keys[i].Opening != nil {
			order = append(order, &keys[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *trust.PrivateKey) int { return rank(b) - rank(a) })
	for _, key := range order {
		var kid []byte
		if key.Kind == trust.KeyRole {
			id := trust.KeyID(key.Opening.PublicKey())
			kid = id[:]
		}
		for _, l := range w.lots {
			if l.curve != key.Opening.Curve() {
				continue
			}
			for _, r := range l.recipients {
				if len(r) != len(kid)+sealedSize || !bytes.HasPrefix(r, kid) {
					continue
				}
				if tries++; tries > maxRecipients {
					return nil, nil, missing
				}
				opened, err := suite.hpkeOpen(key.Opening, l.enc, info, kid, r[len(kid):])
				if err != nil {
					if kid != nil {
						missing = ErrCommitment // two groups can share a key id, but seldom do
					}
					continue
				}
				if c := findChain(card, suite, opened, base); c != nil {
					return c, key, nil
				}
				missing = ErrCommitment
			}
		}
	}
	return nil, nil, missing
}

func rank(k *trust.PrivateKey) int {
	if k.Kind != trust.KeyRole {
		return 3
	}
	return k.Role.Clearance()
}

func wrapInfo(suite Suite, base []byte) []byte {
	return encode([]any{"secours/1 wrap", uint8(suite), base})
}

// wrap gives each recipient the key of its clearance. Only a chain with K3 can.
func (c *chain) wrap(recipients []Recipient, header []byte) (*wraps, error) {
	if c.suite == SuiteNone {
		if len(recipients) > 0 {
			return nil, errors.New("an unsealed record has no recipients")
		}
		return new(wraps), nil
	}
	if err := checkRecipients(recipients, c.suite); err != nil {
		return nil, err
	}
	w := new(wraps)
	info := wrapInfo(c.suite, c.base[:])
	for _, curve := range []ecdh.Curve{ecdh.X25519(), ecdh.P256()} {
		var ephemeral *ecdh.PrivateKey
		var l lot
		for _, r := range recipients {
			if r.Key.Curve() != curve {
				continue
			}
			if ephemeral == nil {
				var err error
				if ephemeral, err = curve.GenerateKey(rand.Reader); err != nil {
					return nil, err
				}
				l = lot{curve: curve, enc: ephemeral.PublicKey().Bytes()}
			}
			var kid []byte
			if r.Kind == trust.KeyRole {
				id := trust.KeyID(r.Key)
				kid = id[:]
			}
			sealed, err := c.suite.hpkeSeal(r.Key, ephemeral, info, kid, c.level[r.clearance()])
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrRecipient, err)
			}
			l.recipients = append(l.recipients, append(kid, sealed...))
		}
		if ephemeral != nil {
			slices.SortFunc(l.recipients, bytes.Compare)
			w.lots = append(w.lots, l)
		}
	}
	w.ring = c.sealRing(recipients, w.lots[0].enc, header)
	w.mac = c.authenticate(w)
	return w, nil
}

// checkRecipients refuses what no reader would accept, or what would lock the writers out.
func checkRecipients(recipients []Recipient, suite Suite) error {
	if len(recipients) > maxRecipients {
		return fmt.Errorf("%w: more than %d", ErrRecipient, maxRecipients)
	}
	seen := map[string]bool{}
	practice := false
	for _, r := range recipients {
		switch {
		case r.Key == nil, !suite.Takes(r.Key.Curve()):
			return fmt.Errorf("%w: its key is not one for suite %d", ErrRecipient, suite)
		case r.clearance() < 1 || r.clearance() > 3, r.Kind == trust.KeyRole && r.Clearance > 2:
			return fmt.Errorf("%w: clearance %d", ErrRecipient, r.Clearance)
		case r.Kind != trust.KeyRole && !slices.Contains(ringKinds, r.Kind):
			return fmt.Errorf("%w: a key of the kind %q", ErrRecipient, r.Kind)
		case seen[string(r.Key.Bytes())]:
			return fmt.Errorf("%w: a key occurs twice", ErrRecipient)
		}
		seen[string(r.Key.Bytes())] = true
		practice = practice || r.Kind == trust.KeyPractice
	}
	if !practice {
		return ErrNoPractice
	}
	return nil
}

// ringEntry is an individual's key in the ring.
type ringEntry struct {
	_    struct{} `cbor:",toarray"`
	Kind uint8
	Key  []byte
}

func (c *chain) ringKey(enc []byte) []byte {
	return c.derive(c.level[3], 32, "secours/1 ring", uint8(c.suite), c.base[:], enc)
}

// sealRing names the individuals, if there is more than one.
func (c *chain) sealRing(recipients []Recipient, enc, header []byte) []byte {
	var entries []cbor.RawMessage
	for _, r := range recipients {
		if kind := slices.Index(ringKinds, r.Kind); kind >= 0 {
			entries = append(entries, encode(ringEntry{Kind: uint8(kind), Key: r.Key.Bytes()}))
		}
	}
	if len(entries) < 2 {
		return nil
	}
	slices.SortFunc(entries, func(a, b cbor.RawMessage) int { return bytes.Compare(a, b) })
	return c.suite.sealOnce(c.ringKey(enc), encode(entries), header)
}

// openRing returns the individuals that the ring names, none where there is no ring. Only a holder of K3 has any use for it.
func (c *chain) openRing(w *wraps, header []byte) ([]Recipient, error) {
	if w.ring == nil {
		return nil, nil
	}
	plaintext, err := c.suite.openOnce(c.ringKey(w.lots[0].enc), w.ring, header)
	if err != nil {
		return nil, fmt.Errorf("%w: its ring does not open", ErrMalformed)
	}
	var entries []ringEntry
	if err := decodeOnly(plaintext, &entries); err != nil {
		return nil, err
	}
	var list []Recipient
	for _, e := range entries {
		curve := ecdh.X25519()
		if len(e.Key) == 65 {
			curve = ecdh.P256()
		}
		key, err := curve.NewPublicKey(e.Key)
		if err != nil || int(e.Kind) >= len(ringKinds) || !c.suite.Takes(curve) || len(list) >= maxRecipients {
			return nil, fmt.Errorf("%w: ring", ErrMalformed)
		}
		list = append(list, Recipient{Kind: ringKinds[e.Kind], Key: key})
	}
	return list, nil
}

// individuals counts the recipients without a key id.
func (w *wraps) individuals() int {
	n := 0
	for _, l := range w.lots {
		for _, r := range l.recipients {
			if len(r) == sealedSize {
				n++
			}
		}
	}
	return n
}

// groups returns the key ids of the groups.
func (w *wraps) groups() [][kidSize]byte {
	var ids [][kidSize]byte
	for _, l := range w.lots {
		for _, r := range l.recipients {
			if len(r) > sealedSize {
				ids = append(ids, [kidSize]byte(r[:kidSize]))
			}
		}
	}
	return ids
}
