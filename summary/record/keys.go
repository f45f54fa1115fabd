package record

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"golang.org/x/crypto/chacha20poly1305"
)

// Suite says how keys are wrapped and boxes sealed.
type Suite uint8

// SuiteNone seals for nobody: the key stands in the clear header. It is for demonstrations on simulated cards.
const SuiteNone Suite = 0

const (
	idSize  = 16
	keySize = 32
	tagSize = chacha20poly1305.Overhead
)

// chain is the keys of one record on one card: each level's key yields those below it and none above.
type chain struct {
	card  [idSize]byte
	suite Suite
	base  [idSize]byte
	level [4][]byte // index 1 to 3; index 0 stays nil
}

// newChain draws a fresh K3.
func newChain(card [idSize]byte, suite Suite) *chain {
	k3 := make([]byte, keySize)
	rand.Read(k3)
	return deriveChain(card, suite, k3)
}

// deriveChain derives K2, K1 and the base id from K3 (FORMAT 3.1).
func deriveChain(card [idSize]byte, suite Suite, k3 []byte) *chain {
	c := &chain{card: card, suite: suite}
	c.level[3] = k3
	c.level[2] = c.derive(k3, keySize, "secours/1 level", 2)
	c.level[1] = c.derive(c.level[2], keySize, "secours/1 level", 1)
	copy(c.base[:], c.derive(c.level[1], idSize, "secours/1 commit", uint8(suite)))
	return c
}

// derive is HKDF-SHA256 salted with the card id; info is the CBOR array of its parts.
func (c *chain) derive(secret []byte, size int, info ...any) []byte {
	key, err := hkdf.Key(sha256.New, secret, c.card[:], string(encode(info)), size)
	if err != nil {
		panic("record: " + err.Error()) // only for sizes over 255 hashes; ours are constants
	}
	return key
}

func (c *chain) boxKey(own [idSize]byte, level int) []byte {
	return c.derive(c.level[level], keySize, "secours/1 box", uint8(c.suite), c.base[:], own[:], level)
}

// digest is D_level (FORMAT 3.4): salted, so that who lacks the level's key cannot guess the message from it.
func (c *chain) digest(own [idSize]byte, level int, message ...[]byte) []byte {
	key := c.level[max(level, 1)] // level 0 has no key of its own
	mac := hmac.New(sha256.New, c.derive(key, keySize, "secours/1 salt", c.base[:], own[:], level))
	for _, m := range message {
		mac.Write(m)
	}
	return mac.Sum(nil)
}

// The sizes of boxes are multiples of boxUnit, so that lengths tell little. Box 3 is at least box3Min, so that it looks
// the same with nothing and with one short item.
const (
	boxUnit = 32
	box3Min = 64
	// maxPadding bounds the zeros that a reader takes at the end of a plaintext (FORMAT 3.3). seal adds at most 47, to
	// a box 3 with nothing in it.
	maxPadding = 64
)

// seal encrypts a plaintext, padded, under a key that serves only once: hence the constant nonce.
func (c *chain) seal(own [idSize]byte, level int, header, plaintext []byte) []byte {
	size := (len(plaintext) + tagSize + boxUnit - 1) / boxUnit * boxUnit
	if level == 3 {
		size = max(size, box3Min)
	}
	padded := make([]byte, size-tagSize)
	copy(padded, plaintext)
	aead, err := chacha20poly1305.New(c.boxKey(own, level))
	if err != nil {
		panic("record: " + err.Error()) // only for a wrong key size
	}
	return aead.Seal(nil, make([]byte, aead.NonceSize()), padded, header)
}

// open decrypts a box. The padding is still there.
func (c *chain) open(own [idSize]byte, level int, header, box []byte) ([]byte, error) {
	aead, err := chacha20poly1305.New(c.boxKey(own, level))
	if err != nil {
		panic("record: " + err.Error())
	}
	plaintext, err := aead.Open(nil, make([]byte, aead.NonceSize()), box, header)
	if err != nil {
		return nil, ErrBox
	}
	return plaintext, nil
}
