package main

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

// top writes who this is about, how far it can be believed, how old it is, and what of it is lost.
func (r *renderer) top(s *screen, way layout) {
	l, v := r.l, r.v
	if !v.Verdict.good() {
		r.alarm(s)
	}
	switch {
	case r.named():
		r.identity(s, &v.Summary.Patient)
		if !way.late {
			r.checkPatient(s)
		}
	case v.keyless():
		s.flow("", plain, new(phrase).add(strong, l.s("IDENTITÉ SCELLÉE", "IDENTITY SEALED")).add(plain, l.s(
			" : rien de lisible ne dit à qui est cette carte.", ": nothing that can be read says whose card this is.")), indent)
	default:
		s.flow("", plain, new(phrase).add(danger, l.s("SYNTHÈSE ILLISIBLE : aucune donnée du patient n'a pu être lue.",
			"SUMMARY UNREADABLE: no data about the patient could be read.")), indent)
	}
	if !way.bare {
		r.signature(s)
		r.signedOn(s)
	}
	if v.Older {
		s.entry(critical, new(phrase).add(danger, l.s("PLUS ANCIENNE QUE CE QUE CE POSTE A DÉJÀ LU SUR CETTE CARTE",
			"OLDER THAN WHAT THIS WORKSTATION HAS READ FROM THIS CARD BEFORE")))
	}
	if v.NewerLost {
		s.entry(critical, new(phrase).add(danger, l.s("CE N'EST PAS LA DERNIÈRE SYNTHÈSE : une plus récente est sur la carte, illisible.",
			"THIS IS NOT THE LAST SUMMARY: a newer one is on the card, unreadable.")))
	}
	if len(v.Damaged) > 0 {
		p := new(phrase).add(danger, l.s("CARTE EN PARTIE ILLISIBLE : il manque ", "CARD PARTLY UNREADABLE: missing: "))
		var parts []string
		for _, level := range v.Damaged {
			parts = append(parts, r.levelContent(level))
		}
		p.add(danger, strings.Join(parts, " ; ")+".")
		s.entry(critical, p)
	}
}

// named tells a reading that says whose card this is.
func (r *renderer) named() bool {
	return r.v.Summary != nil && (!r.v.keyless() || r.v.Summary.Patient.Family != "")
}

func (r *renderer) checkPatient(s *screen) {
	if r.named() {
		s.flow("  ", plain, new(phrase).add(plain, r.l.s(
			"Vérifier que la carte est bien celle de ce patient.",
			"Check that the card is this patient's.",
		)), indent)
	}
}

// caveats are what is to be known of the reading as a whole before its content is relied on.
func (r *renderer) caveats(s *screen) {
	l, v := r.l, r.v
	r.amendmentsAtTop(s)
	if v.Unconfirmed {
		s.entry(important, new(phrase).add(strong, l.s(
			"ÉCRITURE NON TERMINÉE : à faire réécrire par son auteur.",
			"UNFINISHED WRITE: have its author write it again.",
		)))
	}
	if d := v.Dropped; d != nil {
		p := new(phrase).add(caution, l.s("ÉCRITE SANS LIRE TOUT CE QUI PRÉCÉDAIT", "WRITTEN WITHOUT READING ALL THAT WAS THERE BEFORE")).
			add(plain, " ("+r.lost(d.Level)+")"+l.colon())
		if d.Reason != "" {
			p.add(plain, l.quote(d.Reason))
		} else {
			p.add(plain, l.s("motif non indiqué", "no reason stated"))
		}
		s.entry(important, p)
	}
	if v.StolenKey != "" {
		s.entry(important, new(phrase).add(caution, l.s("SCELLÉE POUR UNE CLÉ DÉCLARÉE VOLÉE", "SEALED FOR A KEY REPORTED STOLEN")).
			add(plain, " ("+r.reader(v.StolenKey)+")"))
	}
	r.readWith(s)
	if v.possiblyMasked() {
		s.flow("", plain, new(phrase).add(caution, l.s("PEUT ÊTRE INCOMPLET", "MAY BE INCOMPLETE")).
			add(plain, l.s(" : le patient peut avoir masqué des éléments.", ": the patient may have hidden some items.")), indent)
	}
	demo := new(phrase)
	if v.Unsealed {
		demo.add(caution, l.s("NON SCELLÉ — DÉMONSTRATION", "NOT SEALED — DEMONSTRATION ONLY"))
	}
	if v.DemoKeys {
		if !demo.empty() {
			demo.add(plain, "  ")
		}
		demo.add(caution, l.s("CLÉS DE DÉMONSTRATION : ne prouvent rien", "DEMONSTRATION KEYS: they prove nothing"))
	}
	if !demo.empty() {
		s.flow("", plain, demo, indent)
	}
}

