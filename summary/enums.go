package summary

import "reflect"

// The enumerated types of the model. The values of each, in the order of their numbers on the card, are in enums:
// a value keeps its number for ever, and new ones go to the end.
type (
	IdentityStatus   string
	Sex              string
	SectionStatus    string
	Informant        string
	Source           string
	AlertKind        string
	AlertPriority    string
	MRI              string
	AllergyType      string
	Criticality      string
	Verification     string
	AllergyStatus    string
	AllergyBasis     string
	Period           string
	Weekday          string
	MedicationStatus string
	MedicationOrigin string
	ConditionKind    string
	ConditionStatus  string
	Certainty        string
	MeasurementKind  string
	DirectiveKind    string
	DirectiveSubject string
	Position         string
	ContactKind      string
	// Category is a kind of thing that a section may declare none of: in SectionHead.NoneKnown it holds values of the type
	// of the section's item field with the category tag (Category itself, AlertKind or ConditionKind).
	Category string
	// System is a short name of an identifier system, or a URI.
	System string
	// CodeSystem is a short name of a terminology, or a URI.
	CodeSystem string
)

// The values of IdentityStatus.
const (
	IdentityProvisional IdentityStatus = "provisional"
	IdentityRetrieved   IdentityStatus = "retrieved"
	IdentityValidated   IdentityStatus = "validated"
	IdentityQualified   IdentityStatus = "qualified"
)

// The values of Sex.
const (
	SexFemale  Sex = "female"
	SexMale    Sex = "male"
	SexOther   Sex = "other"
	SexUnknown Sex = "unknown"
)

// The section statuses. StatusNoneKnown is a clinical statement; the others say why a list is what it is.
const (
	StatusItems       SectionStatus = "items"
	StatusNoneKnown   SectionStatus = "none-known"
	StatusNotAsked    SectionStatus = "not-asked"
	StatusUnavailable SectionStatus = "unavailable"
)

// The values of Informant.
const (
	InformantPatient  Informant = "patient"
	InformantRelative Informant = "relative"
	InformantRecord   Informant = "record"
)

// The values of Source.
const (
	SourceDiagnosed Source = "diagnosed"
	SourceReported  Source = "reported"
	SourceImported  Source = "imported"
)

// The values of AlertKind.
const (
	AlertAnticoagulant         AlertKind = "anticoagulant"
	AlertAntiplatelet          AlertKind = "antiplatelet"
	AlertBleeding              AlertKind = "bleeding"
	AlertAdrenalInsufficiency  AlertKind = "adrenal-insufficiency"
	AlertInsulin               AlertKind = "insulin"
	AlertImmunosuppression     AlertKind = "immunosuppression"
	AlertAsplenia              AlertKind = "asplenia"
	AlertTransplant            AlertKind = "transplant"
	AlertRenalImpairment       AlertKind = "renal-impairment"
	AlertHepaticImpairment     AlertKind = "hepatic-impairment"
	AlertDialysis              AlertKind = "dialysis"
	AlertG6PD                  AlertKind = "g6pd"
	AlertLongQT                AlertKind = "long-qt"
	AlertPorphyria             AlertKind = "porphyria"
	AlertMyasthenia            AlertKind = "myasthenia"
	AlertEpilepsy              AlertKind = "epilepsy"
	AlertSickleCell            AlertKind = "sickle-cell"
	AlertHypercapnia           AlertKind = "hypercapnia"
	AlertDifficultAirway       AlertKind = "difficult-airway"
	AlertMalignantHyperthermia AlertKind = "malignant-hyperthermia"
	AlertImplant               AlertKind = "implant"
	AlertLimbRestriction       AlertKind = "limb-restriction"
	AlertPregnancy             AlertKind = "pregnancy"
	AlertBreastfeeding         AlertKind = "breastfeeding"
	AlertTransfusion           AlertKind = "transfusion"
	AlertCommunication         AlertKind = "communication"
	AlertCognitive             AlertKind = "cognitive"
	AlertWandering             AlertKind = "wandering"
	AlertResistantInfection    AlertKind = "resistant-infection"
	AlertRareDisease           AlertKind = "rare-disease"
	AlertOther                 AlertKind = "other"
)

// The values of AlertPriority.
const (
	PriorityCritical  AlertPriority = "critical"
	PriorityImportant AlertPriority = "important"
)

