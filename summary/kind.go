package summary

// allergyKinds are the codes of SNOMED CT that say what kind of allergy or intolerance it is, and not to what.
var allergyKinds = map[string]bool{
	"420134006": true, "418038007": true, "419511003": true, "418471000": true, "419199007": true, "416098002": true, "414285001": true,
	"59037007": true, "235719002": true, "609328004": true, "609433001": true, "782197009": true, "426232007": true,
}

// AllergyKind says whether a code is that of a kind of allergy, as "allergy to drug", which says nothing of the agent: two allergies that share
// it need not be one.
func AllergyKind(c Code) bool { return c.System == CodeSNOMED && allergyKinds[c.Code] }