// readWith says with which right the card is read, and what that right does not reach.
func (r *renderer) readWith(s *screen) {
	l, v := r.l, r.v
	p := new(phrase)
	unreadable := v.inState(amendmentUnreadable)
	switch {
	case v.keyless():
		p.add(caution, l.s("LU SANS CLÉ", "READ WITHOUT A KEY")).add(plain, l.s(
			" : seul est visible ce que le patient laisse ouvert à tous ; le reste est scellé",
			": only what the patient leaves open to everybody is visible; the rest is sealed",
		))
		if unreadable > 0 {
			p.add(plain, l.s(", dont ", ", with ")+l.count(unreadable, pair{"ajout", "amendment"}, pair{"ajouts", "amendments"}))
		}
		s.flow("", plain, p.add(plain, "."), indent)
		return
	case v.Unsealed, v.Clearance <= 0:
	case v.Reader == "":
		p.add(strong, l.s("LU AVEC UNE CLÉ", "READ WITH A KEY")).add(plain, " ("+r.reach(v.Clearance)+")")
	default:
		p.add(strong, l.s("LU AVEC LA CLÉ : ", "READ WITH THE KEY OF: ")).add(plain, r.reader(v.Reader)+" ("+r.reach(v.Clearance)+")")
	}
	var hidden []string
	for _, name := range screenOrder {
		if seen := r.seen(name); seen.Visible == visibleNone && seen.Reason == "role" {
			hidden = append(hidden, strings.ToLower(l.p(sectionWords[name].title)))
		}
	}
	if len(hidden) > 0 {
		if !p.empty() {
			p.add(plain, l.s(" ; ", "; "))
		}
		p.add(plain, l.s("non visibles : ", "not visible: ")+strings.Join(hidden, ", "))
	}
	if unreadable > 0 {
		if !p.empty() {
			p.add(plain, l.s(" ; ", "; "))
		}
		why := l.s(" au-dessus de ce que cette clé peut lire", " above what this key can read")
		if v.clearance() >= 3 {
			why = l.s(" illisible : endommagé, ou d'une version plus récente", " unreadable: damaged, or of a newer version")
		}
		p.add(caution, l.count(unreadable, pair{"ajout", "amendment"}, pair{"ajouts", "amendments"})+why)
	}
	if !p.empty() {
		s.flow("", plain, p, indent)
	}
}

// screenOrder is the order of need, that of blocks.
var screenOrder = [...]string{
	"alerts", "allergies", "medications", "measurements", "vaccinations", "history", "contacts", "directives", "visits",
}

// reader is the role of a key.
func (r *renderer) reader(role string) string {
	if p, ok := keyWords[role]; ok {
		return r.l.p(p)
	}
	return word(r.l, roleWords, role)
}

// reach is what a clearance opens, in a word.
func (r *renderer) reach(clearance int) string {
	switch clearance {
	case 1:
		return r.l.s("niveau soins", "care level")
	case 2:
		return r.l.s("niveau clinique", "clinical level")
	}
	return r.l.s("tous les niveaux", "all levels")
}

// lost is what a writer did not read who could not read a level.
func (r *renderer) lost(level int) string {
	switch level {
	case 3:
		return r.l.s("niveau masqué perdu", "masked level lost")
	case 2:
		return r.l.s("niveaux clinique et masqué perdus", "clinical and masked levels lost")
	case 1:
		return r.l.s("niveaux soins, clinique et masqué perdus", "care, clinical and masked levels lost")
	}
	return r.l.s("tout est perdu", "all of it lost")
}

// alarm is the verdict when it is a bad one.
func (r *renderer) alarm(s *screen) {
	l := r.l
	text := l.s("NON VÉRIFIABLE", "NOT VERIFIABLE")
	if r.v.Verdict.Level == verdictInvalid {
		text = l.s("INVALIDE : NE PAS SE FIER À CES DONNÉES", "INVALID: DO NOT RELY ON THESE DATA")
	}
	s.flow("## ", alarm, new(phrase).add(alarm, text).add(alarm, l.colon()+r.reason(r.v.Verdict)), indent)
}

