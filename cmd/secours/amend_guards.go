package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// checkAmendedMasking refuses to mask an alert or an allergy unless that was asked for, as write does.
func (a *app) checkAmendedMasking(content *summary.Amendment, allowed bool) error {
	var path string
	eachAdded(content, func(at, section string, common *summary.Common) {
		if path == "" && (section == "alerts" || section == "allergies") && common.Level == summary.LevelMasked {
			path = at + ".level"
		}
	})
	if path == "" || allowed {
		return nil
	}
	return a.maskedCritical(path)
}

// eachAdded calls f for every item that is added, with its path.
func eachAdded(content *summary.Amendment, f func(path, section string, common *summary.Common)) {
	last, i := "", 0
	content.Add.Each(func(section string, _ any, common *summary.Common) {
		if section != last {
			last, i = section, 0
		}
		f(fmt.Sprintf("add.%s[%d]", section, i), section, common)
		i++
	})
}

// amendable reads the record on the card, and refuses one that nobody should build on.
func (a *app) amendable(content *card.Content, reader record.Reader) (*record.Record, error) {
	l := a.lang
	r, err := readRecord(content, reader)
	switch {
	case err != nil:
		return nil, err
	case r.Verdict.Reason == record.ReasonNoKey:
		return nil, a.noClearance()
	case r.Verdict.Reason == record.ReasonUnsealed:
		return nil, &failure{
			code: exitNotAuthorised, name: "unsealed",
			message: l.s(
				"la synthèse n'est pas scellée, sur une vraie carte : rien ne peut y être ajouté",
				"the summary is not sealed, on a real card: nothing can be added to it",
			),
			hint: l.s("le médecin traitant la réécrit d'abord", "the treating physician writes it again first"),
		}
	case r.Verdict.Status == record.Invalid, r.Summary == nil:
		return nil, a.unreliable(r.Verdict.Reason)
	case content.NewerLost:
		return nil, &failure{
			code: exitInvalid, name: "partly-unreadable",
			message: l.s(
				"ce n'est pas la dernière synthèse : une plus récente est illisible ; rien n'a été écrit",
				"this is not the last summary: a newer one cannot be read; nothing was written",
			),
			hint: l.s("faites réécrire la synthèse sur une carte neuve", "have the summary written to a new card"),
		}
	case r.Verdict.Status == record.Unverifiable:
		a.note("%s%s", l.s(
			"attention : la synthèse que cela complète n'est pas vérifiée : ",
			"warning: the summary that this adds to is not verified: ",
		), a.reason(r.Verdict.Reason))
	}
	return r, nil
}

func (a *app) unreliable(reason record.Reason) *failure {
	return &failure{
		code: exitInvalid, name: "invalid",
		message: a.lang.s("ne pas se fier à ce qui est sur la carte : ", "do not rely on what is on the card: ") + a.reason(reason) +
			a.lang.s(" ; rien n'a été écrit", "; nothing was written"),
		hint: a.lang.s("faites réécrire la synthèse par le médecin traitant", "have the treating physician write the summary again"),
	}
}

// guardAmend compares the card with what the caller expects of it, and the amendment with what is there.
func (a *app) guardAmend(r *record.Record, who *trust.Signer, content *summary.Amendment, o amendOptions) error {
	l := a.lang
	if o.patient != "" && !slices.ContainsFunc(r.Summary.Patient.IDs, func(id summary.Identifier) bool {
		return o.patient == string(id.System)+":"+id.Value
	}) {
		return &failure{
			code: exitWrongPatient, name: "wrong-patient", path: "patient.ids",
			message: l.s(
				"la carte n'est pas celle du patient de --patient ; rien n'a été écrit",
				"the card is not that of the patient of --patient; nothing was written",
			),
			hint: l.s("vérifiez la carte", "check the card"),
		}
	}
	if err := a.checkHead(r, o.expectHead); err != nil {
		return err
	}
	if err := a.checkTargets(r.Summary, content); err != nil {
		return err
	}
	var refused *record.PermissionError
	if err := r.MaySay(who, content); errors.As(err, &refused) {
		return a.notAllowed(refused, content)
	}
	var above error
	eachAdded(content, func(path, section string, common *summary.Common) {
		if level := levelOfItem(section, common); above == nil && level.Rank() > r.Clearance {
			hint := l.s("--level choisit le niveau de l'ajout", "--level chooses the level of what is added")
			if common.Level == "" {
				hint = l.s("ce que ce rôle ne lit pas, le médecin le dit", "what this role does not read, the physician says it")
			}
			above = &failure{
				code: exitNotAuthorised, name: "clearance", path: path + ".level",
				message: fmt.Sprintf(l.s(
					"les clés de ce dossier ne vont pas jusqu'au niveau « %s » ; rien n'a été écrit",
					"the keys of this home do not reach the level \"%s\"; nothing was written",
				), level),
				hint: hint,
			}
		}
	})
	return above
}

