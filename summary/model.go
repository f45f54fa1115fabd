package summary

// Schema is the value of Summary.Schema that this package reads and writes.
const Schema = "secours.summary/1"

// Summary is a patient's emergency summary: what a professional states, to the letter, and nothing derived from it.
//
// The tags of the fields of this file and of amendment.go are the only source of the JSON names (json), the CBOR keys (key) and
// the limits (max characters or elements, each for the texts of a list, min elements); req marks what must be there, block a
// text that may have several lines, ident a text of letters, digits, dots, dashes and underscores, digits a text that stands on
// the card as a number where it is one, and category the field whose values SectionHead.NoneKnown may name. A nil list is
// absent, an empty one was given.
type Summary struct {
	Schema   string   `json:"schema" key:"0" req:"1" max:"17"`
	Language string   `json:"language" key:"1" max:"35"`
	Patient  Patient  `json:"patient" key:"2" req:"1"`
	Consent  *Consent `json:"consent" key:"3"`
	Sections Sections `json:"sections" key:"4" req:"1"`
	Extra    Extra
}

// Patient identifies the person. Family is the birth name, as French identity rules (INS) want it.
type Patient struct {
	IDs            []Identifier   `json:"ids" key:"1" max:"8"`
	IdentityStatus IdentityStatus `json:"identityStatus" key:"2"`
	Family         string         `json:"family" key:"3" req:"1" max:"80"`
	Given          []string       `json:"given" key:"4" req:"1" max:"10" each:"80"`
	UsedFamily     string         `json:"usedFamily" key:"5" max:"80"`
	UsedGiven      string         `json:"usedGiven" key:"6" max:"80"`
	BirthDate      Date           `json:"birthDate" key:"7" req:"1"`
	Sex            Sex            `json:"sex" key:"8" req:"1"`
	BirthPlace     string         `json:"birthPlace" key:"9" max:"80"`
	BirthPlaceCode string         `json:"birthPlaceCode" key:"10" max:"16" digits:"1"`
	Extra          Extra
}

// Identifier is a patient identifier. System is "ins-nir", "ins-nia" or a URI.
type Identifier struct {
	System System `json:"system" key:"1" req:"1"`
	Value  string `json:"value" key:"2" req:"1" max:"64" digits:"1"`
	Extra  Extra
}

// Consent is what the patient agreed to when the summary was made.
type Consent struct {
	Date            Date   `json:"date" key:"1"`
	By              Author `json:"by" key:"2"`
	Scope           string `json:"scope" key:"3" max:"200"`
	EmergencyAccess Flag   `json:"emergencyAccess" key:"4"`
	Extra           Extra
}

// Sections holds the clinical sections. A nil section was not asked about.
type Sections struct {
	Alerts       *Section[Alert]       `json:"alerts" key:"1"`
	Allergies    *Section[Allergy]     `json:"allergies" key:"2"`
	Medications  *Section[Medication]  `json:"medications" key:"3"`
	History      *Section[Condition]   `json:"history" key:"4"`
	Measurements *Section[Measurement] `json:"measurements" key:"5"`
	Vaccinations *Section[Vaccination] `json:"vaccinations" key:"6"`
	Visits       *Section[Visit]       `json:"visits" key:"7"`
	Directives   *Section[Directive]   `json:"directives" key:"8"`
	Contacts     *Section[Contact]     `json:"contacts" key:"9"`
	Extra        Extra
}

// Section is a list of items and the statement about the list as a whole.
type Section[I any] struct {
	SectionHead
	Items []I `json:"items" key:"6" max:"100"`
	Extra Extra
}

// SectionHead says what the list stands for: StatusNoneKnown is a clinical statement, an absent list is none. NoneKnown names
// categories of which none is known although the section has items, in alerts, allergies and history.
type SectionHead struct {
	Status     SectionStatus `json:"status" key:"1" req:"1"`
	Reviewed   Date          `json:"reviewed" key:"2"`
	ReviewedBy Author        `json:"reviewedBy" key:"3"`
	Informant  Informant     `json:"informant" key:"4"`
	NoneKnown  []Category    `json:"noneKnown" key:"5" max:"40"`
}

// Common is what every item has.
type Common struct {
	ID       string `json:"id" key:"-1" max:"16" ident:"1"`
	Level    Level  `json:"level" key:"-2"`
	Recorded Date   `json:"recorded" key:"-3"`
	By       Author `json:"by" key:"-4"`
	Source   Source `json:"source" key:"-5"`
	// Unreviewed says that the item came from an amendment, and that the physician who wrote the base did not review it.
	Unreviewed Flag `json:"unreviewed" key:"-6"`
	// Remarks are what others than its author said of the item, kept from amendments to an earlier base.
	Remarks []Remark `json:"remarks" key:"-7" max:"8"`
	Extra   Extra
}