func (r *renderer) reason(v verdict) string {
	if p, ok := reasonWords[v.Code]; ok {
		return r.l.p(p)
	}
	switch code, text := v.Code, v.Text; {
	case text != "" && code != "":
		return text + " (" + code + ")"
	case text+code != "":
		return text + code
	}
	return r.l.s("raison inconnue", "unknown reason")
}

func (r *renderer) identity(s *screen, p *summary.Patient) {
	l := r.l
	id := new(phrase)
	if name := strings.TrimSpace(p.Family + " " + strings.Join(p.Given, " ")); name != "" {
		id.keep(strong, name)
	} else {
		id.keep(danger, l.s("NOM ILLISIBLE", "NAME UNREADABLE"))
	}
	switch {
	case p.UsedFamily != "":
		id.add(plain, l.s(" (nom utilisé : ", " (name used: ")+strings.TrimSpace(p.UsedFamily+" "+p.UsedGiven)+")")
	case p.UsedGiven != "":
		id.add(plain, l.s(" (prénom utilisé : ", " (given name used: ")+p.UsedGiven+")")
	}
	id.add(plain, "   ").keep(strong, word(l, sexWords, p.Sex))
	if p.Sex == "" {
		id.keep(strong, l.s("SEXE NON INDIQUÉ", "SEX NOT STATED"))
	}
	if age := l.age(p.BirthDate, r.now); age != "" {
		id.add(plain, "   ").keep(strong, age)
	}
	if p.BirthDate != (summary.Date{}) {
		born := l.s("né(e) ", "born ")
		switch p.Sex {
		case "female":
			born = l.s("née ", "born ")
		case "male":
			born = l.s("né ", "born ")
		}
		id.add(plain, "   ").keep(plain, born+l.on(p.BirthDate))
	}
	s.flow("", plain, id, indent)
}

// signature says who signed and on what the verdict rests.
func (r *renderer) signature(s *screen) {
	l, v := r.l, r.v
	p := new(phrase)
	switch v.Verdict.Level {
	case verdictValid, verdictStale:
		p.keep(strong, l.s("SIGNATURE VALIDE", "VALID SIGNATURE"))
	case verdictInvalid:
		p.keep(danger, l.s("SIGNATURE REFUSÉE", "SIGNATURE REJECTED"))
	default:
		p.keep(danger, l.s("SIGNATURE NON VÉRIFIÉE", "SIGNATURE NOT VERIFIED"))
	}
	p.add(plain, "  ")
	if who := r.person(v.Signer); who != "" {
		if !v.Verdict.good() {
			who = l.s("au nom de ", "in the name of ") + who
		}
		p.add(plain, who)
	} else if v.keyless() {
		p.add(plain, l.s("signataire scellé", "signer sealed"))
	} else {
		p.add(plain, l.s("signataire inconnu", "unknown signer"))
	}
	if v.OnBehalfOf != "" {
		p.add(plain, l.s(", pour ", ", for ")+v.OnBehalfOf)
	}
	if v.Verdict.good() {
		r.trust(p)
	}
	s.flow("", plain, p, indent)
}

// trust says how old the data are that the verdict rests on.
func (r *renderer) trust(p *phrase) {
	l, v := r.l, r.v
	p.add(plain, "   ")
	switch {
	case !v.Trust.Present:
		p.keep(caution, l.s("AUCUNE DONNÉE DE CONFIANCE", "NO TRUST DATA"))
	case v.Trust.Stale || v.Verdict.Level == verdictStale:
		p.keep(caution, l.s("CONFIANCE PÉRIMÉE", "TRUST DATA OUT OF DATE")+l.colon()+l.days(v.Trust.Days)+
			l.s(", une révocation récente peut manquer", ", a recent revocation may be missing"))
	case v.Trust.Days == 0:
		p.keep(plain, l.s("liste de confiance du jour", "trust list of today"))
	default:
		p.keep(plain, l.s("liste de confiance : ", "trust list: ")+l.days(v.Trust.Days))
	}
}

