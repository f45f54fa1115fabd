package record

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/secours-card/secours/summary/trust"
)

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
