package fhir

import (
	"slices"

	"github.com/secours-card/secours/summary"
)

// The values that an export writes as they are, in extensions and code systems of its own. What stands there in a document of another hand may be
// anything.
var (
	ownCategories = []summary.Category{
		summary.CategoryMedication, summary.CategoryFood, summary.CategoryEnvironment, summary.CategoryBiologic, summary.CategoryContrast,
		summary.CategoryLatex, summary.CategoryOther,
	}
	ownBases      = []summary.AllergyBasis{summary.BasisReported, summary.BasisTest, summary.BasisChallenge, summary.BasisRecord}
	ownPeriods    = []summary.Period{summary.PeriodDay, summary.PeriodWeek, summary.PeriodMonth, summary.PeriodOther}
	ownOrigins    = []summary.MedicationOrigin{summary.OriginPrescribed, summary.OriginDispensed, summary.OriginOTC, summary.OriginHospital, summary.OriginReported}
	ownMRIs       = []summary.MRI{summary.MRISafe, summary.MRIConditional, summary.MRIUnsafe, summary.MRIUnknown}
	ownInformants = []summary.Informant{summary.InformantPatient, summary.InformantRelative, summary.InformantRecord}
	ownAlertKinds = []summary.AlertKind{
		summary.AlertAnticoagulant, summary.AlertAntiplatelet, summary.AlertBleeding, summary.AlertAdrenalInsufficiency, summary.AlertInsulin,
		summary.AlertImmunosuppression, summary.AlertAsplenia, summary.AlertTransplant, summary.AlertRenalImpairment, summary.AlertHepaticImpairment,
		summary.AlertDialysis, summary.AlertG6PD, summary.AlertLongQT, summary.AlertPorphyria, summary.AlertMyasthenia, summary.AlertEpilepsy,
		summary.AlertSickleCell, summary.AlertHypercapnia, summary.AlertDifficultAirway, summary.AlertMalignantHyperthermia, summary.AlertImplant,
		summary.AlertLimbRestriction, summary.AlertPregnancy, summary.AlertBreastfeeding, summary.AlertTransfusion, summary.AlertCommunication,
		summary.AlertCognitive, summary.AlertWandering, summary.AlertResistantInfection, summary.AlertRareDisease, summary.AlertOther,
	}
	ownConditionKinds   = []summary.ConditionKind{summary.ConditionDisease, summary.ConditionProcedure, summary.ConditionFamily, summary.ConditionOther}
	ownMeasurementKinds = []summary.MeasurementKind{
		summary.MeasureWeight, summary.MeasureHeight, summary.MeasureEGFR, summary.MeasureCreatinine, summary.MeasureINR, summary.MeasureHbA1c,
		summary.MeasureLVEF, summary.MeasureSpO2Baseline, summary.MeasureECG, summary.MeasureBloodGroup, summary.MeasureOther,
	}
	ownDirectiveKinds    = []summary.DirectiveKind{summary.DirectiveAdvance, summary.DirectiveRefusal, summary.DirectiveTreatmentLimit, summary.DirectiveOrganDonation, summary.DirectiveOther}
	ownDirectiveSubjects = []summary.DirectiveSubject{summary.SubjectTransfusion, summary.SubjectResuscitation, summary.SubjectIntubation, summary.SubjectOther}
	ownPositions         = []summary.Position{summary.PositionOpposed, summary.PositionNotOpposed, summary.PositionUnknown}
	ownContactKinds      = []summary.ContactKind{
		summary.ContactEmergency, summary.ContactTrustedPerson, summary.ContactGuardian, summary.ContactTreatingPhysician, summary.ContactSpecialistCentre,
	}
)

// own takes a value that an export wrote, and reports one that a summary does not know.
func own[T ~string](im *importer, r *resource, element, value string, values []T) T {
	if value != "" && !slices.Contains(values, T(value)) {
		im.say(r, summary.LossDropped, summary.ReasonUnknownCode, element, value)
		return ""
	}
	return T(value)
}
