package fhir

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The structure of FHIR R4 (4.0.1), as far as an export can use it: one line an element, with its type, its cardinality, and for a code the
// values of a required binding after "=" (tables of value sets below). A name that ends in [x] is a choice, its types parted by "|"; for a
// Reference, the types of its targets stand in parentheses. It is written from the standard and knows nothing of the code under test.
const r4 = `
Bundle: identifier Identifier 0..1; type code 1..1 =bundle-type; timestamp instant 0..1; total unsignedInt 0..1; link BundleLink 0..*; entry BundleEntry 0..*; signature Signature 0..1
BundleEntry: link BundleLink 0..*; fullUrl uri 0..1; resource Resource 0..1
Composition: identifier Identifier 0..1; status code 1..1 =composition-status; type CodeableConcept 1..1; category CodeableConcept 0..*; subject Reference(Any) 0..1; encounter Reference(Encounter) 0..1; date dateTime 1..1; author Reference(Practitioner,PractitionerRole,Device,Patient,RelatedPerson,Organization) 1..*; title string 1..1; confidentiality code 0..1 =confidentiality; attester CompositionAttester 0..*; custodian Reference(Organization) 0..1; event CompositionEvent 0..*; section CompositionSection 0..*
CompositionSection: title string 0..1; code CodeableConcept 0..1; author Reference(Practitioner,PractitionerRole,Device,Patient,RelatedPerson,Organization) 0..*; focus Reference(Any) 0..1; text Narrative 0..1; mode code 0..1 =list-mode; orderedBy CodeableConcept 0..1; entry Reference(Any) 0..*; emptyReason CodeableConcept 0..1; section CompositionSection 0..*
Patient: identifier Identifier 0..*; active boolean 0..1; name HumanName 0..*; telecom ContactPoint 0..*; gender code 0..1 =administrative-gender; birthDate date 0..1; deceased[x] boolean|dateTime 0..1; address Address 0..*; maritalStatus CodeableConcept 0..1; multipleBirth[x] boolean|integer 0..1; photo Attachment 0..*; generalPractitioner Reference(Organization,Practitioner,PractitionerRole) 0..*; managingOrganization Reference(Organization) 0..1
Practitioner: identifier Identifier 0..*; active boolean 0..1; name HumanName 0..*; telecom ContactPoint 0..*; address Address 0..*; gender code 0..1 =administrative-gender; birthDate date 0..1; photo Attachment 0..*; communication CodeableConcept 0..*
PractitionerRole: identifier Identifier 0..*; active boolean 0..1; period Period 0..1; practitioner Reference(Practitioner) 0..1; organization Reference(Organization) 0..1; code CodeableConcept 0..*; specialty CodeableConcept 0..*; telecom ContactPoint 0..*
Organization: identifier Identifier 0..*; active boolean 0..1; type CodeableConcept 0..*; name string 0..1; alias string 0..*; telecom ContactPoint 0..*; address Address 0..*; partOf Reference(Organization) 0..1
RelatedPerson: identifier Identifier 0..*; active boolean 0..1; patient Reference(Patient) 1..1; relationship CodeableConcept 0..*; name HumanName 0..*; telecom ContactPoint 0..*; gender code 0..1 =administrative-gender; birthDate date 0..1; address Address 0..*; photo Attachment 0..*; period Period 0..1; communication RelatedPersonCommunication 0..*
RelatedPersonCommunication: language CodeableConcept 1..1; preferred boolean 0..1
Device: identifier Identifier 0..*; status code 0..1 =device-status; manufacturer string 0..1; serialNumber string 0..1; deviceName DeviceName 0..*; modelNumber string 0..1; type CodeableConcept 0..1; patient Reference(Patient) 0..1; owner Reference(Organization) 0..1; note Annotation 0..*; safety CodeableConcept 0..*
DeviceName: name string 1..1; type code 1..1 =device-nametype
AllergyIntolerance: identifier Identifier 0..*; clinicalStatus CodeableConcept 0..1 =allergyintolerance-clinical; verificationStatus CodeableConcept 0..1 =allergyintolerance-verification; type code 0..1 =allergy-intolerance-type; category code 0..* =allergy-intolerance-category; criticality code 0..1 =allergy-intolerance-criticality; code CodeableConcept 0..1; patient Reference(Patient) 1..1; encounter Reference(Encounter) 0..1; onset[x] dateTime|Age|Period|Range|string 0..1; recordedDate dateTime 0..1; recorder Reference(Practitioner,PractitionerRole,Patient,RelatedPerson) 0..1; asserter Reference(Patient,RelatedPerson,Practitioner,PractitionerRole) 0..1; lastOccurrence dateTime 0..1; note Annotation 0..*; reaction AllergyReaction 0..*
AllergyReaction: substance CodeableConcept 0..1; manifestation CodeableConcept 1..*; description string 0..1; onset dateTime 0..1; severity code 0..1 =reaction-event-severity; exposureRoute CodeableConcept 0..1; note Annotation 0..*
MedicationStatement: identifier Identifier 0..*; status code 1..1 =medication-statement-status; statusReason CodeableConcept 0..*; category CodeableConcept 0..1; medication[x] CodeableConcept|Reference(Medication) 1..1; subject Reference(Patient,Group) 1..1; effective[x] dateTime|Period 0..1; dateAsserted dateTime 0..1; informationSource Reference(Patient,Practitioner,PractitionerRole,RelatedPerson,Organization) 0..1; derivedFrom Reference(Any) 0..*; reasonCode CodeableConcept 0..*; reasonReference Reference(Condition,Observation,DiagnosticReport) 0..*; note Annotation 0..*; dosage Dosage 0..*
Medication: identifier Identifier 0..*; code CodeableConcept 0..1; status code 0..1 =medication-status; manufacturer Reference(Organization) 0..1; form CodeableConcept 0..1; amount Ratio 0..1; ingredient MedicationIngredient 0..*
MedicationIngredient: item[x] CodeableConcept|Reference(Substance,Medication) 1..1; isActive boolean 0..1; strength Ratio 0..1
Condition: identifier Identifier 0..*; clinicalStatus CodeableConcept 0..1 =condition-clinical; verificationStatus CodeableConcept 0..1 =condition-ver-status; category CodeableConcept 0..*; severity CodeableConcept 0..1; code CodeableConcept 0..1; bodySite CodeableConcept 0..*; subject Reference(Patient,Group) 1..1; encounter Reference(Encounter) 0..1; onset[x] dateTime|Age|Period|Range|string 0..1; abatement[x] dateTime|Age|Period|Range|string 0..1; recordedDate dateTime 0..1; recorder Reference(Practitioner,PractitionerRole,Patient,RelatedPerson) 0..1; asserter Reference(Practitioner,PractitionerRole,Patient,RelatedPerson) 0..1; note Annotation 0..*
Procedure: identifier Identifier 0..*; status code 1..1 =event-status; statusReason CodeableConcept 0..1; category CodeableConcept 0..1; code CodeableConcept 0..1; subject Reference(Patient,Group) 1..1; performed[x] dateTime|Period|string|Age|Range 0..1; recorder Reference(Patient,RelatedPerson,Practitioner,PractitionerRole) 0..1; asserter Reference(Patient,RelatedPerson,Practitioner,PractitionerRole) 0..1; reasonCode CodeableConcept 0..*; bodySite CodeableConcept 0..*; outcome CodeableConcept 0..1; note Annotation 0..*
FamilyMemberHistory: identifier Identifier 0..*; status code 1..1 =history-status; dataAbsentReason CodeableConcept 0..1; patient Reference(Patient) 1..1; date dateTime 0..1; name string 0..1; relationship CodeableConcept 1..1; sex CodeableConcept 0..1; note Annotation 0..*; condition FamilyCondition 0..*
FamilyCondition: code CodeableConcept 1..1; outcome CodeableConcept 0..1; contributedToDeath boolean 0..1; onset[x] Age|Range|Period|string 0..1; note Annotation 0..*
Flag: identifier Identifier 0..*; status code 1..1 =flag-status; category CodeableConcept 0..*; code CodeableConcept 1..1; subject Reference(Patient,Location,Group,Organization,Practitioner,PlanDefinition,Medication,Procedure) 1..1; period Period 0..1; encounter Reference(Encounter) 0..1; author Reference(Device,Organization,Patient,Practitioner,PractitionerRole) 0..1
DeviceUseStatement: identifier Identifier 0..*; status code 1..1 =device-statement-status; subject Reference(Patient,Group) 1..1; timing[x] Timing|Period|dateTime 0..1; recordedOn dateTime 0..1; source Reference(Patient,Practitioner,PractitionerRole,RelatedPerson) 0..1; device Reference(Device) 1..1; reasonCode CodeableConcept 0..*; bodySite CodeableConcept 0..1; note Annotation 0..*
Observation: identifier Identifier 0..*; status code 1..1 =observation-status; category CodeableConcept 0..*; code CodeableConcept 1..1; subject Reference(Patient,Group,Device,Location) 0..1; effective[x] dateTime|Period|Timing|instant 0..1; issued instant 0..1; performer Reference(Practitioner,PractitionerRole,Organization,CareTeam,Patient,RelatedPerson) 0..*; value[x] Quantity|CodeableConcept|string|boolean|integer|Range|Ratio|time|dateTime|Period 0..1; dataAbsentReason CodeableConcept 0..1; interpretation CodeableConcept 0..*; note Annotation 0..*; method CodeableConcept 0..1
Immunization: identifier Identifier 0..*; status code 1..1 =immunization-status; statusReason CodeableConcept 0..1; vaccineCode CodeableConcept 1..1; patient Reference(Patient) 1..1; occurrence[x] dateTime|string 1..1; recorded dateTime 0..1; primarySource boolean 0..1; lotNumber string 0..1; performer ImmunizationPerformer 0..*; note Annotation 0..*
ImmunizationPerformer: function CodeableConcept 0..1; actor Reference(Practitioner,PractitionerRole,Organization) 1..1
Encounter: identifier Identifier 0..*; status code 1..1 =encounter-status; class Coding 1..1; type CodeableConcept 0..*; serviceType CodeableConcept 0..1; subject Reference(Patient,Group) 0..1; period Period 0..1; reasonCode CodeableConcept 0..*; reasonReference Reference(Condition,Procedure,Observation) 0..*; diagnosis EncounterDiagnosis 0..*; location EncounterLocation 0..*; serviceProvider Reference(Organization) 0..1
EncounterDiagnosis: condition Reference(Condition,Procedure) 1..1; use CodeableConcept 0..1; rank positiveInt 0..1
EncounterLocation: location Reference(Location) 1..1; status code 0..1; period Period 0..1
Consent: identifier Identifier 0..*; status code 1..1 =consent-state; scope CodeableConcept 1..1; category CodeableConcept 1..*; patient Reference(Patient) 0..1; dateTime dateTime 0..1; performer Reference(Organization,Patient,Practitioner,RelatedPerson,PractitionerRole) 0..*; organization Reference(Organization) 0..*; source[x] Attachment|Reference(Consent,DocumentReference,Contract,QuestionnaireResponse) 0..1; policy ConsentPolicy 0..*; policyRule CodeableConcept 0..1; provision ConsentProvision 0..1
ConsentPolicy: authority uri 0..1; uri uri 0..1
ConsentProvision: type code 0..1 =consent-provision-type; period Period 0..1; code CodeableConcept 0..*
Provenance: target Reference(Any) 1..*; occurred[x] Period|dateTime 0..1; recorded instant 1..1; policy uri 0..*; location Reference(Location) 0..1; reason CodeableConcept 0..*; activity CodeableConcept 0..1; agent ProvenanceAgent 1..*; entity ProvenanceEntity 0..*; signature Signature 0..*
ProvenanceAgent: type CodeableConcept 0..1; role CodeableConcept 0..*; who Reference(Practitioner,PractitionerRole,RelatedPerson,Patient,Device,Organization) 1..1; onBehalfOf Reference(Practitioner,PractitionerRole,RelatedPerson,Patient,Device,Organization) 0..1
Meta: versionId id 0..1; lastUpdated instant 0..1; source uri 0..1; profile canonical 0..*; security Coding 0..*; tag Coding 0..*
Narrative: status code 1..1 =narrative-status; div xhtml 1..1
Identifier: use code 0..1 =identifier-use; type CodeableConcept 0..1; system uri 0..1; value string 0..1; period Period 0..1; assigner Reference(Organization) 0..1
HumanName: use code 0..1 =name-use; text string 0..1; family string 0..1; given string 0..*; prefix string 0..*; suffix string 0..*; period Period 0..1
ContactPoint: system code 0..1 =contact-point-system; value string 0..1; use code 0..1 =contact-point-use; rank positiveInt 0..1; period Period 0..1
Address: use code 0..1; type code 0..1; text string 0..1; line string 0..*; city string 0..1; district string 0..1; state string 0..1; postalCode string 0..1; country string 0..1; period Period 0..1
CodeableConcept: coding Coding 0..*; text string 0..1
Coding: system uri 0..1; version string 0..1; code code 0..1; display string 0..1; userSelected boolean 0..1
Reference: reference string 0..1; type uri 0..1; identifier Identifier 0..1; display string 0..1
Period: start dateTime 0..1; end dateTime 0..1
Quantity: value decimal 0..1; comparator code 0..1 =quantity-comparator; unit string 0..1; system uri 0..1; code code 0..1
Age: value decimal 0..1; comparator code 0..1 =quantity-comparator; unit string 0..1; system uri 0..1; code code 0..1
Range: low Quantity 0..1; high Quantity 0..1
Ratio: numerator Quantity 0..1; denominator Quantity 0..1
Annotation: author[x] Reference(Practitioner,Patient,RelatedPerson,Organization)|string 0..1; time dateTime 0..1; text markdown 1..1
Attachment: contentType code 0..1; language code 0..1; data base64Binary 0..1; url url 0..1; size unsignedInt 0..1; title string 0..1; creation dateTime 0..1
Dosage: sequence integer 0..1; text string 0..1; additionalInstruction CodeableConcept 0..*; patientInstruction string 0..1; timing Timing 0..1; asNeeded[x] boolean|CodeableConcept 0..1; site CodeableConcept 0..1; route CodeableConcept 0..1; method CodeableConcept 0..1; doseAndRate DoseAndRate 0..*; maxDosePerPeriod Ratio 0..1; maxDosePerAdministration Quantity 0..1; maxDosePerLifetime Quantity 0..1
DoseAndRate: type CodeableConcept 0..1; dose[x] Range|Quantity 0..1; rate[x] Ratio|Range|Quantity 0..1
Timing: event dateTime 0..*; repeat TimingRepeat 0..1; code CodeableConcept 0..1
TimingRepeat: bounds[x] Duration|Range|Period 0..1; count positiveInt 0..1; countMax positiveInt 0..1; duration decimal 0..1; durationMax decimal 0..1; durationUnit code 0..1 =units-of-time; frequency positiveInt 0..1; frequencyMax positiveInt 0..1; period decimal 0..1; periodMax decimal 0..1; periodUnit code 0..1 =units-of-time; dayOfWeek code 0..* =days-of-week; timeOfDay time 0..*; when code 0..* =event-timing; offset unsignedInt 0..1
`