// The values of MRI.
const (
	MRISafe        MRI = "safe"
	MRIConditional MRI = "conditional"
	MRIUnsafe      MRI = "unsafe"
	MRIUnknown     MRI = "unknown"
)

// The values of Category.
const (
	CategoryMedication  Category = "medication"
	CategoryFood        Category = "food"
	CategoryEnvironment Category = "environment"
	CategoryBiologic    Category = "biologic"
	CategoryContrast    Category = "contrast"
	CategoryLatex       Category = "latex"
	CategoryOther       Category = "other"
)

// The values of AllergyType.
const (
	TypeAllergy     AllergyType = "allergy"
	TypeIntolerance AllergyType = "intolerance"
)

// The values of Criticality.
const (
	CriticalityLow            Criticality = "low"
	CriticalityHigh           Criticality = "high"
	CriticalityUnableToAssess Criticality = "unable-to-assess"
)

// The values of Verification.
const (
	VerificationUnconfirmed Verification = "unconfirmed"
	VerificationPresumed    Verification = "presumed"
	VerificationConfirmed   Verification = "confirmed"
	VerificationRefuted     Verification = "refuted"
)

// The values of AllergyStatus.
const (
	AllergyActive   AllergyStatus = "active"
	AllergyInactive AllergyStatus = "inactive"
	AllergyResolved AllergyStatus = "resolved"
)

// The values of AllergyBasis.
const (
	BasisReported  AllergyBasis = "reported"
	BasisTest      AllergyBasis = "test"
	BasisChallenge AllergyBasis = "challenge"
	BasisRecord    AllergyBasis = "record"
)

// The periods of a dosage. Whatever is not PeriodDay is spelled out on every view.
const (
	PeriodDay   Period = "day"
	PeriodWeek  Period = "week"
	PeriodMonth Period = "month"
	PeriodOther Period = "other"
)

// The weekdays, by the codes of FHIR's days-of-week.
const (
	WeekdayMon Weekday = "mon"
	WeekdayTue Weekday = "tue"
	WeekdayWed Weekday = "wed"
	WeekdayThu Weekday = "thu"
	WeekdayFri Weekday = "fri"
	WeekdaySat Weekday = "sat"
	WeekdaySun Weekday = "sun"
)

// The values of MedicationStatus: those of FHIR's MedicationStatement, but for entered-in-error.
const (
	MedicationActive    MedicationStatus = "active"
	MedicationOnHold    MedicationStatus = "on-hold"
	MedicationStopped   MedicationStatus = "stopped"
	MedicationCompleted MedicationStatus = "completed"
	MedicationUnknown   MedicationStatus = "unknown"
	MedicationIntended  MedicationStatus = "intended"
	MedicationNotTaken  MedicationStatus = "not-taken"
)

// The values of MedicationOrigin.
const (
	OriginPrescribed MedicationOrigin = "prescribed"
	OriginDispensed  MedicationOrigin = "dispensed"
	OriginOTC        MedicationOrigin = "otc"
	OriginHospital   MedicationOrigin = "hospital"
	OriginReported   MedicationOrigin = "reported"
)

// The values of ConditionKind.
const (
	ConditionDisease   ConditionKind = "disease"
	ConditionProcedure ConditionKind = "procedure"
	ConditionFamily    ConditionKind = "family"
	ConditionOther     ConditionKind = "other"
)

// The values of ConditionStatus: those of FHIR's condition-clinical.
const (
	HistoryActive     ConditionStatus = "active"
	HistoryRemission  ConditionStatus = "remission"
	HistoryRecurrence ConditionStatus = "recurrence"
	HistoryRelapse    ConditionStatus = "relapse"
	HistoryInactive   ConditionStatus = "inactive"
	HistoryResolved   ConditionStatus = "resolved"
)

// The values of Certainty. CertaintySuspected is for whoever does not tell the kinds of doubt of FHIR's condition-ver-status apart.
const (
	CertaintySuspected    Certainty = "suspected"
	CertaintyConfirmed    Certainty = "confirmed"
	CertaintyUnconfirmed  Certainty = "unconfirmed"
	CertaintyProvisional  Certainty = "provisional"
	CertaintyDifferential Certainty = "differential"
	CertaintyRefuted      Certainty = "refuted"
)

