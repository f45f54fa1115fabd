package trust

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"time"
)

// Roles that keys are sealed to, beside those of SignerRoles. Nobody signs with them: they are services.
const (
	RoleEmergency      Role = "emergency"
	RoleFirstResponder Role = "first-responder"
)

// KeyRoles lists the roles that can have a key, in the order in which tools present them.
func KeyRoles() []Role {
	return []Role{
		RoleEmergency, RolePhysician, RolePharmacist, RoleDentist, RoleMidwife, RoleNurse, RoleFirstResponder,
	}
}

// Clearance is the highest confidentiality level, 0 to 2, that a role reads unless a bundle grants another. Level 3 goes to
// individuals only, whatever their role.
func (r Role) Clearance() int {
	switch r {
	case RolePhysician, RoleEmergency:
		return 2
	case RolePharmacist, RoleDentist, RoleMidwife, RoleNurse:
		return 1
	}
	return 0
}

// RoleKey is the public key of all who have a role, as an authority publishes it. Records are sealed to the newest epoch.
type RoleKey struct {
	Authority string
	Role      Role
	Epoch     uint32
	// Clearance is that of the role, or what the authority grants instead: 1 for first responders.
	Clearance int
	Public    *ecdh.PublicKey // X25519 or P-256
	// Stolen, if not zero, is when the private key is known to have been in strange hands.
	Stolen time.Time
}

// KeyID is what a record shows of a group's key (FORMAT 3.2).
func KeyID(public *ecdh.PublicKey) [2]byte {
	h := sha256.New()
	h.Write([]byte("secours/1 key"))
	h.Write(public.Bytes())
	return [2]byte(h.Sum(nil)[:2])
}

// KeyKind says what a private key is for.
type KeyKind string

// The kinds of key. The last two sign trust bundles.
const (
	KeyRole       KeyKind = "role"
	KeyPractice   KeyKind = "practice"
	KeyRecovery   KeyKind = "recovery"
	KeyBundle     KeyKind = "bundle"
	KeyBundleRoot KeyKind = "bundle-root"
)

// PrivateKey is a private key of a keystore: Opening for those that open records, Signing for those that sign bundles.
type PrivateKey struct {
	Kind      KeyKind
	Authority string // of a role key and of those that sign bundles
	Role      Role   // of a role key
	Epoch     uint32 // of a role key
	Created   time.Time
	Opening   *ecdh.PrivateKey
	Signing   ed25519.PrivateKey
}

// Public returns the bytes of the public half.
func (k *PrivateKey) Public() []byte {
	if k.Opening != nil {
		return k.Opening.PublicKey().Bytes()
	}
	return slices.Clone(k.Signing.Public().(ed25519.PublicKey))
}

// newestRoleKeys returns, for each role of each authority, the keys of the newest epoch, in the order given.
func newestRoleKeys(keys []RoleKey) []RoleKey {
	type of struct {
		authority string
		role      Role
	}
	newest := map[of]uint32{}
	for _, k := range keys {
		if o := (of{k.Authority, k.Role}); k.Epoch >= newest[o] {
			newest[o] = k.Epoch
		}
	}
	var list []RoleKey
	for _, k := range keys {
		if k.Epoch == newest[of{k.Authority, k.Role}] {
			list = append(list, k)
		}
	}
	return list
}
