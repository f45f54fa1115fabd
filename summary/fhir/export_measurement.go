package fhir

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

// loincOf are the codes that measurements are written with.
var loincOf = map[summary.MeasurementKind]struct{ code, section string }{
	summary.MeasureWeight: {"29463-7", "8716-3"},
	summary.MeasureHeight: {"8302-2", "8716-3"},
	// By which formula it was estimated, a summary does not say.
	summary.MeasureEGFR:         {"69405-9", "30954-2"},
	summary.MeasureCreatinine:   {"2160-0", "30954-2"},
	summary.MeasureINR:          {"6301-6", "30954-2"},
	summary.MeasureHbA1c:        {"4548-4", "30954-2"},
	summary.MeasureLVEF:         {"10230-1", "30954-2"},
	summary.MeasureSpO2Baseline: {"59408-5", "8716-3"},
	summary.MeasureECG:          {"11524-6", "30954-2"},
	summary.MeasureBloodGroup:   {"882-1", "30954-2"},
}

func (x *exporter) measurementName(k summary.MeasurementKind) string {
	words, ok := map[summary.MeasurementKind][2]string{
		summary.MeasureWeight: {"poids", "weight"}, summary.MeasureHeight: {"taille", "height"}, summary.MeasureEGFR: {"DFG estimé", "eGFR"},
		summary.MeasureCreatinine: {"créatinine", "creatinine"}, summary.MeasureINR: {"INR", "INR"}, summary.MeasureHbA1c: {"HbA1c", "HbA1c"},
		summary.MeasureLVEF: {"FEVG", "LVEF"}, summary.MeasureSpO2Baseline: {"SpO2 habituelle", "usual SpO2"}, summary.MeasureECG: {"ECG", "ECG"},
		summary.MeasureBloodGroup: {"groupe sanguin, sans valeur transfusionnelle", "blood group, not valid for transfusion"},
	}[k]
	if !ok {
		return x.word("autre mesure", "other measurement")
	}
	return x.word(words[0], words[1])
}

func (x *exporter) measurements() {
	s := x.s.Sections.Measurements
	if s == nil {
		return
	}
	if s.Status != summary.StatusItems {
		x.path = "sections.measurements"
		x.lose(summary.LossDropped, summary.ReasonNoPlace, true, "status", string(s.Status))
	}
	for i := range s.Items {
		m := &s.Items[i]
		url, r := x.begin("measurements", "Observation", i, &m.Common)
		l := loincOf[m.Kind]
		switch {
		case m.Kind == summary.MeasureCreatinine && strings.Contains(m.Unit, "mol"):
			l.code = "14682-9"
		case m.Kind == summary.MeasureHbA1c && strings.Contains(m.Unit, "mol"):
			l.code = "59261-8"
		case l.code == "":
			l.section = "30954-2"
		}
		codes := list(coding(sysMeasurementKind, string(m.Kind), ""))
		if l.code != "" {
			codes = append(list(coding(sysLOINC, l.code, "")), codes...)
		}
		category, label := "laboratory", "Laboratory"
		switch {
		case l.section == "8716-3":
			category, label = "vital-signs", "Vital Signs"
		case m.Kind == summary.MeasureECG || m.Kind == summary.MeasureLVEF:
			category, label = "exam", "Exam"
		}
		r.put("status", "final").put("category", list(codeable("http://terminology.hl7.org/CodeSystem/observation-category", category, label))).
			put("code", obj().put("coding", codes).put("text", x.measurementName(m.Kind))).put("subject", reference(x.patient))
		dated(r, "effectiveDateTime", m.Date)
		by := m.By
		if m.Laboratory != "" {
			by = summary.Author{Org: m.Laboratory}
		}
		r.put("performer", list(reference(x.agent(by))))
		if value, rest, ok := number(m.Value.Text); ok && rest == "" {
			r.put("valueQuantity", quantity(value, m.Unit))
		} else {
			r.put("valueString", join(" ", m.Value.Text, m.Unit))
		}
		r.put("note", x.notesOf(&m.Common, m.Note))
		x.without(&summary.Common{Recorded: m.Recorded}, !m.Recorded.IsZero())
		x.add(l.section, url, r, x.line(&m.Common, x.measurementName(m.Kind), join(" ", m.Value.Text, m.Unit), date(m.Date), m.Laboratory, m.Note))
	}
}
