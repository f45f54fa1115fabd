package trust

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"slices"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// The key derivation of a keystore (RFC 9106): about an eighth of a second and 64 MiB for each passphrase that a thief of
// the file tries.
const (
	kdfNone        = "none"
	kdfArgon2id    = "argon2id"
	keystoreCipher = "xchacha20-poly1305"

	saltSize  = 16
	checkSize = 16
)

// Bounds of what a file may ask for. The upper ones keep a file from strangers from taking the machine down: 1 GiB, ten
// seconds. The lower one refuses a file that somebody made cheap to search before its owner types the passphrase.
const (
	minMemoryKiB = 8 << 10
	maxMemoryKiB = 1 << 20
	maxTime      = 16
	maxThreads   = 16
)

// kdfJSON and keystoreJSON have their members in the order of canonical JSON, as keyJSON has.
type kdfJSON struct {
	MemoryKiB uint32 `json:"memoryKiB,omitempty"`
	Name      string `json:"name"`
	Salt      []byte `json:"salt,omitempty"`
	Threads   uint8  `json:"threads,omitempty"`
	Time      uint32 `json:"time,omitempty"`
}

type keystoreJSON struct {
	Check    []byte    `json:"check,omitempty"`
	Checksum string    `json:"checksum,omitempty"`
	Cipher   string    `json:"cipher,omitempty"`
	KDF      kdfJSON   `json:"kdf"`
	Keys     []keyJSON `json:"keys"`
	Nonce    []byte    `json:"nonce,omitempty"`
	Schema   string    `json:"schema"`
	Sealed   []byte    `json:"sealed,omitempty"`
}

func defaultKDF() kdfJSON {
	return kdfJSON{Name: kdfArgon2id, MemoryKiB: 64 << 10, Time: 3, Threads: 1}
}

// LockedKeystore is a keystore file before its passphrase is known.
type LockedKeystore struct {
	file   keystoreJSON
	public []PublicKey
}

// ParseKeystore reads a keystore file (FORMAT 8) as far as that goes without a passphrase. Errors are ErrKeystore, where
// the file is not a keystore or is damaged, and ErrNewerKeystore.
func ParseKeystore(data []byte) (*LockedKeystore, error) {
	var f keystoreJSON
	if err := parseKeyDocument(data, KeystoreSchema, &f); err != nil {
		return nil, err
	}
	// What is checked is what was parsed, not the text: white space may change, and a member that stands twice cannot
	// mean one thing to the checksum and another to us.
	unchecked := f
	unchecked.Checksum = ""
	if checksum(unchecked) != f.Checksum {
		return nil, fmt.Errorf("%w: the file is damaged (checksum)", ErrKeystore)
	}
	if len(f.Keys) > MaxKeys {
		return nil, fmt.Errorf("%w: more than %d keys", ErrKeystore, MaxKeys)
	}
	if err := f.checkKDF(); err != nil {
		return nil, err
	}
	l := &LockedKeystore{file: f, public: make([]PublicKey, 0, len(f.Keys))}
	var seen keySet
	for i := range f.Keys {
		k, err := f.Keys[i].public()
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		if (len(f.Keys[i].Private) == 0) != l.NeedsPassphrase() {
			return nil, fmt.Errorf("%w: keys[%d]: a private key in the wrong place", ErrKeystore, i)
		}
		if err := seen.add(k); err != nil {
			return nil, fmt.Errorf("%w: keys[%d]: %w", ErrKeystore, i, err)
		}
		l.public = append(l.public, k)
	}
	return l, nil
}

func (f *keystoreJSON) checkKDF() error {
	k := f.KDF
	switch k.Name {
	case kdfNone:
		if k.MemoryKiB != 0 || k.Salt != nil || k.Threads != 0 || k.Time != 0 ||
			f.Cipher != "" || f.Check != nil || f.Nonce != nil || f.Sealed != nil {
			return fmt.Errorf("%w: something sealed, and no passphrase", ErrKeystore)
		}
		return nil
	case kdfArgon2id:
	default:
		return fmt.Errorf("%w: an unknown key derivation", ErrNewerKeystore)
	}
	switch {
	case f.Cipher != keystoreCipher:
		return fmt.Errorf("%w: an unknown cipher", ErrNewerKeystore)
	case k.MemoryKiB < minMemoryKiB || k.MemoryKiB > maxMemoryKiB || k.Time < 1 || k.Time > maxTime ||
		k.Threads < 1 || k.Threads > maxThreads:
		return fmt.Errorf("%w: a key derivation outside %d to %d KiB, 1 to %d passes, 1 to %d threads",
			ErrKeystore, minMemoryKiB, maxMemoryKiB, maxTime, maxThreads)
	case len(k.Salt) != saltSize || len(f.Check) != checkSize || len(f.Nonce) != chacha20poly1305.NonceSizeX ||
		len(f.Sealed) != len(f.Keys)*rawKeySize+chacha20poly1305.Overhead:
		return fmt.Errorf("%w: salt, nonce, check or box of the wrong length", ErrKeystore)
	}
	return nil
}