// valueSets are those of required bindings.
var valueSets = map[string]string{
	"bundle-type": "document message transaction transaction-response batch batch-response history searchset collection", "composition-status": "preliminary final amended entered-in-error",
	"confidentiality": "U L M N R V", "list-mode": "working snapshot changes", "administrative-gender": "male female other unknown",
	"device-status": "active inactive entered-in-error unknown", "device-nametype": "udi-label-name user-friendly-name patient-reported-name manufacturer-name model-name other",
	"allergyintolerance-clinical": "active inactive resolved", "allergyintolerance-verification": "unconfirmed confirmed refuted entered-in-error",
	"allergy-intolerance-type": "allergy intolerance", "allergy-intolerance-category": "food medication environment biologic",
	"allergy-intolerance-criticality": "low high unable-to-assess", "reaction-event-severity": "mild moderate severe",
	"medication-statement-status": "active completed entered-in-error intended stopped on-hold unknown not-taken", "medication-status": "active inactive entered-in-error",
	"condition-clinical": "active recurrence relapse inactive remission resolved", "condition-ver-status": "unconfirmed provisional differential confirmed refuted entered-in-error",
	"event-status": "preparation in-progress not-done on-hold stopped completed entered-in-error unknown", "history-status": "partial completed entered-in-error health-unknown",
	"flag-status": "active inactive entered-in-error", "device-statement-status": "active completed entered-in-error intended stopped on-hold",
	"observation-status": "registered preliminary final amended corrected cancelled entered-in-error unknown", "immunization-status": "completed entered-in-error not-done",
	"encounter-status": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
	"consent-state":    "draft proposed active rejected inactive entered-in-error", "consent-provision-type": "deny permit", "narrative-status": "generated extensions additional empty",
	"identifier-use": "usual official temp secondary old", "name-use": "usual official temp nickname anonymous old maiden",
	"contact-point-system": "phone fax email pager url sms other", "contact-point-use": "home work temp old mobile", "quantity-comparator": "< <= >= >",
	"units-of-time": "s min h d wk mo a", "days-of-week": "mon tue wed thu fri sat sun",
	"event-timing": "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV",
}