// checkTargets refuses operations on items that are not there, as far as this reader can see. The id that was given is not repeated:
// it may be a drug's name.
func (a *app) checkTargets(s *summary.Summary, content *summary.Amendment) error {
	l := a.lang
	sections := map[string]string{}
	s.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			sections[section.Common(i).ID] = name
		}
	})
	content.Add.Each(func(section string, _ any, common *summary.Common) {
		if common.ID != "" {
			sections[common.ID] = section
		}
	})
	for _, t := range targets(content) {
		path := fmt.Sprintf("%s[%d].id", t.operation, t.index)
		section, found := sections[t.id]
		if !found {
			f := &failure{
				code: exitGeneral, name: "unknown-item", path: path, err: summary.ErrTarget,
				message: l.s(
					"aucun élément de ce numéro parmi ceux que ce rôle peut lire ; rien n'a été écrit",
					"no item with that id among those that this role can read; nothing was written",
				) + " (" + path + ")",
				hint: l.s("« secours read --json » donne les ID", "\"secours read --json\" gives the IDs"),
			}
			if near := nearIDs(sections, t.id); len(near) > 0 {
				f.hint = fmt.Sprintf(l.s("peut-être %s ? ", "perhaps %s? "), strings.Join(near, ", ")) + f.hint
			}
			return f
		}
		if t.medication && section != "medications" {
			return &failure{
				code: exitGeneral, name: "not-a-medication", path: path, err: summary.ErrTarget,
				message: l.s(
					"cet élément n'est pas un médicament ; rien n'a été écrit",
					"that item is not a medication; nothing was written",
				) + " (" + path + ")",
				hint: l.s("--annotate va avec tout élément", "--annotate goes with any item"),
			}
		}
	}
	return nil
}

// operationOn is an operation on an item.
type operationOn struct {
	operation  summary.Operation
	index      int
	id         string
	medication bool // it only makes sense of a medication
}

func targets(content *summary.Amendment) []operationOn {
	var list []operationOn
	for i := range content.Stop {
		list = append(list, operationOn{summary.OpStop, i, content.Stop[i].ID, true})
	}
	for i := range content.Annotate {
		list = append(list, operationOn{summary.OpAnnotate, i, content.Annotate[i].ID, false})
	}
	for i := range content.Taken {
		list = append(list, operationOn{summary.OpTaken, i, content.Taken[i].ID, true})
	}
	for i := range content.Dispensed {
		list = append(list, operationOn{summary.OpDispensed, i, content.Dispensed[i].ID, true})
	}
	for i := range content.Retract {
		list = append(list, operationOn{summary.OpRetract, i, content.Retract[i].ID, false})
	}
	return list
}

// nearIDs returns up to three ids that a slip of the pen turns into id.
func nearIDs(ids map[string]string, id string) []string {
	type near struct {
		id       string
		distance int
	}
	var list []near
	for other := range ids {
		if d := editDistance(strings.ToLower(id), strings.ToLower(other)); d <= 2 && d < len(other) {
			list = append(list, near{other, d})
		}
	}
	slices.SortFunc(list, func(x, y near) int { return cmp.Or(cmp.Compare(x.distance, y.distance), cmp.Compare(x.id, y.id)) })
	var out []string
	for _, n := range list[:min(3, len(list))] {
		out = append(out, n.id)
	}
	return out
}

