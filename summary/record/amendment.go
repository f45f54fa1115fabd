package record

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// Amendment is what somebody said about the summary after it was written.
type Amendment struct {
	// ID is the first four bytes of its own id, in hexadecimal: enough to name it on one card.
	ID    string
	State AmendmentState
	// Verdict is that on this amendment alone; of no meaning for an unreadable one.
	Verdict Verdict
	Signer  *trust.Signer
	// Seq is its sequence number, 0 if nobody who could open the record gave it that.
	Seq        uint64
	Time       time.Time
	OnBehalfOf string
	Level      int
	// Gap is set where what the amendment was written on is no longer on the card, and nothing says why.
	Gap bool
	// Content is what it says, if it is applied, and Added are the ids that its items have in the summary.
	Content *summary.Amendment
	Added   []string
	// Missing are the operations on items that are not there; they had no effect.
	Missing []summary.Change
	// Unverified is what it says if it is not applied: anybody may have written that.
	Unverified *summary.Amendment
	Signature  Signature
	// Size is that of the amendment on the card, in bytes.
	Size int
}

// AmendmentState says what became of an amendment. The strings are stable: they stand in JSON.
type AmendmentState string

// The states (FORMAT 3.7).
const (
	AmendmentApplied    AmendmentState = "applied"
	AmendmentApart      AmendmentState = "apart"
	AmendmentSuperseded AmendmentState = "superseded"
	AmendmentUnreadable AmendmentState = "unreadable"
)

// Doubtful reports whether something about the amendment deserves a second look: it was refused, or not all of it took effect.
// One that is above the reader's clearance is nothing of the kind; one that is damaged, or of a later version, has the verdict of that.
func (a *Amendment) Doubtful() bool {
	switch a.State {
	case AmendmentApplied:
		return a.Gap || len(a.Missing) > 0
	case AmendmentUnreadable:
		return a.Verdict.Reason == ReasonDamaged || a.Verdict.Reason == ReasonNewer
	}
	return true
}

// amended is an amendment on its way through the checks.
type amended struct {
	*amendmentFrame
	level    int    // 0: it did not open
	seq      uint64 // as the header has it
	intact   bool   // somebody who can open the base made it, and nobody else changed it
	signed   *signed
	leaf     *x509.Certificate
	manifest *manifest // nil: it did not open, or is malformed
	content  []byte
	// authentic: the signature is that of the certificate's key, and the mark is that key's. Who that is comes later.
	authentic bool
	// failed is what is wrong with it, whatever stands around it; said is its content, nil where that is no such thing.
	failed reasons
	signer *trust.Signer
	said   *summary.Amendment
	// blind: a reader who can open everything did not open it, so it is nothing of anybody's.
	blind bool
}

// valid reports whether nothing is wrong with it, for this reader.
func (a *amended) valid() bool { return a.manifest != nil && len(a.failed) == 0 }

// check is about the signer and the content.
func (a *amended) check(reader *Reader) {
	var reason Reason
	a.signer, reason = reader.checkSigner(a.leaf, a.manifest.time())
	a.failed.add(reason)
	var err error
	if a.said, err = summary.UnmarshalAmendment(a.content, levels[a.level]); err != nil {
		a.failed.add(ReasonContent)
	}
}

// counts reports whether somebody who can open the base put it there, so that its number means something.
func (a *amended) counts() bool { return a.authentic || a.level == 0 && a.intact && !a.blind }

// readAmendments opens, checks and applies the amendments, in the order of FORMAT 3.7. merge gives the base's summary, a new one each time.
func (r *Record) readAmendments(p *parsed, c *chain, merge func() *summary.Summary, reader Reader) {
	var list []*amended
	for i := range p.amendments {
		a := c.openAmendment(&p.amendments[i], r)
		if a.manifest != nil {
			a.check(&reader)
		}
		list = append(list, a)
	}
	// Whoever may not say what he says replaces nothing either, not even what he said himself: each round refuses at least one.
	for range len(list) + 1 {
		contents := r.judge(list, p, c)
		refused := r.apply(contents, reader.stale())
		if len(refused) == 0 {
			return
		}
		for _, i := range refused {
			list[i].failed.add(ReasonRole)
		}
		r.Summary = merge()
	}
}

// judge says what becomes of each amendment, and returns what those say that may be applied.
func (r *Record) judge(list []*amended, p *parsed, c *chain) []*summary.Amendment {
	r.Amendments = nil
	contents := make([]*summary.Amendment, len(list))
	before, last := p.base.link(), r.Seq
	hidden := []Head{} // unreadable amendments after before: what follows may have been written on any of them, or on none
	for i, a := range list {
		out := Amendment{ID: hex.EncodeToString(a.own[:4]), Level: a.level, Size: len(encode(a.amendmentFrame))}
		if a.counts() {
			out.Seq = a.seq
		}
		switch {
		case a.newer:
			out.State, out.Verdict = AmendmentUnreadable, Verdict{Unverifiable, ReasonNewer}
		case a.level == 0:
			out.State = AmendmentUnreadable
			if !a.counts() {
				out.Verdict = Verdict{Invalid, ReasonDamaged}
			} else {
				hidden = append(hidden, a.link())
			}
		case a.manifest == nil:
			out.State, out.Verdict = AmendmentApart, Verdict{Invalid, ReasonContent}
		default:
			out.describe(c, a)
			out.Signer, out.Unverified, out.State = a.signer, a.said, AmendmentApart
			failed := slices.Clone(a.failed)
			old := superseded(list, i)
			forked := old
			if a.authentic && !old {
				var order Reason
				order, out.Gap = follows(list, i, p, append(hidden, before), last)
				forked = order == ReasonFork
				failed.add(order)
			}
			out.Verdict = failed.verdict()
			switch {
			case out.Verdict.Status == Valid && old:
				out.State, out.Verdict = AmendmentSuperseded, Verdict{Invalid, ReasonSuperseded}
			case out.Verdict.Status == Valid:
				contents[i] = a.said
			}
			if a.authentic && !forked {
				before, last, hidden = a.link(), max(last, a.seq), hidden[:0]
			}
		}
		r.Amendments = append(r.Amendments, out)
	}
	return contents
}