// primitives are the lexical forms (R4, datatypes.html).
var primitives = map[string]*regexp.Regexp{
	"id": regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`), "uri": regexp.MustCompile(`^\S+$`), "url": regexp.MustCompile(`^\S+$`), "canonical": regexp.MustCompile(`^\S+$`),
	"code": regexp.MustCompile(`^[^\s]+(\s[^\s]+)*$`), "string": regexp.MustCompile(`^[ \r\n\t\S]+$`), "markdown": regexp.MustCompile(`^[ \r\n\t\S]+$`),
	"date":     regexp.MustCompile(`^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$`),
	"dateTime": regexp.MustCompile(`^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$`),
	"instant":  regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d\d:\d\d)$`),
	"time":     regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?$`), "base64Binary": regexp.MustCompile(`^[A-Za-z0-9+/=\s]+$`),
}

var numberForms = map[string]*regexp.Regexp{
	"decimal": regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`), "integer": regexp.MustCompile(`^-?(0|[1-9]\d*)$`),
	"unsignedInt": regexp.MustCompile(`^(0|[1-9]\d*)$`), "positiveInt": regexp.MustCompile(`^[1-9]\d*$`),
}

type element struct {
	name     string
	types    []elementType
	required bool
	many     bool
	binding  string
}