// editDistance is Levenshtein's, in bytes; ids are short and ASCII.
func editDistance(s, t string) int {
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(s) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(t) {
			d := diagonal
			if s[i] != t[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(t)]
}

// noRoomToAmend says what can be done where an amendment does not fit: a new base takes the amendments up, without their frames.
func (a *app) noRoomToAmend(missing int) *failure {
	return &failure{
		code: exitNoSpace, name: "no-space", err: &card.NoSpaceError{},
		message: fmt.Sprintf(a.lang.s(
			"l'ajout ne tient pas sur la carte : il manque %d octets ; rien n'a été écrit",
			"the amendment does not fit on the card: %d bytes are missing; nothing was written",
		), missing),
		hint: a.lang.s(
			"un médecin qui réécrit la synthèse en y reprenant les ajouts fait de la place (write --amendments accept)",
			"a physician who writes the summary again and accepts the amendments makes room (write --amendments accept)",
		),
	}
}

// amendFailure explains what record.Amend refuses.
func (a *app) amendFailure(err error, content *summary.Amendment, capacity int) error {
	var size *record.SizeError
	var refused *record.PermissionError
	switch {
	case errors.As(err, &size):
		return a.noRoomToAmend(size.Size - capacity)
	case errors.As(err, &refused):
		return a.notAllowed(refused, content)
	case errors.Is(err, record.ErrClearance):
		return a.noClearance()
	case errors.As(err, new(*summary.PathError)):
		return a.amendmentFailure(err)
	}
	return err
}

// notAllowed says what a role may not do, and who may.
func (a *app) notAllowed(e *record.PermissionError, content *summary.Amendment) *failure {
	l := a.lang
	what := word(l, permissionWords, e.Operation)
	if s, ok := sectionWords[e.Section]; ok {
		what += ", " + strings.ToLower(l.p(s.title))
	}
	f := &failure{
		code: exitNotAuthorised, name: "role", err: e,
		message: fmt.Sprintf(l.s(
			"le rôle « %s » ne permet pas cela : %s ; rien n'a été écrit",
			"the role %s does not allow this: %s; nothing was written",
		), word(l, roleWords, e.Role), what),
		hint: l.s("le médecin le dit, dans la synthèse ou par « secours amend »", "the physician says it, in the summary or with \"secours amend\""),
	}
	switch {
	case e.Operation == summary.OpRetract:
		f.hint = l.s(
			"seul qui a ajouté un élément le retire ; --annotate le commente",
			"only who added an item withdraws it; --annotate comments on it",
		)
	case e.Section == "medications" && (e.Operation == summary.OpAdd || e.Operation == summary.OpStop):
		f.hint = l.s(
			"ce qui est prescrit est l'affaire du prescripteur ; --taken et --annotate disent ce que vous avez constaté",
			"what was prescribed is for the prescriber; --taken and --annotate say what you found",
		)
	case e.Section == "allergies" && e.Operation == summary.OpAdd:
		f.hint = l.s(
			"une allergie qui vous est rapportée se dit avec \"source\":\"reported\"",
			"an allergy that was reported to you says \"source\":\"reported\"",
		)
	}
	// The path counts within one level, so that of several operations it may name another.
	if len(targets(content))+countAdded(content) == 1 {
		f.path = e.Path
	}
	return f
}

func countAdded(content *summary.Amendment) int {
	n := 0
	content.Add.Each(func(string, any, *summary.Common) { n++ })
	return n
}

// permissionWords name what a role may or may not do.
var permissionWords = words{
	"add":       {"ajouter", "to add"},
	"stop":      {"arrêter", "to stop"},
	"annotate":  {"annoter", "to annotate"},
	"taken":     {"noter la prise réelle", "to note what is really taken"},
	"dispensed": {"noter une délivrance", "to note what was dispensed"},
	"retract":   {"retirer", "to withdraw"},
}
