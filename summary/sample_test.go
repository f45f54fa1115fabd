package summary

// sample is a realistic French summary: a weekly dose, a refuted allergy, a stopped drug, a refusal of transfusion, items of
// several levels.
const sample = `{
  "schema": "secours.summary/1",
  "language": "fr",
  "patient": {
    "ids": [{"system": "ins-nir", "value": "248123726100456"}],
    "identityStatus": "qualified",
    "family": "DURAND", "given": ["Jeanne", "Marie"], "usedFamily": "MARTIN",
    "birthDate": "1948-12-03", "sex": "female", "birthPlace": "Tours", "birthPlaceCode": "37261"
  },
  "consent": {"date": "2026-11-02", "by": "patient", "emergencyAccess": true},
  "sections": {
    "alerts": {
      "status": "items", "reviewed": "2026-11-02",
      "items": [
        {"kind": "anticoagulant", "priority": "critical", "text": "apixaban, fibrillation atriale", "since": "2021"},
        {"kind": "adrenal-insufficiency", "priority": "critical", "text": "insuffisance surrénale chronique", "action": "hydrocortisone 100 mg IV ou IM si choc"},
        {"kind": "implant", "priority": "critical", "text": "stimulateur cardiaque, CHU Tours", "mri": "conditional", "since": "2019"},
        {"kind": "limb-restriction", "priority": "important", "text": "fistule : ni ponction, ni tension", "laterality": "gauche"},
        {"kind": "pregnancy", "text": "sans objet", "level": "masked"}
      ]
    },
    "allergies": {
      "status": "items", "reviewed": "2026-11-02", "informant": "patient", "noneKnown": ["food"],
      "items": [
        {"agent": {"text": "amoxicilline", "codes": [{"system": "atc", "code": "J01CA04"}]}, "category": "medication", "type": "allergy", "reactions": [{"text": "anaphylaxie"}], "criticality": "high", "verification": "confirmed", "onset": "2012"},
        {"agent": {"text": "latex"}, "category": "latex", "reactions": [{"text": "urticaire"}], "verification": "unconfirmed", "basis": "reported"},
        {"agent": {"text": "iode"}, "category": "contrast", "verification": "refuted", "basis": "test", "lastReaction": "2020"}
      ]
    },
    "medications": {
      "status": "items", "reviewed": "2026-11-02",
      "items": [
        {"product": {"text": "méthotrexate 2,5 mg", "codes": [{"system": "atc", "code": "L04AX03"}]}, "dosage": {"text": "4 comprimés le lundi, 1 fois par semaine", "unit": "comprimé", "period": "week", "weekdays": ["mon"]}, "status": "active", "highRisk": true},
        {"product": {"text": "apixaban 5 mg (ELIQUIS)", "codes": [{"system": "cis", "code": "61876780"}]}, "dosage": {"unit": "comprimé", "morning": "1", "evening": "1", "period": "day"}, "status": "active", "longTerm": true, "start": "2021-03"},
        {"product": {"text": "hydrocortisone 10 mg", "codes": [{"system": "atc", "code": "H02AB09"}]}, "dosage": {"unit": "comprimé", "morning": "1", "noon": "1/2", "period": "day"}, "status": "active"},
        {"product": {"text": "bisoprolol 2,5 mg"}, "dosage": {"morning": "1", "period": "day"}, "status": "active"},
        {"product": {"text": "amiodarone 200 mg"}, "status": "stopped", "end": "2026-10-01", "stopReason": "dysthyroïdie"}
      ]
    },
    "history": {
      "status": "items", "reviewed": "2026-11-02",
      "items": [
        {"condition": {"text": "fibrillation atriale", "codes": [{"system": "cim10", "code": "I48"}]}, "kind": "disease", "status": "active", "onset": "2021"},
        {"condition": {"text": "polyarthrite rhumatoïde", "codes": [{"system": "cim10", "code": "M05"}]}, "kind": "disease", "status": "active", "onset": "2008"},
        {"condition": {"text": "prothèse totale de hanche"}, "kind": "procedure", "onset": "2015-06", "laterality": "droite"},
        {"condition": {"text": "dépression"}, "kind": "disease", "status": "resolved", "onset": "1999", "level": "masked"},
        {"condition": {"text": "infarctus du myocarde, père"}, "kind": "family"}
      ]
    },
    "measurements": {
      "status": "items",
      "items": [
        {"kind": "weight", "value": 62, "unit": "kg", "date": "2026-11-02"},
        {"kind": "egfr", "value": 54, "unit": "mL/min/1,73 m²", "date": "2026-10-12"},
        {"kind": "blood-group", "value": "O positif", "date": "2019", "laboratory": "EFS Centre"}
      ]
    },
    "vaccinations": {
      "status": "items",
      "items": [
        {"vaccine": {"text": "grippe"}, "date": "2026-10-15"},
        {"vaccine": {"text": "dTP"}, "date": "2018"}
      ]
    },
    "visits": {
      "status": "items",
      "items": [
        {"date": "2026-11-02", "reason": {"text": "renouvellement de traitement"}},
        {"date": "2026-09-14", "reason": {"text": "dyspnée d'effort"}, "conclusion": {"text": "poussée d'insuffisance cardiaque"}}
      ]
    },
    "directives": {
      "status": "items",
      "items": [
        {"kind": "refusal", "subject": "transfusion", "position": "opposed", "text": "refus écrit du 10/01/2024", "location": "original à domicile", "date": "2024-01-10", "level": "care"},
        {"kind": "advance-directive", "location": "dossier du médecin traitant", "date": "2023"}
      ]
    },
    "contacts": {
      "status": "items",
      "items": [
        {"name": "Pierre MARTIN", "relationship": "époux", "phones": ["06 12 34 56 78"], "kind": "trusted-person", "priority": 1},
        {"name": "Dr Paul LEROY", "phones": ["+33 2 47 00 00 00"], "kind": "treating-physician"}
      ]
    }
  }
}`