type elementType struct {
	name    string
	targets []string
}

// structure reads the table.
func structure() map[string][]element {
	all := map[string][]element{}
	line := regexp.MustCompile(`^(\S+) (.+) ([01])\.\.([1*])(?: =(\S+))?$`)
	for _, row := range strings.Split(strings.TrimSpace(r4), "\n") {
		name, rest, _ := strings.Cut(row, ": ")
		for _, part := range strings.Split(rest, "; ") {
			m := line.FindStringSubmatch(part)
			if m == nil {
				panic("no element: " + part)
			}
			e := element{name: m[1], required: m[3] == "1", many: m[4] == "*", binding: m[5]}
			if e.binding != "" && valueSets[e.binding] == "" {
				panic("no value set " + e.binding)
			}
			for _, t := range regexp.MustCompile(`\w+(?:\([^)]*\))?`).FindAllString(m[2], -1) {
				kind, targets, _ := strings.Cut(strings.TrimSuffix(t, ")"), "(")
				et := elementType{name: kind}
				if targets != "" {
					et.targets = strings.Split(targets, ",")
				}
				e.types = append(e.types, et)
			}
			all[name] = append(all[name], e)
		}
	}
	return all
}

var r4Types = structure()

// resourceTypes are those of the table that stand on their own.
var resourceTypes = strings.Fields(`Bundle Composition Patient Practitioner PractitionerRole Organization RelatedPerson Device AllergyIntolerance MedicationStatement
	Medication Condition Procedure FamilyMemberHistory Flag DeviceUseStatement Observation Immunization Encounter Consent Provenance`)