// The values of MeasurementKind.
const (
	MeasureWeight       MeasurementKind = "weight"
	MeasureHeight       MeasurementKind = "height"
	MeasureEGFR         MeasurementKind = "egfr"
	MeasureCreatinine   MeasurementKind = "creatinine"
	MeasureINR          MeasurementKind = "inr"
	MeasureHbA1c        MeasurementKind = "hba1c"
	MeasureLVEF         MeasurementKind = "lvef"
	MeasureSpO2Baseline MeasurementKind = "spo2-baseline"
	MeasureECG          MeasurementKind = "ecg"
	MeasureBloodGroup   MeasurementKind = "blood-group"
	MeasureOther        MeasurementKind = "other"
)

// The values of DirectiveKind.
const (
	DirectiveAdvance        DirectiveKind = "advance-directive"
	DirectiveRefusal        DirectiveKind = "refusal"
	DirectiveTreatmentLimit DirectiveKind = "treatment-limit"
	DirectiveOrganDonation  DirectiveKind = "organ-donation"
	DirectiveOther          DirectiveKind = "other"
)

// The values of DirectiveSubject.
const (
	SubjectTransfusion   DirectiveSubject = "transfusion"
	SubjectResuscitation DirectiveSubject = "resuscitation"
	SubjectIntubation    DirectiveSubject = "intubation"
	SubjectOther         DirectiveSubject = "other"
)

// The values of Position.
const (
	PositionOpposed    Position = "opposed"
	PositionNotOpposed Position = "not-opposed"
	PositionUnknown    Position = "unknown"
)

// The values of ContactKind.
const (
	ContactEmergency         ContactKind = "emergency"
	ContactTrustedPerson     ContactKind = "trusted-person"
	ContactGuardian          ContactKind = "guardian"
	ContactTreatingPhysician ContactKind = "treating-physician"
	ContactSpecialistCentre  ContactKind = "specialist-centre"
)

// The identifier systems with a short name: every other one is given by its URI.
const (
	SystemINSNIR System = "ins-nir"
	SystemINSNIA System = "ins-nia"
)

// The terminologies with a short name: every other one is given by its URI.
const (
	CodeATC    CodeSystem = "atc"
	CodeCIM10  CodeSystem = "cim10"
	CodeICD10  CodeSystem = "icd10"
	CodeICD11  CodeSystem = "icd11"
	CodeICPC2  CodeSystem = "icpc2"
	CodeCIS    CodeSystem = "cis"
	CodeCIP    CodeSystem = "cip"
	CodeSNOMED CodeSystem = "snomed"
	CodeLOINC  CodeSystem = "loinc"
	CodeRxNorm CodeSystem = "rxnorm"
	CodeEDQM   CodeSystem = "edqm"
	CodeOrpha  CodeSystem = "orpha"
)

// An enum is the closed list of values of a type, in the order of their numbers on the card.
type enum struct {
	name   string
	values []string
	// uri says that any URI is a value too: it stands on the card as text.
	uri bool
}

func enumOf[T ~string](values ...T) (reflect.Type, *enum) {
	e := &enum{name: reflect.TypeFor[T]().Name()}
	for _, v := range values {
		e.values = append(e.values, string(v))
	}
	return reflect.TypeFor[T](), e
}

