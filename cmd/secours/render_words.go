package main

import "strings"

// words is the wording of the values of one enumeration.
type words map[string]pair

// word shows a value of an enumeration. A value that has no wording (one of a newer format, a free string) is shown to
// the letter, never hidden.
func word[V ~string](l lang, table words, v V) string {
	if p, ok := table[string(v)]; ok {
		return l.p(p)
	}
	return string(v)
}

// caps is word in capitals; what has no wording stays to the letter.
func caps[V ~string](l lang, table words, v V) string {
	if p, ok := table[string(v)]; ok {
		return strings.ToUpper(l.p(p))
	}
	return string(v)
}

var (
	alertKindWords = words{
		"anticoagulant":          {"anticoagulant", "anticoagulant"},
		"antiplatelet":           {"antiagrégant plaquettaire", "antiplatelet"},
		"bleeding":               {"trouble hémorragique", "bleeding disorder"},
		"adrenal-insufficiency":  {"insuffisance surrénale", "adrenal insufficiency"},
		"insulin":                {"insuline", "insulin"},
		"immunosuppression":      {"immunodépression", "immunosuppression"},
		"asplenia":               {"asplénie", "asplenia"},
		"transplant":             {"greffe", "transplant"},
		"renal-impairment":       {"insuffisance rénale", "renal impairment"},
		"hepatic-impairment":     {"insuffisance hépatique", "hepatic impairment"},
		"dialysis":               {"dialyse", "dialysis"},
		"g6pd":                   {"déficit en G6PD", "G6PD deficiency"},
		"long-qt":                {"QT long", "long QT"},
		"porphyria":              {"porphyrie", "porphyria"},
		"myasthenia":             {"myasthénie", "myasthenia"},
		"epilepsy":               {"épilepsie", "epilepsy"},
		"sickle-cell":            {"drépanocytose", "sickle cell disease"},
		"hypercapnia":            {"hypercapnie chronique", "chronic hypercapnia"},
		"difficult-airway":       {"intubation difficile", "difficult airway"},
		"malignant-hyperthermia": {"hyperthermie maligne", "malignant hyperthermia"},
		"implant":                {"dispositif implanté", "implant"},
		"limb-restriction":       {"membre à protéger", "limb restriction"},
		"pregnancy":              {"grossesse", "pregnancy"},
		"breastfeeding":          {"allaitement", "breastfeeding"},
		"transfusion":            {"transfusion", "transfusion"},
		"communication":          {"communication", "communication"},
		"cognitive":              {"troubles cognitifs", "cognitive impairment"},
		"wandering":              {"risque de fugue ou d'errance", "wandering risk"},
		"resistant-infection":    {"bactérie résistante", "resistant infection"},
		"rare-disease":           {"maladie rare", "rare disease"},
		"other":                  {"autre point de vigilance", "other point of attention"},
	}
	alertPriorityWords = words{
		"critical":  {"critique", "critical"},
		"important": {"important", "important"},
	}
	mriWords = words{
		"safe":        {"IRM : possible", "MRI: safe"},
		"conditional": {"IRM : SOUS CONDITIONS", "MRI: CONDITIONAL"},
		"unsafe":      {"IRM : CONTRE-INDIQUÉE", "MRI: UNSAFE"},
		"unknown":     {"IRM : COMPATIBILITÉ INCONNUE", "MRI: COMPATIBILITY UNKNOWN"},
	}
	categoryWords = words{
		"medication":  {"médicaments", "medication"},
		"food":        {"aliments", "food"},
		"environment": {"environnement", "environment"},
		"biologic":    {"produits biologiques", "biologics"},
		"contrast":    {"produits de contraste", "contrast media"},
		"latex":       {"latex", "latex"},
		"other":       {"autres", "other"},
	}
	allergyTypeWords = words{
		"allergy":     {"allergie", "allergy"},
		"intolerance": {"intolérance", "intolerance"},
	}
	criticalityWords = words{
		"high":             {"risque élevé", "high risk"},
		"low":              {"risque faible", "low risk"},
		"unable-to-assess": {"risque non évalué", "risk not assessed"},
	}
	verificationWords = words{
		"unconfirmed": {"non confirmée", "unconfirmed"},
		"presumed":    {"présumée", "presumed"},
		"confirmed":   {"confirmée", "confirmed"},
		"refuted":     {"écartée", "refuted"},
	}
	allergyStatusWords = words{
		"active":   {"active", "active"},
		"inactive": {"inactive", "inactive"},
		"resolved": {"résolue", "resolved"},
	}
	allergyBasisWords = words{
		"reported":  {"dite par le patient ou l'entourage", "reported by the patient or family"},
		"test":      {"d'après un test", "from a test"},
		"challenge": {"d'après une réintroduction", "from a challenge"},
		"record":    {"d'après le dossier", "from the record"},
	}
	severityWords = words{
		"mild":             {"légère", "mild"},
		"moderate":         {"modérée", "moderate"},
		"severe":           {"SÉVÈRE", "SEVERE"},
		"life-threatening": {"MENACE VITALE", "LIFE-THREATENING"},
		"fatal":            {"MORTELLE", "FATAL"},
	}
	lateralityWords = words{
		// "Côté" agrees with whatever it follows, "droit" does not.
		"left":      {"côté gauche", "left side"},
		"right":     {"côté droit", "right side"},
		"bilateral": {"des deux côtés", "both sides"},
		"both":      {"des deux côtés", "both sides"},
	}
	// The spelled-out period of a dose. An empty wording is a daily one, which needs none.
	periodWords = words{
		"day":   {"chaque jour", "every day"},
		"week":  {"PAR SEMAINE", "PER WEEK"},
		"month": {"PAR MOIS", "PER MONTH"},
		"other": {"AUTRE RYTHME", "OTHER SCHEDULE"},
	}
	weekdayWords = words{
		"mon": {"LUNDI", "MONDAY"}, "monday": {"LUNDI", "MONDAY"},
		"tue": {"MARDI", "TUESDAY"}, "tuesday": {"MARDI", "TUESDAY"},
		"wed": {"MERCREDI", "WEDNESDAY"}, "wednesday": {"MERCREDI", "WEDNESDAY"},
		"thu": {"JEUDI", "THURSDAY"}, "thursday": {"JEUDI", "THURSDAY"},
		"fri": {"VENDREDI", "FRIDAY"}, "friday": {"VENDREDI", "FRIDAY"},
		"sat": {"SAMEDI", "SATURDAY"}, "saturday": {"SAMEDI", "SATURDAY"},
		"sun": {"DIMANCHE", "SUNDAY"}, "sunday": {"DIMANCHE", "SUNDAY"},
	}
	medicationStatusWords = words{
		"active":    {"en cours", "active"},
		"on-hold":   {"suspendu", "on hold"},
		"stopped":   {"arrêté", "stopped"},
		"completed": {"terminé", "completed"},
		"unknown":   {"statut inconnu", "status unknown"},
		"intended":  {"prévu", "intended"},
		"not-taken": {"non pris", "not taken"},
	}
	medicationOriginWords = words{
		"prescribed": {"prescrit", "prescribed"},
		"dispensed":  {"délivré", "dispensed"},
		"otc":        {"SANS ORDONNANCE", "WITHOUT PRESCRIPTION"},
		"hospital":   {"hôpital", "hospital"},
		"reported":   {"dit par le patient", "reported by the patient"},
	}
	conditionKindWords = words{
		"disease":   {"maladie", "disease"},
		"procedure": {"intervention", "procedure"},
		"family":    {"FAMILLE", "FAMILY"},
		"other":     {"autre", "other"},
	}
	conditionStatusWords = words{
		"active":     {"en cours", "active"},
		"remission":  {"rémission", "remission"},
		"resolved":   {"résolu", "resolved"},
		"recurrence": {"récidive", "recurrence"},
		"relapse":    {"rechute", "relapse"},
		"inactive":   {"inactif", "inactive"},
	}
	certaintyWords = words{
		"suspected":    {"SUSPECTÉ", "SUSPECTED"},
		"confirmed":    {"confirmé", "confirmed"},
		"unconfirmed":  {"NON CONFIRMÉ", "UNCONFIRMED"},
		"provisional":  {"PROVISOIRE", "PROVISIONAL"},
		"differential": {"DIAGNOSTIC DIFFÉRENTIEL", "DIFFERENTIAL DIAGNOSIS"},
		"refuted":      {"ÉCARTÉ", "REFUTED"},
	}
	measurementKindWords = words{
		"weight":        {"poids", "weight"},
		"height":        {"taille", "height"},
		"egfr":          {"DFG estimé", "eGFR"},
		"creatinine":    {"créatinine", "creatinine"},
		"inr":           {"INR", "INR"},
		"hba1c":         {"HbA1c", "HbA1c"},
		"lvef":          {"FEVG", "LVEF"},
		"spo2-baseline": {"SpO2 de base", "baseline SpO2"},
		"ecg":           {"ECG", "ECG"},
		"blood-group":   {"groupe sanguin", "blood group"},
		"other":         {"autre mesure", "other measurement"},
	}
	directiveKindWords = words{
		"advance-directive": {"directives anticipées", "advance directive"},
		"refusal":           {"refus", "refusal"},
		"treatment-limit":   {"limitation de traitement", "treatment limit"},
		"organ-donation":    {"don d'organes", "organ donation"},
		"other":             {"autre directive", "other directive"},
	}
	// The refusals have their own wordings: "de" is elided before a vowel.
	refusalWords = words{
		"transfusion":   {"refus de transfusion", "refusal of transfusion"},
		"resuscitation": {"refus de réanimation", "refusal of resuscitation"},
		"intubation":    {"refus d'intubation", "refusal of intubation"},
		"other":         {"refus", "refusal"},
	}
	directiveSubjectWords = words{
		"transfusion":   {"transfusion", "transfusion"},
		"resuscitation": {"réanimation", "resuscitation"},
		"intubation":    {"intubation", "intubation"},
		"other":         {"autre", "other"},
	}
	positionWords = words{
		"opposed":     {"OPPOSÉ", "OPPOSED"},
		"not-opposed": {"non opposé", "not opposed"},
		"unknown":     {"position inconnue", "position unknown"},
	}
	contactKindWords = words{
		"emergency":          {"à prévenir", "in an emergency"},
		"trusted-person":     {"personne de confiance", "trusted person"},
		"guardian":           {"représentant légal", "legal guardian"},
		"treating-physician": {"médecin traitant", "treating physician"},
		"specialist-centre":  {"centre spécialisé", "specialist centre"},
	}
	sexWords = words{
		"female":  {"FEMME", "FEMALE"},
		"male":    {"HOMME", "MALE"},
		"other":   {"SEXE : AUTRE", "SEX: OTHER"},
		"unknown": {"SEXE INCONNU", "SEX UNKNOWN"},
	}
	identityStatusWords = words{
		"provisional": {"identité provisoire", "provisional identity"},
		"retrieved":   {"identité récupérée", "retrieved identity"},
		"validated":   {"identité validée", "validated identity"},
		"qualified":   {"identité qualifiée", "qualified identity"},
	}
	systemWords = words{
		"ins-nir": {"INS (NIR)", "INS (NIR)"},
		"ins-nia": {"INS (NIA)", "INS (NIA)"},
	}
	sectionStatusWords = words{
		"items":       {"RENSEIGNÉ", "RECORDED"},
		"none-known":  {"AUCUN CONNU", "NONE KNOWN"},
		"not-asked":   {"NON DEMANDÉ", "NOT ASKED"},
		"unavailable": {"NON DISPONIBLE", "NOT AVAILABLE"},
	}
	informantWords = words{
		"patient":  {"selon le patient", "according to the patient"},
		"relative": {"selon un proche", "according to a relative"},
		"record":   {"selon le dossier", "according to the record"},
	}
	sourceWords = words{
		"diagnosed": {"constaté", "diagnosed"},
		"reported":  {"rapporté, non constaté", "reported, not observed"},
		"imported":  {"importé d'un autre dossier", "imported from another record"},
	}
	levelWords = words{
		"open":     {"ouvert", "open"},
		"care":     {"soins", "care"},
		"clinical": {"clinique", "clinical"},
		"masked":   {"MASQUÉ À D'AUTRES PAR LE PATIENT", "HIDDEN FROM OTHERS BY THE PATIENT"},
	}
	roleWords = words{
		"physician":  {"médecin", "physician"},
		"pharmacist": {"pharmacien(ne)", "pharmacist"},
		"nurse":      {"infirmier(e)", "nurse"},
		"midwife":    {"sage-femme", "midwife"},
		"dentist":    {"chirurgien-dentiste", "dentist"},
		"patient":    {"patient", "patient"},
		"relative":   {"proche", "relative"},

		"emergency":       {"urgences", "emergency"},
		"first-responder": {"premiers secours", "first responder"},
	}
	// keyWords are whose key it is, where it belongs to no role.
	keyWords = words{
		"practice": {"cabinet", "practice"},
		"recovery": {"clé de secours du patient", "the patient's recovery key"},
	}
	// Languages of the people most often met; any other is shown by its tag.
	languageWords = words{
		"ar": {"arabe", "Arabic"}, "de": {"allemand", "German"}, "en": {"anglais", "English"}, "es": {"espagnol", "Spanish"},
		"fr": {"français", "French"}, "fsl": {"langue des signes française", "French sign language"}, "it": {"italien", "Italian"},
		"pl": {"polonais", "Polish"}, "pt": {"portugais", "Portuguese"}, "ro": {"roumain", "Romanian"}, "ru": {"russe", "Russian"},
		"tr": {"turc", "Turkish"}, "uk": {"ukrainien", "Ukrainian"}, "zh": {"chinois", "Chinese"},
	}
	// reasonWords are the reason codes of the verdicts, as much as a person at a bedside needs of each.
	reasonWords = words{
		"ok":                         {"la signature est vérifiée", "the signature is verified"},
		"trust-outdated":             {"données de confiance périmées, une révocation récente peut manquer", "trust data out of date, a recent revocation may be missing"},
		"no-trust-data":              {"ce poste n'a aucune donnée de confiance", "this workstation has no trust data"},
		"issuer-unknown":             {"l'autorité du signataire est inconnue de ce poste", "this workstation does not know the signer's authority"},
		"clock":                      {"les dates ne concordent pas avec l'horloge de ce poste", "the dates do not agree with this workstation's clock"},
		"signature":                  {"contenu ou signature modifiés", "content or signature changed"},
		"recipients":                 {"quelqu'un a changé pour qui la carte est scellée", "somebody changed for whom the card is sealed"},
		"level-damaged":              {"partie signée absente ou modifiée", "a signed part is missing or changed"},
		"content":                    {"le contenu signé n'est pas une synthèse lisible par cette version", "what was signed is not a summary that this version can read"},
		"certificate":                {"le certificat du signataire ne convient pas", "the signer's certificate is not fit for this"},
		"certificate-not-valid-then": {"le certificat n'était pas valable à la date de signature", "the certificate was not valid at the time of signing"},
		"role":                       {"le signataire n'a pas le droit d'écrire cette synthèse", "the signer's role does not allow writing this summary"},
		"issuer-distrusted":          {"l'autorité du signataire n'est plus reconnue", "the signer's authority is no longer trusted"},
		"trust-damaged":              {"les données de confiance de ce poste sont endommagées", "the trust data of this workstation is damaged"},
		"key-compromised":            {"la clé du signataire a été volée depuis : n'importe qui a pu signer en antidatant", "the signer's key was stolen since: anybody may have signed with an earlier date"},
		"revoked":                    {"le certificat du signataire était révoqué", "the signer's certificate was revoked"},
		"no-key":                     {"aucune clé de ce poste n'ouvre cette carte", "no key of this workstation opens this card"},
		"newer-format":               {"ajout écrit par une version plus récente de secours", "an amendment written by a newer version of secours"},
		"unsealed":                   {"écrite sans être scellée, ce que seule une carte simulée peut être", "written unsealed, which only a simulated card may be"},
		"fork":                       {"écrit sur un autre état que celui de la carte", "written on another state than that of the card"},
		"author":                     {"il porte la marque d'un autre auteur", "it bears another author's mark"},
		"superseded":                 {"remplacé par son auteur, puis remis sur la carte", "replaced by its author, then put back on the card"},
		"target":                     {"il parle d'un élément qui n'est pas sur la carte", "it speaks of an item that is not on the card"},
	}
)