// r4Check is the work on one Bundle.
type r4Check struct {
	errs []string
	// urls are the types of the entries by their fullUrls.
	urls map[string]string
	used map[string]bool
}

func (c *r4Check) add(at, format string, args ...any) {
	c.errs = append(c.errs, at+": "+fmt.Sprintf(format, args...))
}

// checkR4 lists what is wrong with a document Bundle, by the rules of FHIR R4 and those that IPS adds for what an export has.
func checkR4(data []byte) []string {
	var root map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		return []string{err.Error()}
	}
	c := &r4Check{urls: map[string]string{}, used: map[string]bool{}}
	entries, _ := root["entry"].([]any)
	for i, e := range entries {
		e, _ := e.(map[string]any)
		url, _ := e["fullUrl"].(string)
		r, _ := e["resource"].(map[string]any)
		kind, _ := r["resourceType"].(string)
		if url == "" || c.urls[url] != "" {
			c.add(fmt.Sprintf("entry[%d]", i), "bdl-7: fullUrl %q is absent or stands twice", url)
		}
		c.urls[url] = kind
	}
	c.resource("Bundle", root)
	c.document(root, entries)
	return c.errs
}

// document checks the invariants of a document Bundle, and that everything in it belongs to the document.
func (c *r4Check) document(root map[string]any, entries []any) {
	if root["type"] != "document" {
		c.add("Bundle", "type is not document")
	}
	id, _ := root["identifier"].(map[string]any)
	if id["system"] == nil || id["value"] == nil {
		c.add("Bundle", "bdl-9: a document has an identifier")
	}
	if root["timestamp"] == nil {
		c.add("Bundle", "bdl-10: a document has a date")
	}
	if len(entries) == 0 {
		c.add("Bundle", "no entries")
		return
	}
	first, _ := entries[0].(map[string]any)["resource"].(map[string]any)
	if first["resourceType"] != "Composition" {
		c.add("Bundle", "bdl-11: the first entry is no Composition")
	}
	for i, e := range entries {
		e := e.(map[string]any)
		url, _ := e["fullUrl"].(string)
		kind := c.urls[url]
		if i > 0 && !c.used[url] && kind != "Provenance" && kind != "RelatedPerson" {
			c.add(fmt.Sprintf("entry[%d] %s", i, kind), "no reference leads to it")
		}
	}
	c.ips(first)
}