// levels are the names of the confidentiality levels by rank.
var levels = [4]summary.Level{summary.LevelOpen, summary.LevelCare, summary.LevelClinical, summary.LevelMasked}

// openAmendment tries the levels from the highest down: which one it is does not show.
func (c *chain) openAmendment(frame *amendmentFrame, r *Record) *amended {
	a := &amended{amendmentFrame: frame, seq: c.seq(frame, r.Seq), intact: hmac.Equal(frame.Check, c.check(frame)), blind: c.clearance() == 3}
	if frame.newer {
		a.intact = false
		return a
	}
	for level := c.clearance(); level >= 1; level-- {
		s, leaf, m, unit, err := c.openSigned(frame.own, level, frame.Header, frame.Box, r.Signature.Certificate)
		if errors.Is(err, ErrBox) {
			continue
		}
		a.level = level
		if err == nil {
			a.content, err = decodeUnit(unit, dictionaries{CodecPreset: r.level1}, maxInflated)
		}
		if err != nil || m.Kind != kindAmendment {
			return a
		}
		a.signed, a.leaf, a.manifest = s, leaf, m
		if leaf == nil {
			a.failed.add(ReasonCertificate)
			return a
		}
		err = s.verify(leaf.PublicKey, c.externalAAD(contextAmendment, frame.own, c.digest(frame.own, level, a.content)))
		switch {
		case errors.Is(err, errAlgorithm):
			a.failed.add(ReasonCertificate)
		case err != nil, m.Suite != c.suite:
			a.failed.add(ReasonSignature)
		case !a.intact, m.Seq != a.seq, frame.author != c.author(leaf):
			a.failed.add(ReasonAuthor)
		default:
			a.authentic = true
		}
		return a
	}
	return a
}

// author is what an author's amendments to one base have in common, for those who can open it (FORMAT 3.7).
func (c *chain) author(leaf *x509.Certificate) [authorSize]byte {
	key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return [authorSize]byte(c.derive(c.level[1], authorSize, "secours/1 author", c.base[:], key[:]))
}

// number puts the number of an amendment under its pad, and takes it from there: whoever can open the base counts the amendments,
// those that he cannot open too, and a finder does not.
func (c *chain) number(own [idSize]byte, number [numberSize]byte) [numberSize]byte {
	for i, b := range c.derive(c.level[1], numberSize, "secours/1 number", c.base[:], own[:]) {
		number[i] ^= b
	}
	return number
}

// check authenticates an amendment for those who can open the base and not it: what a finder plants, or changes, is not above their
// clearance but damaged.
func (c *chain) check(a *amendmentFrame) []byte {
	header, box := sha256.Sum256(a.Header), sha256.Sum256(a.Box)
	return c.derive(c.level[1], checkSize, "secours/1 check", c.base[:], header[:], box[:])
}

// seq is the sequence number of an amendment, as its header has it.
func (c *chain) seq(a *amendmentFrame, base uint64) uint64 {
	number := c.number(a.own, a.number)
	return base + uint64(binary.BigEndian.Uint16(number[:]))
}

func (out *Amendment) describe(c *chain, a *amended) {
	out.Time, out.OnBehalfOf = a.manifest.time(), a.manifest.OnBehalfOf
	out.Signature = Signature{
		Message:     a.signed.message(),
		ExternalAAD: c.externalAAD(contextAmendment, a.own, c.digest(a.own, a.level, a.content)),
		Certificate: a.signed.Certificate,
		Algorithm:   a.signed.Algorithm,
	}
}

// superseded reports whether an author said something newer, and valid, at the level of the i-th amendment: it was put back.
func superseded(list []*amended, i int) bool {
	if !list[i].authentic {
		return false
	}
	for _, a := range list {
		if a.valid() && a.author == list[i].author && a.level == list[i].level && a.seq > list[i].seq {
			return true
		}
	}
	return false
}

// follows judges what the i-th amendment was written on. Before are the links of what may stand before it on the card, last is the
// highest number that was signed there: a number that nobody signed counts for nothing.
func follows(list []*amended, i int, p *parsed, before []Head, last uint64) (refused Reason, gap bool) {
	m := list[i].manifest
	if m.Seq <= last {
		return ReasonFork, false
	}
	at := Head(m.Prev)
	explained := map[Head]Head{}
	unreadable := false
	for _, later := range list[i:] {
		unreadable = unreadable || later.level == 0 && later.counts()
		if !later.valid() {
			continue
		}
		for _, r := range later.manifest.Replaces {
			explained[authoredLink(later.author, [16]byte(r.Digest))] = Head(r.Prev)
		}
	}
	// Whoever wrote on a card that somebody had tampered with wrote on what stood there last.
	if i > 0 {
		before = append(before, list[i-1].link())
	}
	// Each link is followed once, so a circle ends.
	for !slices.Contains(before, at) {
		prev, ok := explained[at]
		if !ok {
			break
		}
		delete(explained, at)
		at = prev
	}
	switch {
	case slices.Contains(before, at):
		return ReasonOK, false
	case at == p.base.link():
		return ReasonFork, false
	}
	for j := range p.amendments {
		if at == p.amendments[j].link() {
			return ReasonFork, false
		}
	}
	return ReasonOK, !unreadable
}
