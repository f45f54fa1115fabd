package record

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"

	"golang.org/x/crypto/chacha20poly1305"
)

// Suite says how keys are wrapped and boxes sealed.
type Suite uint8

// The suites (FORMAT 3). SuiteNone seals for nobody: the key stands in the clear header. It is for simulated cards only.
const (
	SuiteNone   Suite = 0
	SuiteChaCha Suite = 1 // X25519 or P-256, ChaCha20-Poly1305
	SuiteAESGCM Suite = 2 // P-256, AES-256-GCM
)

const (
	idSize  = 16
	keySize = 16 // of a level
	tagSize = 16 // of every AEAD here
)

// chain is the keys of one record on one card: each level's key yields those below it and none above.
type chain struct {
	card  [idSize]byte
	suite Suite
	base  [idSize]byte
	level [4][]byte // index 1 to clearance; the others stay nil
}

// newChain draws a fresh K3. It depends on what it will seal, too: should the random numbers ever repeat, as those of a machine put
// back to an older state do, another text still has another key.
func newChain(card [idSize]byte, suite Suite, texts ...[]byte) *chain {
	random := make([]byte, 32)
	rand.Read(random)
	return drawChain(card, suite, random, texts...)
}

func drawChain(card [idSize]byte, suite Suite, random []byte, texts ...[]byte) *chain {
	c := &chain{card: card}
	h := sha256.New()
	for _, text := range texts {
		h.Write(encode(text))
	}
	return deriveChain(card, suite, c.derive(random, keySize, "secours/1 draw", h.Sum(nil)), 3)
}

// deriveChain derives the keys below that of a level, and the base id (FORMAT 3.1).
func deriveChain(card [idSize]byte, suite Suite, key []byte, clearance int) *chain {
	c := &chain{card: card, suite: suite}
	c.level[clearance] = key
	for level := clearance - 1; level >= 1; level-- {
		c.level[level] = c.derive(c.level[level+1], keySize, "secours/1 level", level)
	}
	copy(c.base[:], c.derive(c.level[1], idSize, "secours/1 commit", uint8(suite)))
	return c
}

// findChain is the chain that a key belongs to, whatever its clearance, and nil where it does not belong to that base.
func findChain(card [idSize]byte, suite Suite, key, base []byte) *chain {
	if len(key) != keySize {
		return nil
	}
	for clearance := 1; clearance <= 3; clearance++ {
		if c := deriveChain(card, suite, key, clearance); subtle.ConstantTimeCompare(c.base[:], base) == 1 {
			return c
		}
	}
	return nil
}

// clearance is the highest level whose key is there.
func (c *chain) clearance() int {
	level := 3
	for c.level[level] == nil {
		level--
	}
	return level
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
	return c.derive(c.level[level], 32, "secours/1 box", uint8(c.suite), c.base[:], own[:], level)
}

// digest is D_level (FORMAT 3.4): salted, so that who lacks the level's key cannot guess the message from it.
func (c *chain) digest(own [idSize]byte, level int, message ...[]byte) []byte {
	key := c.level[max(level, 1)] // level 0 has no key of its own
	mac := hmac.New(sha256.New, c.derive(key, 32, "secours/1 salt", c.base[:], own[:], level))
	for _, m := range message {
		mac.Write(m)
	}
	return mac.Sum(nil)
}

// The sizes of boxes are multiples of boxUnit, so that lengths tell little. Box 3 is at least box3Min, so that it looks
// the same with nothing and with one item or two.
const (
	boxUnit = 32
	box3Min = 96
	// maxPadding bounds the zeros that a reader takes at the end of a plaintext (FORMAT 3.3). seal adds at most 79, to
	// a box 3 with nothing in it.
	maxPadding = 80
)

// newAEAD is the suite's AEAD. Every key here serves once, hence the constant nonce of sealOnce and openOnce.
func (s Suite) newAEAD(key []byte) cipher.AEAD {
	var aead cipher.AEAD
	var err error
	if s == SuiteAESGCM {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	} else {
		aead, err = chacha20poly1305.New(key)
	}
	if err != nil {
		panic("record: " + err.Error()) // only for a wrong key size
	}
	return aead
}

func (s Suite) sealOnce(key, plaintext, header []byte) []byte {
	aead := s.newAEAD(key)
	return aead.Seal(nil, make([]byte, aead.NonceSize()), plaintext, header)
}

func (s Suite) openOnce(key, box, header []byte) ([]byte, error) {
	aead := s.newAEAD(key)
	plaintext, err := aead.Open(nil, make([]byte, aead.NonceSize()), box, header)
	if err != nil {
		return nil, ErrBox
	}
	return plaintext, nil
}

// seal encrypts a plaintext, padded.
func (c *chain) seal(own [idSize]byte, level int, header, plaintext []byte) []byte {
	size := (len(plaintext) + tagSize + boxUnit - 1) / boxUnit * boxUnit
	if level == 3 {
		size = max(size, box3Min)
	}
	padded := make([]byte, size-tagSize)
	copy(padded, plaintext)
	return c.suite.sealOnce(c.boxKey(own, level), padded, header)
}

// open decrypts a box. The padding is still there.
func (c *chain) open(own [idSize]byte, level int, header, box []byte) ([]byte, error) {
	return c.suite.openOnce(c.boxKey(own, level), box, header)
}
