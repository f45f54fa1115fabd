package trust

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// RevocationClass says why a certificate or a key counts no more.
type RevocationClass uint8

// The classes. A key that ceased signed nothing that was not meant until then; of a compromised one nobody can tell when it
// really signed, since the time of signing is the signer's word.
const (
	Ceased      RevocationClass = 1
	Compromised RevocationClass = 2
)

// Revocation is an entry of a bundle (FORMAT 7.4).
type Revocation struct {
	Name  [8]byte // the first bytes of what CertificateName or KeyName returns
	Class RevocationClass
	Day   uint32 // since 1970-01-01; from 0:00 UTC of that day on the certificate or key is revoked
}

// Day is the number of the day, UTC, that t falls in.
func Day(t time.Time) uint32 { return uint32(min(max(t.Unix()/86400, 0), maxDay)) }

// Date is when Day begins.
func (r Revocation) Date() time.Time { return time.Unix(int64(r.Day)*86400, 0).UTC() }

// CertificateName names one certificate, whose issuer must be given, in a revocation: SHA-256 over the issuer's
// SubjectPublicKeyInfo and the content octets of the serial number.
func CertificateName(issuer, c *x509.Certificate) [32]byte {
	h := sha256.New()
	h.Write(issuer.RawSubjectPublicKeyInfo)
	serial := c.SerialNumber.Bytes()
	if len(serial) == 0 || serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // two's complement; crypto/x509 refuses negative numbers
	}
	h.Write(serial)
	return [32]byte(h.Sum(nil))
}

// KeyName names all certificates with the key of c: SHA-256 over its SubjectPublicKeyInfo.
func KeyName(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// Sizes and bounds of the shards (FORMAT 7.4).
const (
	entrySize   = 12
	shardRow    = 4 + sha256.Size // of the table
	maxShardBit = 16
	maxShard    = 16 << 10 // entries; a reader takes a shard into memory whole
	fullShard   = 1 << 10  // entries on the average, about where hashing shards and hashing the table cost the same
	maxDay      = 1<<24 - 1
)

type entry [entrySize]byte

func (r Revocation) entry() entry {
	var e entry
	copy(e[:], r.Name[:])
	binary.BigEndian.PutUint32(e[8:], r.Day)
	e[8] = byte(r.Class)
	return e
}

func (e entry) revocation() Revocation {
	return Revocation{Name: [8]byte(e[:8]), Class: RevocationClass(e[8]), Day: binary.BigEndian.Uint32(e[8:]) & maxDay}
}

// shardOf returns the number of the shard, of 2^bits, in which a name stands.
func shardOf(name []byte, bits int) int {
	return int(binary.BigEndian.Uint16(name)) >> (maxShardBit - bits)
}

// shards is the revocations of a bundle as its file holds them.
type shards struct {
	bits    int
	table   []byte
	offsets []int64 // of each shard in the file, and of the end
}

// parseShards reads the table; the shards begin at start and end with the file.
func parseShards(table []byte, start, size int64) (shards, error) {
	s := shards{table: table}
	n := len(table) / shardRow
	for 1<<s.bits < n && s.bits < maxShardBit {
		s.bits++
	}
	if n != 1<<s.bits || len(table)%shardRow != 0 {
		return shards{}, fmt.Errorf("%w: the table of shards has %d bytes", ErrBundle, len(table))
	}
	s.offsets = make([]int64, n+1)
	s.offsets[0] = start
	for i := range n {
		count := binary.BigEndian.Uint32(table[i*shardRow:])
		if count > maxShard {
			return shards{}, fmt.Errorf("%w: a shard of %d entries", ErrBundle, count)
		}
		s.offsets[i+1] = s.offsets[i] + int64(count)*entrySize
	}
	if s.offsets[n] != size {
		return shards{}, fmt.Errorf("%w: the file has %d bytes, and should have %d", ErrBundle, size, s.offsets[n])
	}
	return s, nil
}

// shard reads one shard. Errors are ErrTrustDamaged.
func (b *Bundle) shard(i int) ([]byte, error) {
	data := make([]byte, b.shards.offsets[i+1]-b.shards.offsets[i])
	if err := readAt(b.file, data, b.shards.offsets[i]); err != nil {
		return nil, fmt.Errorf("%w: reading the revocations: %w", ErrTrustDamaged, err)
	}
	if sha256.Sum256(data) != [32]byte(b.shards.table[i*shardRow+4:(i+1)*shardRow]) {
		return nil, fmt.Errorf("%w: the revocations were changed", ErrTrustDamaged)
	}
	return data, nil
}

// Revoked returns all revocations with that name, which CertificateName or KeyName made. It reads what it needs of the file
// and no more. Errors are ErrTrustDamaged: then there may be one.
func (b *Bundle) Revoked(name [32]byte) ([]Revocation, error) {
	data, err := b.shard(shardOf(name[:], b.shards.bits))
	if err != nil {
		return nil, err
	}
	var list []Revocation
	for ; len(data) > 0; data = data[entrySize:] {
		if bytes.Equal(data[:8], name[:8]) {
			list = append(list, entry(data[:entrySize]).revocation())
		}
	}
	return list, nil
}

// Revocations calls f with every revocation, in the order of their names. Errors are ErrTrustDamaged or those of f.
func (b *Bundle) Revocations(f func(Revocation) error) error {
	for i := range 1 << b.shards.bits {
		data, err := b.shard(i)
		if err != nil {
			return err
		}
		for ; len(data) > 0; data = data[entrySize:] {
			if err := f(entry(data[:entrySize]).revocation()); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRevocations reads every shard: digests, order, classes, and that each entry stands where readers look for it.
func (b *Bundle) checkRevocations() error {
	for i := range 1 << b.shards.bits {
		data, err := b.shard(i)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrBundle, err) // not ErrTrustDamaged: nothing relies on it yet
		}
		var last []byte
		for ; len(data) > 0; data = data[entrySize:] {
			e := data[:entrySize]
			class := RevocationClass(e[8])
			if shardOf(e, b.shards.bits) != i || bytes.Compare(last, e) >= 0 || class != Ceased && class != Compromised {
				return fmt.Errorf("%w: shard %d is not in order", ErrBundle, i)
			}
			last = e
		}
	}
	return nil
}

// encodeShards sorts revocations into shards and returns their table and the shards themselves.
func encodeShards(list []Revocation) (table, data []byte, err error) {
	entries := make([]entry, len(list))
	for i, r := range list {
		if r.Class != Ceased && r.Class != Compromised || r.Day > maxDay {
			return nil, nil, fmt.Errorf("revocation %d: class %d, day %d", i, r.Class, r.Day)
		}
		entries[i] = r.entry()
	}
	slices.SortFunc(entries, func(a, b entry) int {
		// The name decides almost always, and is compared at once.
		if c := cmp.Compare(binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:])); c != 0 {
			return c
		}
		return bytes.Compare(a[8:], b[8:])
	})
	entries = slices.Compact(entries)
	bits := 0
	for bits < maxShardBit && len(entries) > fullShard<<bits {
		bits++
	}
	for ; bits <= maxShardBit; bits++ {
		if table, data = encodeShardsOf(entries, bits); table != nil {
			return table, data, nil
		}
	}
	return nil, nil, fmt.Errorf("more than %d revocations begin with the same %d bits", maxShard, maxShardBit)
}

