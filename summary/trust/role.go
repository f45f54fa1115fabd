package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
)

// Role is what a professional may do, as a certificate or an anchor states it.
type Role string

// The roles of signers.
const (
	RolePhysician  Role = "physician"
	RolePharmacist Role = "pharmacist"
	RoleDentist    Role = "dentist"
	RoleMidwife    Role = "midwife"
	RoleNurse      Role = "nurse"
)

// SignerRoles lists the roles that a certificate can carry, in the order in which tools present them.
func SignerRoles() []Role {
	return []Role{RolePhysician, RolePharmacist, RoleDentist, RoleMidwife, RoleNurse}
}

// professionExtension is the French profession extension; its values are those of the table TRE_G15-ProfessionSante.
var professionExtension = asn1.ObjectIdentifier{1, 2, 250, 1, 71, 1, 2, 7}

var professionCodes = map[string]Role{
	"10": RolePhysician,
	"21": RolePharmacist,
	"40": RoleDentist,
	"50": RoleMidwife,
	"60": RoleNurse,
}

// ParseRole returns the role of that name.
func ParseRole(name string) (Role, error) {
	if slices.Contains(SignerRoles(), Role(name)) {
		return Role(name), nil
	}
	return "", fmt.Errorf("unknown role %q (one of %v)", name, SignerRoles())
}

// CertificateRole returns the role that the profession extension of a certificate names. The extension must stand there
// once, with one profession that Secours knows, since a certificate with two would let its holder choose. Errors are
// ErrRole. Where there is no such extension at all they are ErrNoProfession too.
func CertificateRole(c *x509.Certificate) (Role, error) {
	var found []string
	present := false
	for _, e := range c.Extensions {
		if !e.Id.Equal(professionExtension) {
			continue
		}
		present = true
		codes, err := professions(e.Value, 0)
		if err != nil {
			return "", fmt.Errorf("%w: the profession extension is malformed", ErrRole)
		}
		found = append(found, codes...)
	}
	switch {
	case !present:
		return "", ErrNoProfession
	case len(found) != 1:
		return "", fmt.Errorf("%w: the certificate names %d professions", ErrRole, len(found))
	}
	role, ok := professionCodes[found[0]]
	if !ok {
		return "", fmt.Errorf("%w: the certificate names a profession that writes no summary", ErrRole)
	}
	return role, nil
}

// professions reads the codes in an extension value. Issuers differ in how they wrap it: a string or an integer, alone,
// in an OCTET STRING, or in SEQUENCEs and SETs. Four levels cover every wrapping seen; deeper is refused.
func professions(der []byte, depth int) ([]string, error) {
	if depth > 4 {
		return nil, fmt.Errorf("nested too deep")
	}
	var codes []string
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return nil, err
		}
		der = rest
		if v.Class != asn1.ClassUniversal {
			return nil, fmt.Errorf("unexpected class %d", v.Class)
		}
		switch v.Tag {
		case asn1.TagSequence, asn1.TagSet, asn1.TagOctetString:
			inner, err := professions(v.Bytes, depth+1)
			if err != nil {
				return nil, err
			}
			codes = append(codes, inner...)
		case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString:
			codes = append(codes, string(v.Bytes))
		case asn1.TagInteger:
			var n int
			if _, err := asn1.Unmarshal(v.FullBytes, &n); err != nil {
				return nil, err
			}
			codes = append(codes, strconv.Itoa(n))
		default:
			return nil, fmt.Errorf("unexpected tag %d", v.Tag)
		}
		if len(codes) > 8 {
			return nil, fmt.Errorf("too many values")
		}
	}
	return codes, nil
}