func (r *renderer) signedOn(s *screen) {
	l, v := r.l, r.v
	p := new(phrase)
	if v.Signed.IsZero() && v.keyless() {
		p.add(caution, l.s("DATE DE LA SYNTHÈSE SCELLÉE", "DATE OF THE SUMMARY SEALED"))
	} else if v.Signed.IsZero() {
		p.add(caution, l.s("DATE DE LA SYNTHÈSE INCONNUE", "DATE OF THE SUMMARY UNKNOWN"))
	} else {
		signed := v.Signed.In(r.now.Location())
		age := calendarDays(signed, r.now)
		p.keep(strong, l.s("SYNTHÈSE DU ", "SUMMARY OF ")+l.day(signed))
		switch {
		case age < 0:
			p.add(caution, l.s(" (DATE DANS LE FUTUR : vérifier l'horloge)", " (DATE IN THE FUTURE: check the clock)"))
		case age >= 365:
			p.add(caution, l.s(" (ANCIENNE : ", " (OLD: ")+l.days(age)+")")
		default:
			p.add(plain, " ("+l.days(age)+")")
		}
	}
	if !v.Verdict.good() {
		r.trust(p)
	}
	r.amended(p)
	s.flow("", plain, p, indent)
}

// levelContent says what a level of confidentiality holds by default, for whom it is missing.
func (r *renderer) levelContent(level int) string {
	switch level {
	case 0:
		return r.l.s("des éléments ouverts à tous", "items open to all")
	case 1:
		return r.l.s("identité, vigilance, allergies, médicaments", "identity, attention, allergies, medications")
	case 2:
		return r.l.s("antécédents, consultations, refus et directives", "history, visits, refusals and directives")
	}
	return r.l.s("les éléments masqués", "the hidden items")
}

// bottom says what was not asked, the rest of the identity, and a bad verdict once more.
func (r *renderer) bottom(s *screen, blocks []block) {
	l, v := r.l, r.v
	var titles []string
	for _, b := range blocks {
		if b.grouped {
			titles = append(titles, l.p(sectionWords[b.name].title))
		}
	}
	if len(titles) > 0 {
		why := l.s("NON DEMANDÉ", "NOT ASKED")
		if v.keyless() {
			why = l.s("SCELLÉ, des éléments peuvent exister", "SEALED, items may exist")
		}
		s.entry(important, new(phrase).add(caution, why+l.colon()).add(plain, strings.Join(titles, ", ")))
	}
	if v.Summary != nil && (!v.keyless() || v.Summary.Consent != nil || len(v.Summary.Patient.IDs) > 0) {
		s.header(l.s("IDENTITÉ ET CONSENTEMENT", "IDENTITY AND CONSENT")+r.warning(), "", r.headingStyle())
		r.identifiers(s, &v.Summary.Patient)
		r.consent(s, v.Summary.Consent)
	}
	if n := r.unknownMembers(); n > 0 {
		s.entry(important, new(phrase).add(strong, r.notShown(n)))
	}
	if !v.Verdict.good() {
		r.alarm(s)
		return
	}
	s.header(l.s("FIN DE LA SYNTHÈSE", "END OF THE SUMMARY"), "", heading)
}

func (r *renderer) identifiers(s *screen, p *summary.Patient) {
	l := r.l
	id := new(phrase)
	for _, i := range p.IDs {
		id.list(word(l, systemWords, i.System) + " " + i.Value)
	}
	if len(p.IDs) == 0 {
		id.list(l.s("aucun identifiant sur la carte", "no identifier on the card"))
	}
	id.list(word(l, identityStatusWords, p.IdentityStatus))
	if p.BirthPlace != "" || p.BirthPlaceCode != "" {
		place := p.BirthPlace
		if p.BirthPlaceCode != "" {
			place = strings.TrimSpace(place + " (" + p.BirthPlaceCode + ")")
		}
		id.list(l.s("lieu de naissance : ", "birthplace: ") + place)
	}
	s.entry(ordinary, id)
}

func (r *renderer) consent(s *screen, c *summary.Consent) {
	l := r.l
	p := new(phrase)
	if c == nil {
		s.entry(ordinary, p.add(plain, l.s("consentement : NON INDIQUÉ", "consent: NOT STATED")))
		return
	}
	p.add(plain, l.s("consentement ", "consent "))
	p.add(plain, l.on(c.Date))
	if c.Date == (summary.Date{}) {
		p.add(plain, l.s("non daté", "not dated"))
	}
	if who := r.author(c.By); who != "" {
		p.list(l.s("recueilli par ", "taken by ") + who)
	}
	if c.Scope != "" {
		p.list(l.quote(c.Scope))
	}
	switch c.EmergencyAccess {
	case summary.Yes:
		p.list(l.s("accès en urgence accepté", "emergency access accepted"))
	case summary.No:
		p.list(l.s("ACCÈS EN URGENCE REFUSÉ", "EMERGENCY ACCESS REFUSED"))
	}
	s.entry(ordinary, p)
}