// ips checks what IPS wants of a Composition.
func (c *r4Check) ips(composition map[string]any) {
	required := map[string]bool{"11450-4": false, "48765-2": false, "10160-0": false}
	seen := map[string]bool{}
	sections, _ := composition["section"].([]any)
	for i, s := range sections {
		at := fmt.Sprintf("Composition.section[%d]", i)
		s, _ := s.(map[string]any)
		code, _ := s["code"].(map[string]any)
		codings, _ := code["coding"].([]any)
		for _, coding := range codings {
			loinc, _ := coding.(map[string]any)["code"].(string)
			if seen[loinc] {
				c.add(at, "a second section %s", loinc)
			}
			seen[loinc] = true
			if _, ok := required[loinc]; ok {
				required[loinc] = true
			}
		}
		for _, name := range []string{"title", "code", "text"} {
			if s[name] == nil {
				c.add(at, "no %s", name)
			}
		}
		_, entry := s["entry"]
		_, reason := s["emptyReason"]
		if entry == reason {
			c.add(at, "cmp-2: either entries or a reason why there are none")
		}
	}
	for loinc, there := range required {
		if !there {
			c.add("Composition", "no section %s", loinc)
		}
	}
}

func (c *r4Check) resource(at string, r map[string]any) {
	kind, _ := r["resourceType"].(string)
	if !slices.Contains(resourceTypes, kind) {
		c.add(at, "no resource of a known type: %q", kind)
		return
	}
	elements := append([]element{
		{name: "id", types: []elementType{{name: "id"}}},
		{name: "meta", types: []elementType{{name: "Meta"}}},
		{name: "implicitRules", types: []elementType{{name: "uri"}}},
		{name: "language", types: []elementType{{name: "code"}}},
	}, r4Types[kind]...)
	if kind != "Bundle" {
		elements = append(elements, element{name: "text", types: []elementType{{name: "Narrative"}}}, element{name: "extension", many: true, types: []elementType{{name: "Extension"}}})
	}
	rest := map[string]any{}
	for name, v := range r {
		if name != "resourceType" {
			rest[name] = v
		}
	}
	c.members(at, kind, elements, rest)
	c.invariants(at, kind, r)
}

// object checks a value of a complex type.
func (c *r4Check) object(at, kind string, v any) {
	o, ok := v.(map[string]any)
	if !ok {
		c.add(at, "want an object of type %s", kind)
		return
	}
	switch kind {
	case "Resource":
		kind, _ := o["resourceType"].(string)
		c.resource(at+"/"+kind, o)
		return
	case "Extension":
		c.extension(at, o)
		return
	case "Duration", "Age":
		kind = "Quantity"
	}
	elements := r4Types[kind]
	if elements == nil {
		c.add(at, "type %s is not in the table", kind)
		return
	}
	c.members(at, kind, append([]element{{name: "id", types: []elementType{{name: "string"}}}, {name: "extension", many: true, types: []elementType{{name: "Extension"}}}}, elements...), o)
	c.invariants(at, kind, o)
}

// members checks the members of an object against the elements of its type.
func (c *r4Check) members(at, kind string, elements []element, o map[string]any) {
	if len(o) == 0 {
		c.add(at, "ele-1: an empty object")
	}
	known := map[string]bool{}
	for _, e := range elements {
		count := 0
		for _, t := range e.types {
			name := e.name
			if base, choice := strings.CutSuffix(name, "[x]"); choice {
				name = base + strings.ToUpper(t.name[:1]) + t.name[1:]
			}
			known[name] = true
			v, there := o[name]
			primitive := unicode.IsLower(rune(t.name[0]))
			var extended any
			if primitive {
				known["_"+name] = true
				extended = o["_"+name]
			}
			if !there && extended == nil {
				continue
			}
			count++
			if extended != nil {
				c.object(at+"._"+name, "Reference", map[string]any{"extension": extended.(map[string]any)["extension"]})
			}
			if there {
				c.element(at+"."+name, e, t, v)
			}
		}
		if count > 1 {
			c.add(at, "%s has two types at once", e.name)
		}
		if count == 0 && e.required {
			c.add(at, "%s is missing in %s", e.name, kind)
		}
	}
	for name := range o {
		if !known[name] {
			c.add(at, "%s has no element %s", kind, name)
		}
	}
}

