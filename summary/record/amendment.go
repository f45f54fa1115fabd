package record

import (
	"bytes"
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

// AmendmentDraft is what a new amendment is made from.
type AmendmentDraft struct {
	Card    [16]byte
	Content *summary.Amendment
	Signer  *trust.Identity
	Time    time.Time
	// OnBehalfOf names the professional whom the signer stands in for; one line of at most 120 characters.
	OnBehalfOf string
	// After is a number that was given to what may or may not have reached the card: this amendment gets a higher one.
	After uint64
}

// Amend adds an amendment to a record and returns the new record. What one author says at one level is one amendment: an
// older one of the signer is replaced, and what it said is in the new one. Errors: those of Read where the record does not open;
// ErrUnreliable where it is invalid; ErrClearance where the content belongs to a level that the keys do not open; ErrRole
// where the signer may not say that; *summary.PathError where the content is wrong; *SizeError.
func Amend(raw []byte, reader Reader, d AmendmentDraft) ([]byte, error) {
	if err := checkSigning(d.Signer.Certificate, d.Time, d.OnBehalfOf); err != nil {
		return nil, err
	}
	p, err := parse(raw)
	if err != nil {
		return nil, err
	}
	c, _, err := p.find(d.Card, reader.Keys)
	if errors.Is(err, errNoKey) {
		return nil, ErrClearance
	}
	if err != nil {
		return nil, err
	}
	r, err := readWith(p, c, reader)
	if err != nil {
		return nil, err
	}
	if r.Verdict.Status == Invalid || r.Summary == nil {
		return nil, ErrUnreliable
	}
	signer, err := reader.Trust.Check(d.Signer.Certificate, d.Time)
	if err != nil && signer.Role == "" {
		return nil, ErrRole
	}
	if err := r.permitted(signer, d.Content); err != nil {
		return nil, err
	}
	byLevel, err := d.Content.ByLevel(func(id string) (summary.Level, bool) {
		section, _, common := r.Summary.Find(id)
		if common == nil {
			return "", false
		}
		return levelOf(section, common), true
	})
	if err != nil {
		return nil, err
	}
	if r.contradicts(d.Content) {
		return nil, ErrContradicts
	}
	for level, part := range byLevel {
		if part == nil {
			continue
		}
		if level < 1 || c.level[level] == nil {
			return nil, ErrClearance
		}
		if err := p.amend(c, r, level, part, d); err != nil {
			return nil, err
		}
	}
	now, err := p.encoded()
	if err != nil || bytes.Equal(now, raw) {
		return now, err // the signer has said all of it already
	}
	return now, checkAmended(now, c, reader)
}

// contradicts reports whether something is added above the level at which the summary says that there is none: those who read only that
// would go on believing it.
func (r *Record) contradicts(content *summary.Amendment) (found bool) {
	content.Add.Each(func(name string, _ any, common *summary.Common) {
		if section := r.Summary.Sections.Section(name); section != nil && levelOf(name, common).Rank() > summary.DefaultLevel(name).Rank() {
			head := section.Head()
			found = found || head.Status == summary.StatusNoneKnown || len(head.NoneKnown) > 0
		}
	})
	return found
}

// checkAmended reads a new record back: all that was signed just now must be applied, or be refused for what this reader cannot
// know of the signer.
func checkAmended(raw []byte, c *chain, reader Reader) error {
	p, err := parse(raw)
	if err != nil {
		return err
	}
	r, err := readWith(p, c, reader)
	if err != nil {
		return err
	}
	a := r.Amendments[len(r.Amendments)-1]
	if a.State == AmendmentApplied && len(a.Missing) == 0 || a.Verdict.Status == Unverifiable {
		return nil
	}
	return errors.New("the new amendment does not read back: " + a.Verdict.String())
}

// amend puts a new amendment of one level at the end, in the place of the signer's older one.
func (p *parsed) amend(c *chain, r *Record, level int, content *summary.Amendment, d AmendmentDraft) error {
	author, baseSeq := c.author(d.Signer.Certificate), r.Seq
	var list []*amended
	last := max(baseSeq, d.After)
	for i := range p.amendments {
		a := c.openAmendment(&p.amendments[i], r)
		list = append(list, a)
		if a.counts() {
			last = max(last, a.seq)
		}
	}
	if last-baseSeq >= 1<<(8*numberSize)-1 {
		// A number that nobody signed, perhaps: then it is as good as none.
		last = max(baseSeq, d.After)
		for _, a := range list {
			if a.authentic {
				last = max(last, a.seq)
			}
		}
	}
	if last-baseSeq >= 1<<(8*numberSize)-1 {
		return ErrTooMany
	}
	var replaces []replaced
	wanted := map[Head]bool{}
	own := map[string]bool{} // items that the older amendment added
	kept := &parsed{base: p.base}
	for i, a := range list {
		var older *summary.Amendment
		if a.authentic && a.level == level && a.author == author {
			var err error
			if older, err = summary.UnmarshalAmendment(a.content, levels[level]); err != nil {
				return err
			}
		}
		switch {
		case older == nil:
			kept.amendments = append(kept.amendments, p.amendments[i])
			if a.manifest != nil {
				wanted[Head(a.manifest.Prev)] = true
				for _, r := range a.manifest.Replaces {
					wanted[Head(r.Prev)] = true
				}
			}
			continue
		case !superseded(list, i):
			// What it says already, with the dates that it gets by being said again.
			same := &summary.Amendment{Schema: older.Schema, Level: older.Level}
			same.Join(older, dateOf(a.manifest.time()))
			said, err := same.CBOR(levels[level])
			if err != nil {
				return err
			}
			content.Join(older, dateOf(a.manifest.time()))
			if now, err := content.CBOR(levels[level]); err == nil && bytes.Equal(now, said) {
				return nil
			}
			older.Add.Each(func(_ string, _ any, common *summary.Common) { own[common.ID] = true })
		}
		digest := a.digest()
		replaces = append(replaces, replaced{Digest: digest[:], Prev: a.manifest.Prev})
		replaces = append(replaces, a.manifest.Replaces...)
	}
	// Where an amendment went is told as long as something else on the card was written on it, as far as one can see.
	unreadable := slices.ContainsFunc(list, func(a *amended) bool { return a.level == 0 && a.counts() })
	replaces = slices.DeleteFunc(replaces, func(r replaced) bool {
		return !unreadable && !wanted[authoredLink(author, [16]byte(r.Digest))]
	})
	content.AssignIDs(func(id string) bool {
		_, _, common := r.Summary.Find(id)
		return common != nil && !own[id]
	})
	message, err := content.CBOR(levels[level])
	if err != nil {
		return err
	}
	prev := kept.head()
	frame, err := c.sealAmendment(level, author, r, manifest{
		Version: formatVersion, Seq: last + 1, Time: d.Time.Unix(), Kind: kindAmendment, Suite: c.suite,
		Prev: prev[:], OnBehalfOf: d.OnBehalfOf, Replaces: replaces[:min(len(replaces), maxAmendments)],
	}, message, d.Signer)
	if err != nil {
		return err
	}
	p.amendments = append(kept.amendments, *frame)
	return nil
}
