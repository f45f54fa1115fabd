package fhir

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

// The code systems of FHIR's own value sets.
const (
	sysLOINC           = "http://loinc.org"
	sysSNOMED          = "http://snomed.info/sct"
	sysUCUM            = "http://unitsofmeasure.org"
	sysAbsentUnknown   = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
	sysEmptyReason     = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
	sysConfidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	sysActReason       = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	extAbsent          = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
)

// base is the root of the names that this project defines for what FHIR has none for.
const base = "https://secours-card.github.io/fhir/"

// terminologies are the systems with a short name in a summary, first the URI that is written.
var terminologies = []struct {
	name summary.CodeSystem
	uris []string
}{
	{summary.CodeATC, []string{"http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"}},
	// The French edition has no URI of its own: the OID is that of ICD-10 in French documents.
	{summary.CodeCIM10, []string{"urn:oid:2.16.840.1.113883.6.3"}},
	{summary.CodeICD10, []string{"http://hl7.org/fhir/sid/icd-10"}},
	{summary.CodeICD11, []string{"http://id.who.int/icd/release/11/mms"}},
	{summary.CodeICPC2, []string{"http://hl7.org/fhir/sid/icpc-2", "urn:oid:2.16.840.1.113883.6.139"}},
	{summary.CodeCIS, []string{"urn:oid:1.2.250.1.213.2.3.1"}},
	{summary.CodeCIP, []string{"urn:oid:1.2.250.1.213.2.3.2"}},
	{summary.CodeSNOMED, []string{sysSNOMED, "urn:oid:2.16.840.1.113883.6.96"}},
	{summary.CodeLOINC, []string{sysLOINC, "urn:oid:2.16.840.1.113883.6.1"}},
	{summary.CodeRxNorm, []string{"http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"}},
	{summary.CodeEDQM, []string{"http://standardterms.edqm.eu", "urn:oid:0.4.0.127.0.16.1.1.2.1"}},
	{summary.CodeOrpha, []string{"http://www.orpha.net", "https://www.orpha.net", "urn:oid:1.3.6.1.4.1.12559.11.10.1.3.1.44.5"}},
}

// maxURI is the length of the longest URI that a summary names a system with.
const maxURI = 200

// codeSystem returns how a summary names a system, "" for what is no URI.
func codeSystem(uri string) summary.CodeSystem {
	for _, t := range terminologies {
		for _, u := range t.uris {
			if strings.EqualFold(strings.TrimSuffix(uri, "/"), u) {
				return t.name
			}
		}
	}
	if !summary.IsURI(uri) || len(uri) > maxURI {
		return ""
	}
	return summary.CodeSystem(uri)
}

// codeSystemURI is the inverse of codeSystem.
func codeSystemURI(s summary.CodeSystem) string {
	for _, t := range terminologies {
		if t.name == s {
			return t.uris[0]
		}
	}
	return string(s)
}

// identifiers are the systems of patient identifiers with a short name (INS, referential of the ANS).
var identifiers = map[summary.System]string{
	summary.SystemINSNIR: "urn:oid:1.2.250.1.213.1.4.8",
	summary.SystemINSNIA: "urn:oid:1.2.250.1.213.1.4.9",
}

func identifierSystem(uri string) summary.System {
	for name, u := range identifiers {
		if strings.EqualFold(uri, u) {
			return name
		}
	}
	if !summary.IsURI(uri) || len(uri) > maxURI {
		return ""
	}
	return summary.System(uri)
}

func identifierURI(s summary.System) string {
	if u, ok := identifiers[s]; ok {
		return u
	}
	return string(s)
}

// A section of an IPS document, and the part of which section of a summary it is.
type section struct {
	loinc string
	name  string
	part  part
}

// A part is what of a summary's section a section of a document speaks of.
type part string

const (
	partAll       part = ""
	partProblems  part = "problems"
	partPast      part = "past"
	partProcedure part = "procedures"
	partFamily    part = "family"
	partDevices   part = "devices"
	partPregnancy part = "pregnancy"
	partResults   part = "results"
)

// sections are those of an IPS document that have a place in a summary, in the order in which they are written (IPS 2.0, Composition).
var sections = []section{
	{"11450-4", "history", partProblems},
	{"48765-2", "allergies", partAll},
	{"10160-0", "medications", partAll},
	{"104605-1", "alerts", partAll},
	{"46264-8", "alerts", partDevices},
	{"10162-6", "alerts", partPregnancy},
	{"11348-0", "history", partPast},
	{"47519-4", "history", partProcedure},
	{"10157-6", "history", partFamily},
	{"11369-6", "vaccinations", partAll},
	{"30954-2", "measurements", partResults},
	{"8716-3", "measurements", partResults},
	{"42348-3", "directives", partAll},
	{"46240-8", "visits", partAll},
}