// Public lists the keys in the file. Until Open has succeeded only a checksum speaks for the list: whoever can write to
// the file can put another key there.
func (l *LockedKeystore) Public() []PublicKey { return slices.Clone(l.public) }

// NeedsPassphrase reports whether Open wants one. A file made without any opens with every passphrase.
func (l *LockedKeystore) NeedsPassphrase() bool { return l.file.KDF.Name != kdfNone }

// Open opens the box. The error is ErrPassphrase, or ErrKeystore where the passphrase is right and the file was changed
// all the same. A passphrase counts as the bytes given: "é" typed as one character is not "e" with an accent added.
//
// The two are told apart by a check value, 16 bytes of the derived key that serve for nothing else. It tells a thief of
// the file nothing new: to compare it he has to derive the key from his guess, and whoever has done that can try the box's
// tag as well, at a cost that does not count beside the derivation's. The remaining 32 bytes do not follow from it.
func (l *LockedKeystore) Open(passphrase string) (*Keystore, error) {
	var raw []byte
	if l.NeedsPassphrase() {
		aead, check := l.file.KDF.derive(passphrase)
		if subtle.ConstantTimeCompare(check, l.file.Check) != 1 {
			return nil, ErrPassphrase
		}
		var err error
		if raw, err = aead.Open(nil, l.file.Nonce, l.file.Sealed, l.file.associated()); err != nil {
			return nil, fmt.Errorf("%w: the passphrase is right, and the file was changed", ErrKeystore)
		}
		defer clear(raw)
	}
	k := &Keystore{Keys: make([]PrivateKey, 0, len(l.file.Keys))}
	for i := range l.public {
		own := l.file.Keys[i].Private
		if raw != nil {
			own = raw[i*rawKeySize : (i+1)*rawKeySize]
		}
		key, err := l.public[i].private(own)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		k.Keys = append(k.Keys, key)
	}
	return k, nil
}

// Seal encodes the keystore under a passphrase, with a new salt and nonce. With an empty one the keys stand in the file
// in the clear, for trials; who may read it is the caller's business. The error is that of a key that Add would refuse.
func (k *Keystore) Seal(passphrase string) ([]byte, error) {
	if passphrase == "" {
		return k.seal("", kdfJSON{Name: kdfNone})
	}
	return k.seal(passphrase, defaultKDF())
}

func (k *Keystore) seal(passphrase string, kdf kdfJSON) ([]byte, error) {
	if len(k.Keys) > MaxKeys {
		return nil, fmt.Errorf("%w: more than %d keys", ErrKeystore, MaxKeys)
	}
	f := keystoreJSON{Schema: KeystoreSchema, KDF: kdf, Keys: make([]keyJSON, 0, len(k.Keys))}
	raw := make([]byte, 0, len(k.Keys)*rawKeySize)
	defer func() { clear(raw) }()
	var seen keySet
	for i := range k.Keys {
		key := &k.Keys[i]
		if err := key.check(); err != nil {
			return nil, err
		}
		public := key.PublicKey()
		if err := seen.add(public); err != nil {
			return nil, err
		}
		j, own := public.json(), key.raw()
		if kdf.Name == kdfNone {
			j.Private = own
		} else {
			raw = append(raw, own...)
			clear(own)
		}
		f.Keys = append(f.Keys, j)
	}
	if kdf.Name != kdfNone {
		f.Cipher = keystoreCipher
		f.KDF.Salt, f.Nonce = make([]byte, saltSize), make([]byte, chacha20poly1305.NonceSizeX)
		rand.Read(f.KDF.Salt)
		rand.Read(f.Nonce)
		var aead cipher.AEAD
		aead, f.Check = f.KDF.derive(passphrase)
		f.Sealed = aead.Seal(nil, f.Nonce, raw, f.associated())
	}
	f.Checksum = checksum(f)
	return indentJSON(f), nil
}

// derive spends the time, and the memory, that the parameters say.
func (k *kdfJSON) derive(passphrase string) (box cipher.AEAD, check []byte) {
	typed := []byte(passphrase)
	key := argon2.IDKey(typed, k.Salt, k.Time, k.MemoryKiB, k.Threads, chacha20poly1305.KeySize+checkSize)
	clear(typed)
	box, err := chacha20poly1305.NewX(key[:chacha20poly1305.KeySize])
	if err != nil {
		panic(err) // the length is right
	}
	check = slices.Clone(key[chacha20poly1305.KeySize:])
	clear(key)
	return box, check
}

// associated is what the box authenticates beside the private keys: the public ones, and how the key is derived.
func (f keystoreJSON) associated() []byte {
	f.Sealed, f.Checksum = nil, ""
	return canonicalJSON(f)
}