// MaxRemarks is the most that an item can have.
const MaxRemarks = 8

// Remark is what somebody else said of an item, and when.
type Remark struct {
	Text  string `json:"text" key:"1" req:"1" max:"500" block:"1"`
	By    Author `json:"by" key:"2"`
	On    Date   `json:"on" key:"3"`
	Extra Extra
}

// Alert is a point of attention ("point de vigilance"). Action is the signer's wording, shown and never interpreted.
type Alert struct {
	Common
	Kind       AlertKind     `json:"kind" key:"1" req:"1" category:"1"`
	Priority   AlertPriority `json:"priority" key:"2"`
	Text       string        `json:"text" key:"3" req:"1" max:"300" block:"1"`
	Codes      []Code        `json:"codes" key:"4" max:"8"`
	Action     string        `json:"action" key:"5" max:"300" block:"1"`
	Laterality string        `json:"laterality" key:"6" max:"40"`
	MRI        MRI           `json:"mri" key:"7"`
	Since      Date          `json:"since" key:"8"`
	DueDate    Date          `json:"dueDate" key:"9"`
	Languages  []string      `json:"languages" key:"10" max:"8" each:"35"`
	Needs      []string      `json:"needs" key:"11" max:"8" each:"120"`
	Centre     *Centre       `json:"centre" key:"12"`
}

// Centre is a place to call.
type Centre struct {
	Name  string `json:"name" key:"1" max:"120"`
	Phone string `json:"phone" key:"2" max:"40"`
	Extra Extra
}

// Allergy is an allergy or intolerance, refuted ones included.
type Allergy struct {
	Common
	Agent          Concept       `json:"agent" key:"1" req:"1"`
	Category       Category      `json:"category" key:"2" category:"1"`
	Type           AllergyType   `json:"type" key:"3"`
	Reactions      []Concept     `json:"reactions" key:"4" max:"10"`
	Severity       string        `json:"severity" key:"5" max:"40"`
	Criticality    Criticality   `json:"criticality" key:"6"`
	Verification   Verification  `json:"verification" key:"7"`
	ClinicalStatus AllergyStatus `json:"clinicalStatus" key:"8"`
	Basis          AllergyBasis  `json:"basis" key:"9"`
	Onset          Date          `json:"onset" key:"10"`
	LastReaction   Date          `json:"lastReaction" key:"11"`
	Note           string        `json:"note" key:"12" max:"500" block:"1"`
}

// Medication is one line of treatment, stopped ones included.
type Medication struct {
	Common
	Product     Concept          `json:"product" key:"1" req:"1"`
	Ingredients []Concept        `json:"ingredients" key:"2" max:"20"`
	Strength    string           `json:"strength" key:"3" max:"80"`
	Form        string           `json:"form" key:"4" max:"80"`
	Route       string           `json:"route" key:"5" max:"80"`
	Dosage      *Dosage          `json:"dosage" key:"6"`
	Status      MedicationStatus `json:"status" key:"7"`
	Origin      MedicationOrigin `json:"origin" key:"8"`
	Reason      *Concept         `json:"reason" key:"9"`
	LongTerm    Flag             `json:"longTerm" key:"10"`
	HighRisk    Flag             `json:"highRisk" key:"11"`
	Start       Date             `json:"start" key:"12"`
	End         Date             `json:"end" key:"13"`
	StopReason  string           `json:"stopReason" key:"14" max:"200"`
	Dispensed   *Dispensed       `json:"dispensed" key:"15"`
	Taken       *Taken           `json:"taken" key:"16"`
	Note        string           `json:"note" key:"17" max:"500" block:"1"`
}

// Dosage is kept to the letter: Text as written, the moments as strings ("1", "1/2", "0,5").
type Dosage struct {
	Text      string    `json:"text" key:"1" max:"300" block:"1"`
	Unit      string    `json:"unit" key:"2" max:"40"`
	Morning   string    `json:"morning" key:"3" max:"20"`
	Noon      string    `json:"noon" key:"4" max:"20"`
	Evening   string    `json:"evening" key:"5" max:"20"`
	Bedtime   string    `json:"bedtime" key:"6" max:"20"`
	Period    Period    `json:"period" key:"7"`
	Weekdays  []Weekday `json:"weekdays" key:"8" max:"7"`
	AsNeeded  Flag      `json:"asNeeded" key:"9"`
	MaxPerDay Value     `json:"maxPerDay" key:"10" max:"40"`
	Extra     Extra
}