// encodeShardsOf returns no table if a shard would be too full.
func encodeShardsOf(entries []entry, bits int) (table, data []byte) {
	table = make([]byte, 0, shardRow<<bits)
	data = make([]byte, 0, len(entries)*entrySize)
	for i := range 1 << bits {
		start, n := len(data), 0
		for ; n < len(entries) && shardOf(entries[n][:], bits) == i; n++ {
			data = append(data, entries[n][:]...)
		}
		if n > maxShard {
			return nil, nil
		}
		entries = entries[n:]
		digest := sha256.Sum256(data[start:])
		table = append(binary.BigEndian.AppendUint32(table, uint32(n)), digest[:]...)
	}
	return table, data
}

// revoked looks a chain up, leaf first, anchor last (FORMAT 7.4), and returns the worst that it finds: ErrRevoked,
// ErrCompromised, ErrTrustDamaged.
func (b *Bundle) revoked(chain []*x509.Certificate, signed time.Time) error {
	var compromised, damaged error
	look := func(name [32]byte) bool {
		found, err := b.Revoked(name)
		if err != nil {
			damaged = err
		}
		for _, r := range found {
			switch {
			case !signed.Before(r.Date()):
				return true
			case r.Class != Ceased:
				compromised = ErrCompromised
			}
		}
		return false
	}
	for i, c := range chain {
		if look(KeyName(c)) || i+1 < len(chain) && look(CertificateName(chain[i+1], c)) {
			return ErrRevoked
		}
	}
	return cmp.Or(compromised, damaged)
}
