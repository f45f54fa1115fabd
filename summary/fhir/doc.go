// Package fhir converts between a summary and the International Patient Summary of HL7 FHIR: a document Bundle of R4 in JSON, by the
// IPS guides 1.x and 2.0.
//
// Start with [Import], which reads a Bundle, and [Export], which writes one. Both return what they did not keep as it was, as a list of
// [summary.Loss]: what has no place, what was shortened or changed, and what somebody should look at. A loss that is Minor is nothing clinical: a label
// beside the text of who wrote it, the hour of a date.
//
// # What goes where
//
//	alerts        104605-1  Flag; a Condition that this section lists; a MedicationRequest with doNotPerform
//	              46264-8   DeviceUseStatement with its Device, and a Device that nothing points to: kind implant
//	              10162-6   Observation of a pregnancy's status (LOINC 82810-3) and of when it is due
//	allergies     48765-2   AllergyIntolerance, whatever its status; a Condition or Observation that this section lists
//	medications   10160-0   MedicationStatement, MedicationRequest, MedicationDispense, MedicationAdministration, with their Medication
//	history       11450-4   Condition
//	              11348-0   Condition; an export puts there what is over or refuted
//	              47519-4   Procedure: kind procedure
//	              10157-6   FamilyMemberHistory, one item for each condition: kind family
//	measurements  30954-2   Observation of the kinds that a summary has, the most recent of each; also 8716-3
//	vaccinations  11369-6   Immunization
//	visits        46240-8   Encounter with a date and a reason
//	directives    42348-3   Consent, DocumentReference, Observation
//	contacts                Patient.contact, Patient.generalPractitioner, RelatedPerson
//	patient                 Patient: name, name of birth, identifiers, gender, birthDate, place of birth
//
// What an item is follows from the type of its resource; the section that lists it decides only what the type leaves open. A resource of these types
// that no section lists is taken all the same, with a loss that says so, contained resources too. Dates are cut to days, the day as it was written,
// whatever its zone.
//
// The text of a concept is its text, else the label of a code, else the code itself, with a loss. Codes of any system are kept beside it.
// A dosage keeps its text to the letter; what only its structure says follows in brackets, or stands alone where there is no text. Each of a dosage's
// rhythms but a daily one is written in capitals, and stands in the dosage's period too. Where text and structure, or structure and code,
// contradict each other, the dose is never one of every day, and a loss tells of it.
//
// # What decides a section's status
//
//	items         there is at least one
//	none-known    emptyReason nilknown; or a resource whose code says so of the whole list, as "no known allergy", in SNOMED CT or the code
//	              system absent-unknown of IPS 1.x, unless its status takes it back, a text or note beside it names something, or the section
//	              speaks of a part of the one around it
//	unavailable   emptyReason unavailable or withheld; "no information available"
//	not-asked     everything else, nothing at all too
//
// A code that says that none of a kind is known, as "no known drug allergy", and one with a category, is that in SectionHead.NoneKnown and nothing
// more. No current problems are none of the history's kind disease; a history is none-known only where problems, those of the past and procedures
// all are. What is named in a list and is not in the Bundle makes the list one that is not empty. A claim beside an item that it denies, or beside another claim that it contradicts, is a loss, and of two claims the weaker holds.
//
// # What is refused
//
// [ErrNotFHIR], [ErrTooLarge], [ErrPatient], [ErrTwoPatients], [ErrWithdrawn] and [ErrAllergy] say what. An allergy is never dropped: one whose agent nothing names is
// taken with what else is known of it; one of which nothing is known, one that a list names and the Bundle has not, and one in a place where none can
// stand make the document refused. A member that stands twice in an object makes it refused too.
//
// # What is never read
//
// A narrative is compared with the entries of its section, for a loss where a row of it has words that they have not, and read for nothing
// else. Nothing outside the Bundle is looked up. Attachments, Binary, profiles, and what Provenance and signatures claim are not read: an import is as
// good as whoever hands it over. Of security labels, only those that ask for more confidentiality than is usual are followed.
//
// # What a round trip keeps
//
// From FHIR to a summary and back: every allergy, medication and condition with its text, codes, statuses and dates, every section's status. Of a
// summary, also the rest, but for the members that the losses of an export name: who recorded an item of a type that has no element for it, what was
// dispensed and taken, which is written as a note. Where R4 has no element or no code, an export writes an extension under
// https://secours-card.github.io/fhir/, which an import takes back; values that it does not know there are losses. No-break spaces become spaces.
//
// An export says of every resource, as a tag, what came of checking the signature; one that is not signed, not verified or not the last word is
// preliminary, and says so in its title, as one does that shows a part. What was taken back is entered in error. Read again, a document that was
// not verified, is doubtful or partial is a loss that says so: whoever signs it should know.
package fhir