// Dispensed is what a pharmacy handed out, and as what product.
type Dispensed struct {
	Date     Date     `json:"date" key:"1"`
	Quantity Value    `json:"quantity" key:"2" max:"40"`
	As       *Concept `json:"as" key:"3"`
	Extra    Extra
}

// Taken is what is known of the patient's real intake.
type Taken struct {
	Value      string `json:"value" key:"1" max:"80"`
	LastTaken  Date   `json:"lastTaken" key:"2"`
	ReportedBy Author `json:"reportedBy" key:"3"`
	Extra      Extra
}

// Condition is one entry of the history.
type Condition struct {
	Common
	Condition  Concept         `json:"condition" key:"1" req:"1"`
	Kind       ConditionKind   `json:"kind" key:"2" category:"1"`
	Status     ConditionStatus `json:"status" key:"3"`
	Onset      Date            `json:"onset" key:"4"`
	End        Date            `json:"end" key:"5"`
	Laterality string          `json:"laterality" key:"6" max:"40"`
	Certainty  Certainty       `json:"certainty" key:"7"`
	Note       string          `json:"note" key:"8" max:"500" block:"1"`
}

// Measurement is one dated value. A blood group names its laboratory and is never shown as valid for transfusion.
type Measurement struct {
	Common
	Kind       MeasurementKind `json:"kind" key:"1" req:"1"`
	Value      Value           `json:"value" key:"2" req:"1" max:"120"`
	Unit       string          `json:"unit" key:"3" max:"40"`
	Date       Date            `json:"date" key:"4" req:"1"`
	Note       string          `json:"note" key:"5" max:"500" block:"1"`
	Laboratory string          `json:"laboratory" key:"6" max:"120"`
}

// Vaccination is one dose given.
type Vaccination struct {
	Common
	Vaccine Concept `json:"vaccine" key:"1" req:"1"`
	Date    Date    `json:"date" key:"2"`
	Note    string  `json:"note" key:"3" max:"500" block:"1"`
}

// Visit is the reason of one recent consultation or stay.
type Visit struct {
	Common
	Date       Date     `json:"date" key:"1" req:"1"`
	Reason     Concept  `json:"reason" key:"2" req:"1"`
	Conclusion *Concept `json:"conclusion" key:"3"`
	Place      string   `json:"place" key:"4" max:"120"`
	Note       string   `json:"note" key:"5" max:"500" block:"1"`
}

// Directive is a wish of the patient that binds those who treat, and where its original lies.
type Directive struct {
	Common
	Kind     DirectiveKind    `json:"kind" key:"1" req:"1"`
	Subject  DirectiveSubject `json:"subject" key:"2"`
	Position Position         `json:"position" key:"3"`
	Text     string           `json:"text" key:"4" max:"500" block:"1"`
	Location string           `json:"location" key:"5" max:"200"`
	Date     Date             `json:"date" key:"6"`
}

// Contact is somebody to call.
type Contact struct {
	Common
	Name         string      `json:"name" key:"1" req:"1" max:"120"`
	Relationship string      `json:"relationship" key:"2" max:"80"`
	Phones       []string    `json:"phones" key:"3" max:"5" each:"40"`
	Language     string      `json:"language" key:"4" max:"35"`
	Kind         ContactKind `json:"kind" key:"5"`
	Priority     Value       `json:"priority" key:"6" max:"20"`
}

// Concept is a text as the professional wrote it, with codes beside it. The text is never replaced by a code's label.
type Concept struct {
	Text  string `json:"text" key:"1" req:"1" max:"200"`
	Codes []Code `json:"codes" key:"2" max:"8"`
	Extra Extra
}

// Code is a code of a terminology. System is a short name (atc, cim10, …) or a URI.
type Code struct {
	System CodeSystem `json:"system" key:"1" req:"1"`
	Code   string     `json:"code" key:"2" req:"1" max:"64" digits:"1"`
	Extra  Extra
}

// Extra holds the members of an object that this version does not know, so that they survive a round trip: JSON member names to
// their compact JSON text. A member that only a newer card format knows has the name "#N", N its CBOR key, and its canonical
// CBOR in base64 as a JSON text; in Summary, Sections and Section, parts of which may stand in several compartments, "#N@level"
// is the member N of another compartment than the usual one.
type Extra map[string][]byte
