package record

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

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

// sealAmendment signs and seals. The own id is drawn here and nowhere else: two boxes under one id would be one key stream over two
// texts. It depends on the text too, should the random numbers ever repeat.
func (c *chain) sealAmendment(level int, author [authorSize]byte, r *Record, m manifest, content []byte, signer *trust.Identity) (*amendmentFrame, error) {
	s := &signed{Certificate: signer.Certificate.Raw, Manifest: encode(m)}
	var random [32]byte
	rand.Read(random[:])
	h := sha256.New()
	h.Write(s.Manifest)
	h.Write(content)
	frame := &amendmentFrame{author: author}
	copy(frame.own[:], c.derive(c.level[level], idSize, "secours/1 amendment", random[:], h.Sum(nil)))
	own := frame.own
	if err := s.sign(signer.Key, c.externalAAD(contextAmendment, own, c.digest(own, level, content))); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	binary.BigEndian.PutUint16(frame.number[:], uint16(m.Seq-r.Seq))
	frame.number = c.number(own, frame.number)
	mark := append(author[:], frame.number[:]...)
	frame.Header = encode(amendmentHeader{Version: formatVersion, Suite: c.suite, ID: own[:], Mark: mark})
	var units coder
	frame.Box = c.seal(own, level, frame.Header, encodeSigned(s, units.unit(s.Certificate, ofCertificate(r.Signature.Certificate)), units.unit(content, dictionaries{CodecPreset: r.level1})))
	frame.Check = c.check(frame)
	return frame, nil
}
