package summary

// The enumerated types of the model. The values of each, in the order of their numbers on the card, are in enumValues:
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
	Category         string
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
	// System is a short name of an identifier system, or a URI.
	System string
	// CodeSystem is a short name of a terminology, or a URI.
	CodeSystem string
)

// The section statuses. StatusNoneKnown is a clinical statement; the others say why a list is what it is.
const (
	StatusItems       SectionStatus = "items"
	StatusNoneKnown   SectionStatus = "none-known"
	StatusNotAsked    SectionStatus = "not-asked"
	StatusUnavailable SectionStatus = "unavailable"
)