func (c *r4Check) element(at string, e element, t elementType, v any) {
	list, isList := v.([]any)
	if isList != e.many {
		c.add(at, "a list where there is none, or none where there is one")
		return
	}
	if !isList {
		list = []any{v}
	} else if len(list) == 0 {
		c.add(at, "an empty array")
	}
	for i, v := range list {
		at := at
		if isList {
			at = fmt.Sprintf("%s[%d]", at, i)
		}
		if unicode.IsLower(rune(t.name[0])) {
			c.primitive(at, t.name, v)
			if s, _ := v.(string); e.binding != "" && !slices.Contains(strings.Fields(valueSets[e.binding]), s) {
				c.add(at, "%q is not in %s", s, e.binding)
			}
			continue
		}
		c.object(at, t.name, v)
		if e.binding != "" {
			concept, _ := v.(map[string]any)
			codings, _ := concept["coding"].([]any)
			if len(codings) != 1 {
				c.add(at, "want one code of %s", e.binding)
				continue
			}
			coding, _ := codings[0].(map[string]any)
			code, _ := coding["code"].(string)
			if !slices.Contains(strings.Fields(valueSets[e.binding]), code) || coding["system"] != "http://terminology.hl7.org/CodeSystem/"+e.binding {
				c.add(at, "%v is not of %s", coding, e.binding)
			}
		}
		if t.name == "Reference" {
			c.reference(at, t.targets, v)
		}
	}
}

func (c *r4Check) reference(at string, targets []string, v any) {
	o, _ := v.(map[string]any)
	to, there := o["reference"].(string)
	if !there {
		if o["display"] == nil && o["identifier"] == nil {
			c.add(at, "a reference to nothing")
		}
		return
	}
	kind := c.urls[to]
	c.used[to] = true
	switch {
	case kind == "":
		c.add(at, "%s is not in the Bundle", to)
	case !slices.Contains(targets, kind) && !slices.Contains(targets, "Any"):
		c.add(at, "points to a %s, want one of %v", kind, targets)
	}
}

func (c *r4Check) primitive(at, kind string, v any) {
	switch v := v.(type) {
	case bool:
		if kind != "boolean" {
			c.add(at, "a boolean, want %s", kind)
		}
	case json.Number:
		if form := numberForms[kind]; form == nil || !form.MatchString(v.String()) {
			c.add(at, "the number %s, want %s", v, kind)
		}
	case string:
		switch form := primitives[kind]; {
		case kind == "xhtml":
			c.xhtml(at, v)
		case form == nil:
			c.add(at, "a string, want %s", kind)
		case !form.MatchString(v) || strings.TrimSpace(v) == "":
			c.add(at, "%q is no %s", v, kind)
		case strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }):
			c.add(at, "a control character")
		case strings.ContainsFunc(v, func(r rune) bool { return r > ' ' && unicode.IsSpace(r) || r == '\ufeff' }):
			c.add(at, "a space that the pattern of JSON Schema refuses")
		}
	default:
		c.add(at, "%T, want %s", v, kind)
	}
}

// narrativeElements are those of txt-1 that an export may use.
var narrativeElements = strings.Fields("div p b i br ul ol li table thead tbody tr td th span h1 h2 h3 h4 h5 h6")

// xhtml checks a narrative: well-formed, of harmless elements alone, and saying something (txt-1, txt-2).
func (c *r4Check) xhtml(at, div string) {
	d := xml.NewDecoder(strings.NewReader(div))
	depth, text := 0, false
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			c.add(at, "txt-1: %v", err)
			return
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 && (t.Name.Local != "div" || text) {
				c.add(at, "txt-1: not one div")
			}
			if !slices.Contains(narrativeElements, t.Name.Local) || t.Name.Space != "http://www.w3.org/1999/xhtml" {
				c.add(at, "txt-1: element %s %s", t.Name.Space, t.Name.Local)
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			text = text || strings.TrimSpace(string(t)) != ""
		case xml.Comment, xml.ProcInst, xml.Directive:
			c.add(at, "txt-1: %T", t)
		}
	}
	if depth != 0 || !text {
		c.add(at, "txt-2: no text in it")
	}
}

func (c *r4Check) extension(at string, o map[string]any) {
	url, _ := o["url"].(string)
	if !primitives["uri"].MatchString(url) {
		c.add(at, "an extension without a url")
	}
	values := 0
	for name, v := range o {
		switch {
		case name == "url":
		case name == "extension":
			values++
			list, ok := v.([]any)
			if !ok || len(list) == 0 {
				c.add(at, "an empty extension")
			}
			for i, e := range list {
				c.object(fmt.Sprintf("%s.extension[%d]", at, i), "Extension", e)
			}
		case strings.HasPrefix(name, "value"):
			values++
			kind := strings.TrimPrefix(name, "value")
			switch kind {
			case "String", "Code", "Date", "Uri", "Boolean":
				c.primitive(at+"."+name, strings.ToLower(kind), v)
			case "DateTime":
				c.primitive(at+"."+name, "dateTime", v)
			default:
				c.object(at+"."+name, kind, v)
			}
		default:
			c.add(at, "an extension has no %s", name)
		}
	}
	if values != 1 {
		c.add(at, "ext-1: an extension has a value or extensions")
	}
}