// enums gives the values of every enumerated type. Numbers are signed and stored for decades: append, never insert,
// reorder or remove.
func enums() map[reflect.Type]*enum {
	all := map[reflect.Type]*enum{}
	add := func(t reflect.Type, e *enum) { all[t] = e }
	add(enumOf(IdentityProvisional, IdentityRetrieved, IdentityValidated, IdentityQualified))
	add(enumOf(SexFemale, SexMale, SexOther, SexUnknown))
	add(enumOf(StatusItems, StatusNoneKnown, StatusNotAsked, StatusUnavailable))
	add(enumOf(InformantPatient, InformantRelative, InformantRecord))
	add(enumOf(SourceDiagnosed, SourceReported, SourceImported))
	add(enumOf(
		AlertAnticoagulant, AlertAntiplatelet, AlertBleeding, AlertAdrenalInsufficiency, AlertInsulin,
		AlertImmunosuppression, AlertAsplenia, AlertTransplant, AlertRenalImpairment, AlertHepaticImpairment,
		AlertDialysis, AlertG6PD, AlertLongQT, AlertPorphyria, AlertMyasthenia, AlertEpilepsy, AlertSickleCell,
		AlertHypercapnia, AlertDifficultAirway, AlertMalignantHyperthermia, AlertImplant, AlertLimbRestriction,
		AlertPregnancy, AlertBreastfeeding, AlertTransfusion, AlertCommunication, AlertCognitive, AlertWandering,
		AlertResistantInfection, AlertRareDisease, AlertOther,
	))
	add(enumOf(PriorityCritical, PriorityImportant))
	add(enumOf(MRISafe, MRIConditional, MRIUnsafe, MRIUnknown))
	add(enumOf(
		CategoryMedication, CategoryFood, CategoryEnvironment, CategoryBiologic, CategoryContrast, CategoryLatex,
		CategoryOther,
	))
	add(enumOf(TypeAllergy, TypeIntolerance))
	add(enumOf(CriticalityLow, CriticalityHigh, CriticalityUnableToAssess))
	add(enumOf(VerificationUnconfirmed, VerificationPresumed, VerificationConfirmed, VerificationRefuted))
	add(enumOf(AllergyActive, AllergyInactive, AllergyResolved))
	add(enumOf(BasisReported, BasisTest, BasisChallenge, BasisRecord))
	add(enumOf(PeriodDay, PeriodWeek, PeriodMonth, PeriodOther))
	add(enumOf(WeekdayMon, WeekdayTue, WeekdayWed, WeekdayThu, WeekdayFri, WeekdaySat, WeekdaySun))
	add(enumOf(MedicationActive, MedicationOnHold, MedicationStopped, MedicationCompleted, MedicationUnknown, MedicationIntended, MedicationNotTaken))
	add(enumOf(OriginPrescribed, OriginDispensed, OriginOTC, OriginHospital, OriginReported))
	add(enumOf(ConditionDisease, ConditionProcedure, ConditionFamily, ConditionOther))
	add(enumOf(HistoryActive, HistoryRemission, HistoryResolved, HistoryRecurrence, HistoryRelapse, HistoryInactive))
	add(enumOf(
		CertaintySuspected, CertaintyConfirmed, CertaintyUnconfirmed, CertaintyProvisional, CertaintyDifferential, CertaintyRefuted,
	))
	add(enumOf(
		MeasureWeight, MeasureHeight, MeasureEGFR, MeasureCreatinine, MeasureINR, MeasureHbA1c, MeasureLVEF,
		MeasureSpO2Baseline, MeasureECG, MeasureBloodGroup, MeasureOther,
	))
	add(enumOf(DirectiveAdvance, DirectiveRefusal, DirectiveTreatmentLimit, DirectiveOrganDonation, DirectiveOther))
	add(enumOf(SubjectTransfusion, SubjectResuscitation, SubjectIntubation, SubjectOther))
	add(enumOf(PositionOpposed, PositionNotOpposed, PositionUnknown))
	add(enumOf(
		ContactEmergency, ContactTrustedPerson, ContactGuardian, ContactTreatingPhysician,
		ContactSpecialistCentre,
	))
	add(enumOf(SystemINSNIR, SystemINSNIA))
	add(enumOf(
		CodeATC, CodeCIM10, CodeICD10, CodeICD11, CodeICPC2, CodeCIS, CodeCIP, CodeSNOMED, CodeLOINC, CodeRxNorm,
		CodeEDQM, CodeOrpha,
	))
	add(enumOf(LevelOpen, LevelCare, LevelClinical, LevelMasked))
	all[reflect.TypeFor[System]()].uri = true
	all[reflect.TypeFor[CodeSystem]()].uri = true
	return all
}

// has says whether v is one of the values, or a URI where those are allowed.
func (e *enum) has(v string) bool { return e.number(v) >= 0 || e.uri && IsURI(v) }

// number returns the number of v on the card, or -1.
func (e *enum) number(v string) int {
	// The lists are short: a scan is faster than a map.
	for i, w := range e.values {
		if v == w {
			return i
		}
	}
	return -1
}

// IsURI says whether v can name a terminology or an identifier system: a scheme, a colon and printable ASCII, RFC 3986 without its
// finer points.
func IsURI(v string) bool {
	colon := -1
	for i := range len(v) {
		c := v[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		switch {
		case c <= ' ' || c > '~':
			return false
		case colon >= 0 || letter:
		case c == ':' && i > 0:
			colon = i
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '.' || c == '-'):
		default:
			return false
		}
	}
	return colon >= 0 && colon < len(v)-1
}