// snomedSections are the codes of SNOMED CT by which some guides (ABDM) name the sections.
var snomedSections = map[string]string{
	"722446000": "48765-2", "721912009": "10160-0", "439401001": "11450-4", "371525003": "47519-4", "41000179103": "11369-6", "422549004": "46240-8",
}

func sectionOf(loinc string) (section, bool) {
	for _, s := range sections {
		if s.loinc == loinc {
			return s, true
		}
	}
	return section{}, false
}

// An absence is a code that stands in the place of an item and says that there is none, or that nothing is known.
type absence struct {
	status summary.SectionStatus
	// section is the one that it speaks of, "" for the one where it stands.
	section string
	// only is the category of which none is known, "" for all.
	only summary.Category
	// part is set where the code means one part of what is a section of a summary, wherever it stands.
	part part
}

// absences are the codes by which IPS documents say that a list is empty: SNOMED CT since 2.0, and a code system of its own before.
var absences = map[string]absence{
	sysSNOMED + "|716186003":                               {status: summary.StatusNoneKnown, section: "allergies"},                                    // no known allergy
	sysSNOMED + "|160244002":                               {status: summary.StatusNoneKnown, section: "allergies"},                                    // the same, retired
	sysSNOMED + "|409137002":                               {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryMedication},  // no known drug allergy
	sysSNOMED + "|429625007":                               {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryFood},        // no known food allergy
	sysSNOMED + "|428607008":                               {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryEnvironment}, // no known environmental allergy
	sysSNOMED + "|716184000":                               {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryLatex},       // no known latex allergy
	sysSNOMED + "|1003774007":                              {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryLatex},       // the same, of Hevea
	sysSNOMED + "|787481004":                               {status: summary.StatusNoneKnown, section: "medications"},                                  // no known medications
	sysSNOMED + "|1234391000168107":                        {status: summary.StatusNoneKnown, section: "medications"},                                  // no known current medicines (Australia)
	sysSNOMED + "|160245001":                               {status: summary.StatusNoneKnown, section: "history", part: partProblems},                  // no current problems
	sysSNOMED + "|787480003":                               {status: summary.StatusNoneKnown, section: "history", part: partProcedure},                 // no known procedures
	sysSNOMED + "|787483001":                               {status: summary.StatusNoneKnown, section: "alerts", part: partDevices},                    // no known devices
	sysSNOMED + "|787482006":                               {status: summary.StatusNoneKnown, section: "vaccinations"},                                 // no known immunizations
	sysSNOMED + "|1287211007":                              {status: summary.StatusUnavailable},                                                        // no information available
	sysSNOMED + "|1631000175102":                           {status: summary.StatusNotAsked},                                                           // patient not asked (United States)
	sysAbsentUnknown + "|no-known-allergies":               {status: summary.StatusNoneKnown, section: "allergies"},
	sysAbsentUnknown + "|no-known-medication-allergies":    {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryMedication},
	sysAbsentUnknown + "|no-known-food-allergies":          {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryFood},
	sysAbsentUnknown + "|no-known-environmental-allergies": {status: summary.StatusNoneKnown, section: "allergies", only: summary.CategoryEnvironment},
	sysAbsentUnknown + "|no-known-medications":             {status: summary.StatusNoneKnown, section: "medications"},
	sysAbsentUnknown + "|no-known-problems":                {status: summary.StatusNoneKnown, section: "history", part: partProblems},
	sysAbsentUnknown + "|no-known-procedures":              {status: summary.StatusNoneKnown, section: "history", part: partProcedure},
	sysAbsentUnknown + "|no-known-devices":                 {status: summary.StatusNoneKnown, section: "alerts", part: partDevices},
	sysAbsentUnknown + "|no-known-immunizations":           {status: summary.StatusNoneKnown, section: "vaccinations"},
	sysAbsentUnknown + "|no-allergy-info":                  {status: summary.StatusUnavailable, section: "allergies"},
	sysAbsentUnknown + "|no-medication-info":               {status: summary.StatusUnavailable, section: "medications"},
	sysAbsentUnknown + "|no-problem-info":                  {status: summary.StatusUnavailable, section: "history", part: partProblems},
	sysAbsentUnknown + "|no-procedure-info":                {status: summary.StatusUnavailable, section: "history", part: partProcedure},
	sysAbsentUnknown + "|no-device-info":                   {status: summary.StatusUnavailable, section: "alerts", part: partDevices},
	sysAbsentUnknown + "|no-immunization-info":             {status: summary.StatusUnavailable, section: "vaccinations"},
}

// emptyReasons are the values of section.emptyReason. A list that was withheld exists, and one that was not started was not asked for.
var emptyReasons = map[string]summary.SectionStatus{
	"nilknown": summary.StatusNoneKnown, "notasked": summary.StatusNotAsked, "unavailable": summary.StatusUnavailable,
	"withheld": summary.StatusUnavailable, "notstarted": summary.StatusNotAsked, "closed": summary.StatusNotAsked,
}
