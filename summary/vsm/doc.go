// Package vsm imports a CDA document into a [summary.Summary]: the French VSM ("volet de synthèse médicale", CI-SIS 2013), its
// successor, the IPS-FR, and any CDA R2 document that has the same sections.
//
// [Import] is the only step: what it returns is valid and keeps the limits of a summary, and every [summary.Loss] says what of the
// document is not in it, and where that stood. [Is] says whether data is such a document at all.
//
// Entries come first. A section without any is read from its narrative: each item of a list, row of a table, paragraph or line is
// carried as a text, with a loss that asks somebody to look. What the narrative of a section says beside its entries is in the note of
// the item to whose entry it belongs, and else in the report. An allergy is never left out: one that cannot be understood is carried as
// a text, and one without a text is an error. What the narrative of allergies says in a row, an item of a list, a paragraph or a line
// that no entry accounts for is an allergy of its own, with a loss (ambiguous, narrative), unless it only denies or is a heading. An
// entry accounts for a row if it says the substance, in whatever words besides; what else such a row says is in the report. A word
// that is not known to be about a reaction, a time, or how sure or bad an allergy is, is taken for a substance: an allergy may stand
// there twice, or a remark as one. A row of treatments that no entry accounts for is a loss.
//
// A loss whose reason is the narrative is of kind dropped where its text is not in the summary.
//
// # What goes where
//
// The text of a concept is what its author wrote, originalText or what that refers to, else a name beside the code, else the label of
// the code (displayName), else the text of the entry, else the code itself; a code and its translations are the codes. The path of an
// element stands in a loss as in XPath, counted from 1, and its source is the entry by the code of its section: "48765-2/entry[2]".
//
//	document                                              summary
//	recordTarget: name BR, without qualifier, CL or SP     family and given; usedFamily and usedGiven
//	  id 1.2.250.1.213.1.4.8, .9, others                   ids: ins-nir, ins-nia, urn:oid:…
//	  birthTime, administrativeGenderCode, birthplace      birthDate, sex, birthPlace, birthPlaceCode (INSEE)
//	  guardian                                             contacts: guardian
//	effectiveTime, author (of the section, if it has one)  reviewed and reviewedBy of each section
//	informant, participant: ECON, NOK, GUARD, IND          contacts: emergency, trusted person, guardian, no kind
//	  functionCode PCP, also documentationOf/performer     contacts: treating physician
//	48765-2, 44939-7  allergies, adverse reactions         allergies
//	  participant CSM, else value, else text               agent
//	  code, and value where it is a type                   category, type
//	  MFST, value where it is a manifestation              reactions
//	  SEV, 82606-5, 66455-7, 33999-4                       severity, criticality, verification, clinicalStatus
//	  effectiveTime; concern/statusCode                    onset; clinicalStatus
//	  negationInd with an agent, withdrawn by its author    verification: refuted
//	10160-0           treatments                           medications
//	  manufacturedMaterial: code, name, pharm:*            product, ingredients, strength, form
//	  a column "posologie", else dose and times written    dosage: text, period, weekdays, asNeeded, maxPerDay
//	    out in French
//	  effectiveTime IVL_TS, 33999-4, statusCode            start, end, status
//	  moodCode INT; other intents; negationInd             origin: prescribed; status: intended; not-taken
//	  RSON; template long term, title "long cours"         reason; longTerm
//	11450-4, 11348-0  current and past problems            history: disease
//	47519-4           procedures                           history: procedure
//	10157-6           family history                       history: family, the relative in the note
//	44944-7, 104605-1, 30954-2 titled "vigilance"          alerts: other
//	46264-8           devices                              alerts: implant
//	10162-6           pregnancy                            alerts: pregnancy, dueDate
//	11369-6           vaccinations                         vaccinations
//	8716-3, 30954-2   vital signs, results                 measurements of the kinds that a summary has, the newest of each
//	46240-8           encounters                           visits
//	42348-3           advance directives                   directives
//	every other section                                    a loss for each entry, or one for the section
//
// # None known, not asked, not available
//
// A section that is not there was not asked about. One that has no items, and says nothing by a code, was not asked about either:
// "néant" in a narrative is reported (dropped), and makes neither an item nor none-known.
//
//	null flavor of a section             status
//	NI    no information                 unavailable: none is there, for whatever reason (C-CDA, IPS "no information available")
//	UNK   there is a value, not known    unavailable
//	ASKU  asked, not known               unavailable
//	NAV   not available now              unavailable
//	MSK   masked                         unavailable
//	NASK  not asked                      not-asked
//	NA    not applicable                 not-asked
//	any other                            not-asked, with a loss
//
// None known is said by the codes for it (SNOMED CT, absent-unknown of IHE and IPS, TA-ASIP MED-273 and MED-274), or by a negated
// observation of allergies, of problems or of drugs as such. Of drugs or of food alone it is noneKnown of that category, and never more. The history of a
// summary is none-known if current problems, past problems and procedures all say so, else noneKnown of the kind that does.
// "No current problems" (160245001) among the past ones says nothing. Where a code says that there is no allergy, and an agent,
// a text beside the code or the narrative names something, or makes an exception ("sauf"), that is carried, the statement is withdrawn, and
// the contradiction reported. Of other lists the texts beside the code do the same.
//
// A dose whose words and times differ in rhythm never looks daily: its period is other where the times are those of every day and the words
// are not, both stand in its text, and the contradiction is reported.
//
// # What is not read
//
// Of the header: custodian, authenticators, recipients, orders, the encounter, and documents that this one replaces. Pictures and files
// inside the document, a PDF of it among them. Style of the narrative, and what is marked there as deleted. A document without
// sections is refused; so are a document type declaration, a document about several patients, and one without name or birth date.
package vsm