// language shows a language by name, its tag beside it.
func (l lang) language(tag string) string {
	if p, ok := languageWords[tag]; ok {
		return l.p(p) + " (" + tag + ")"
	}
	return tag
}

// sectionWords are the titles of the sections, what "none known" says of each, and the participle of their review, which agrees
// with the title in French.
var sectionWords = map[string]struct{ title, none, reviewed pair }{
	"alerts":       {pair{"POINTS DE VIGILANCE", "POINTS OF ATTENTION"}, pair{"AUCUN POINT DE VIGILANCE CONNU", "NO KNOWN POINT OF ATTENTION"}, pair{"revus", "reviewed"}},
	"allergies":    {pair{"ALLERGIES", "ALLERGIES"}, pair{"AUCUNE ALLERGIE CONNUE", "NO KNOWN ALLERGY"}, pair{"revues", "reviewed"}},
	"medications":  {pair{"MÉDICAMENTS", "MEDICATIONS"}, pair{"AUCUN MÉDICAMENT CONNU", "NO KNOWN MEDICATION"}, pair{"revus", "reviewed"}},
	"history":      {pair{"ANTÉCÉDENTS", "HISTORY"}, pair{"AUCUN ANTÉCÉDENT CONNU", "NO KNOWN HISTORY"}, pair{"revus", "reviewed"}},
	"measurements": {pair{"MESURES", "MEASUREMENTS"}, pair{"AUCUNE MESURE CONNUE", "NO KNOWN MEASUREMENT"}, pair{"revues", "reviewed"}},
	"vaccinations": {pair{"VACCINATIONS", "VACCINATIONS"}, pair{"AUCUNE VACCINATION CONNUE", "NO KNOWN VACCINATION"}, pair{"revues", "reviewed"}},
	"visits":       {pair{"CONSULTATIONS ET SÉJOURS", "VISITS"}, pair{"AUCUNE CONSULTATION RÉCENTE CONNUE", "NO KNOWN RECENT VISIT"}, pair{"revues", "reviewed"}},
	"directives":   {pair{"DIRECTIVES", "DIRECTIVES"}, pair{"AUCUNE DIRECTIVE CONNUE", "NO KNOWN DIRECTIVE"}, pair{"revues", "reviewed"}},
	"contacts":     {pair{"PERSONNES À APPELER", "PEOPLE TO CALL"}, pair{"AUCUNE PERSONNE À APPELER CONNUE", "NO KNOWN PERSON TO CALL"}, pair{"revues", "reviewed"}},
}