// invariants checks the rules that the standard states for a type beyond its structure.
func (c *r4Check) invariants(at, kind string, o map[string]any) {
	code := func(name string) string {
		concept, _ := o[name].(map[string]any)
		codings, _ := concept["coding"].([]any)
		for _, coding := range codings {
			s, _ := coding.(map[string]any)["code"].(string)
			return s
		}
		return ""
	}
	has := func(prefix string) bool {
		for name := range o {
			if strings.HasPrefix(strings.TrimPrefix(name, "_"), prefix) {
				return true
			}
		}
		return false
	}
	number := func(name string) float64 {
		n, _ := o[name].(json.Number)
		f, _ := strconv.ParseFloat(n.String(), 64)
		return f
	}
	rule := func(ok bool, name string) {
		if !ok {
			c.add(at, "%s", name)
		}
	}
	dated := func(name string) { rule(has(name), "no "+name+"[x], nor why") }
	switch kind {
	case "AllergyIntolerance":
		verification, clinical := code("verificationStatus"), code("clinicalStatus")
		rule(clinical != "" || verification == "entered-in-error", "ait-1: no clinicalStatus")
		rule(clinical == "" || verification != "entered-in-error", "ait-2: a clinicalStatus of what was entered in error")
		rule(o["code"] != nil, "IPS: no code")
	case "Condition":
		verification, clinical := code("verificationStatus"), code("clinicalStatus")
		rule(clinical != "" || verification == "entered-in-error" || code("category") != "problem-list-item", "con-3: a problem without clinicalStatus")
		rule(!has("abatement") || clinical == "resolved" || clinical == "remission" || clinical == "inactive", "con-4: what has abated is active")
		rule(clinical == "" || verification != "entered-in-error", "con-5")
		rule(o["code"] != nil, "IPS: no code")
	case "MedicationStatement":
		dated("effective")
	case "Procedure":
		dated("performed")
		rule(o["code"] != nil, "IPS: no code")
	case "Immunization":
		dated("occurrence")
	case "DeviceUseStatement":
		dated("timing")
	case "Observation":
		dated("effective")
		rule(has("value") || o["dataAbsentReason"] != nil, "IPS: no value")
	case "Consent":
		rule(o["policy"] != nil || o["policyRule"] != nil, "ppc-1: neither policy nor policyRule")
	case "Patient":
		rule(o["name"] != nil && has("birthDate"), "IPS: no name or no birthDate")
	case "HumanName":
		rule(has("text") || has("family") || has("given"), "ips-pat-1: a name without family, given or text")
	case "Organization":
		rule(o["name"] != nil || o["identifier"] != nil, "org-1")
	case "ContactPoint":
		rule(o["value"] == nil || o["system"] != nil, "cpt-2: a value without its system")
	case "Quantity":
		rule(o["code"] == nil || o["system"] != nil, "qty-3: a code without its system")
	case "Ratio":
		rule((o["numerator"] != nil) == (o["denominator"] != nil), "rat-1")
	case "Period":
		start, _ := o["start"].(string)
		end, _ := o["end"].(string)
		short := min(len(start), len(end))
		rule(start == "" || end == "" || start[:short] <= end[:short], "per-1: it ends before it starts")
	case "Attachment":
		rule(o["data"] == nil || o["contentType"] != nil, "att-1")
	case "TimingRepeat":
		rule(o["duration"] == nil || o["durationUnit"] != nil, "tim-1")
		rule(o["period"] == nil || o["periodUnit"] != nil, "tim-2")
		rule(number("duration") >= 0, "tim-4")
		rule(number("period") >= 0, "tim-5")
		rule(o["periodMax"] == nil || o["period"] != nil, "tim-6")
		rule(o["durationMax"] == nil || o["duration"] != nil, "tim-7")
		rule(o["countMax"] == nil || o["count"] != nil, "tim-8")
		whens, _ := o["when"].([]any)
		rule(o["offset"] == nil || len(whens) > 0 && !slices.ContainsFunc(whens, func(w any) bool { return slices.Contains([]any{"C", "CM", "CD", "CV"}, w) }), "tim-9")
		rule(o["timeOfDay"] == nil || o["when"] == nil, "tim-10")
	}
}
