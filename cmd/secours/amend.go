package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
)

type amendOptions struct {
	signingOptions
	values amendValues
}

func (a *app) amendCommand() *cobra.Command {
	l := a.lang
	var o amendOptions
	c := &cobra.Command{
		Use:   "amend",
		Short: l.s("Ajouter à la synthèse d'un autre, sous son propre nom", "Add to somebody else's summary, under one's own name"),
		Long: l.s(`Ajoute, annote ou arrête, sous la signature du professionnel de ce dossier (--home), sans toucher à
ce que le médecin a signé : rien n'est effacé, et chaque ligne garde son auteur. L'ajout est scellé
pour ceux qui peuvent déjà lire ce dont il parle, et reste « non revu » jusqu'à la prochaine synthèse.
Ce que chaque profession peut dire dépend de son rôle.

  secours amend --add-medication "paracétamol 1 g" --dose "1 comprimé si douleur" --quantity "16 comprimés"
  secours amend --add-allergy "amoxicilline" --code atc:J01CA04 --reaction "urticaire"
  secours amend --taken ID --value "un jour sur deux"
  secours amend --file ajouts.json

« secours read --json » donne les ID. Une opération par ligne ; --file en prend plusieurs, en JSON
(schéma secours.amendment/1). Avec --json, un document "secours.amend/1".

Codes de sortie : 0 écrit ; 1 demande refusée, ou élément inconnu ; 10 pas de lecteur ; 11 pas de
carte, ou carte vide ; 12 pas une carte Secours ; 13 code du patient ; 14 synthèse illisible, ou à
laquelle ne pas se fier ; 16 lecteur occupé ; 17 autre patient ; 18 la carte a changé ; 19 pas assez
de place ; 20 rôle non autorisé, ou aucune clé n'ouvre ; 21 identité ou phrase de passe ; 22 format
plus récent que ce programme.`,
			`Adds, annotates or stops, under the signature of this home's professional (--home), and leaves what
the physician signed as it is: nothing is deleted, and every line keeps its author. What is added is
sealed for those who can read what it is about, and stays "not reviewed" until the next summary.
What each profession may say depends on its role.

  secours amend --add-medication "paracetamol 1 g" --dose "1 tablet if in pain" --quantity "16 tablets"
  secours amend --add-allergy "amoxicillin" --code atc:J01CA04 --reaction "urticaria"
  secours amend --taken ID --value "every other day"
  secours amend --file additions.json

"secours read --json" gives the IDs. One operation a line; --file takes several, as JSON (schema
secours.amendment/1). With --json, one "secours.amend/1" document.

Exit codes: 0 written; 1 refused as it stands, or no such item; 10 no reader; 11 no card, or an empty
one; 12 not a Secours card; 13 the patient's PIN; 14 the summary is unreadable, or not to be relied
on; 16 reader busy; 17 another patient; 18 the card changed; 19 no space; 20 role not allowed, or no
key opens; 21 identity or passphrase; 22 format newer than this program.`),
		// Cobra's own check quotes the argument, which may be the second half of a drug's name.
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.amendUsage(l.s(
					"il y a un mot de trop : un texte de plusieurs mots se met entre guillemets",
					"there is a word too many: a text of several words stands in quotes",
				))
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return a.amend(c.Context(), o) },
	}
	f := c.Flags()
	f.SortFlags = false
	o.values = addAmendOptions(a, c)
	o.add(a, c)
	return c
}

// amended is the JSON of "amend". Outcome is written, unchanged where this signer has said all of it already, or dry-run.
type amended struct {
	Schema  string `json:"schema"`
	Outcome string `json:"outcome"`
	Card    string `json:"card"`
	// Patient is whose card it is, as far as the signer may see.
	Patient *amendedPatient `json:"patient,omitempty"`
	// Amendments has one for each level that is concerned; their ids and the head are drawn when written, and a dry run has none.
	Amendments  []amendedLevel `json:"amendments"`
	Items       []amendedItem  `json:"items"`
	Signer      signerDocument `json:"signer"`
	SignedAt    time.Time      `json:"signedAt"`
	Head        string         `json:"head,omitempty"`
	Seq         uint64         `json:"seq"`
	RecordBytes int            `json:"recordBytes"`
	Capacity    int            `json:"capacityBytes"`
	Warnings    []problem      `json:"warnings,omitempty"`
}

type amendedPatient struct {
	Family    string   `json:"family"`
	Given     []string `json:"given"`
	BirthDate string   `json:"birthDate,omitempty"`
}

type amendedLevel struct {
	ID    string        `json:"id,omitempty"`
	Level summary.Level `json:"level"`
}

type amendedItem struct {
	Operation summary.Operation `json:"operation"`
	Section   string            `json:"section"`
	ID        string            `json:"id"`
}

func (a *app) amend(ctx context.Context, o amendOptions) error {
	a.purpose = toWrite
	if o.values.one("file") == "-" && (a.secrets.stdin || a.secrets.fd == 0) {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"l'entrée standard ne peut pas donner à la fois les ajouts et la phrase de passe",
			"standard input cannot give both the amendment and the passphrase",
		), hint: "--passphrase-fd"}
	}
	b, err := a.amendment(ctx, o)
	if err != nil {
		return err
	}
	h, err := a.homeDir()
	if err != nil {
		return err
	}
	store, err := h.trust()
	if err != nil {
		return err
	}
	id, err := a.identity(ctx, h)
	if err != nil {
		return err
	}
	now := a.now()
	who, err := a.checkSigner(store, id, now)
	if err != nil {
		return err
	}
	if !o.values.given("file") {
		b.byRole(who.Role)
	}
	reader, err := a.reader(ctx, h, store)
	if err != nil {
		return err
	}

	content, session, err := a.content(ctx)
	if err != nil {
		return err
	}
	defer session.close()
	if err := a.notEmpty(content); err != nil {
		return err
	}
	reader.Simulated = session.simulated
	before, err := a.amendable(content, reader)
	if err != nil {
		return err
	}
	if h.notAfter(content.Card, stateOf(before)) {
		b.assumed = append(b.assumed, problem{"", a.lang.s(
			"ce poste a déjà lu un état plus récent de cette carte",
			"this workstation has read a newer state of this card",
		)})
	}
	if err := a.guardAmend(before, who, b.content, o); err != nil {
		return err
	}
	raw, err := record.Amend(content.Record, reader, record.AmendmentDraft{
		Card: content.Card, Content: b.content, Signer: id, Time: now, OnBehalfOf: o.onBehalfOf, After: h.attempted(content.Card),
	})
	if err != nil {
		return a.amendFailure(err, b.content, content.Capacity)
	}
	if missing := len(raw) - content.Capacity; missing > 0 {
		return a.noRoomToAmend(missing)
	}
	after, err := readRecord(&card.Content{Card: content.Card, Record: raw}, reader)
	if err != nil {
		return err
	}
	result := amended{
		Schema: "secours.amend/1", Outcome: "written", Card: content.Card.String(), Signer: *signerDocumentOf(who),
		SignedAt: now.UTC().Truncate(time.Second), Head: hex.EncodeToString(after.Head[:]), Seq: after.LastSeq(),
		RecordBytes: len(raw), Capacity: content.Capacity, Warnings: b.assumed,
	}
	a.tell(&result, before, after, b.content)
	if bytes.Equal(raw, content.Record) {
		result.Outcome = "unchanged"
		return a.printAmended(result)
	}
	if o.dryRun {
		result.Outcome, result.Head = "dry-run", ""
		for i := range result.Amendments {
			result.Amendments[i].ID = ""
		}
		return a.printAmended(result)
	}
	h.attempt(content.Card, after.LastSeq())
	if err := a.replace(ctx, h, session, content, raw, h.erasing(content.Card)); err != nil {
		return err
	}
	h.remember(content.Card, stateOf(after))
	return a.printAmended(result)
}

// amendment makes the amendment of the options or the file, and checks all that can be checked without a card.
func (a *app) amendment(ctx context.Context, o amendOptions) (*amendmentBuilder, error) {
	operation, err := a.operation(o.values)
	if err != nil {
		return nil, err
	}
	if o.patient != "" {
		if system, value, ok := strings.Cut(o.patient, ":"); !ok || system == "" || value == "" {
			return nil, a.amendUsage(a.lang.s(
				"--patient : SYSTÈME:VALEUR, par exemple ins-nir:…",
				"--patient: SYSTEM:VALUE, for example ins-nir:…",
			))
		}
	}
	if head, err := hex.DecodeString(o.expectHead); o.expectHead != "" && (err != nil || len(head) != len(record.Head{})) {
		return nil, a.amendUsage(a.lang.s(
			"--expect-head : les 32 chiffres hexadécimaux de record.head",
			"--expect-head: the 32 hexadecimal digits of record.head",
		))
	}
	b := &amendmentBuilder{a: a, v: o.values, today: today(a.now())}
	if operation == "file" {
		data, err := a.readInput(ctx, o.values.one("file"), o.encoding)
		if err != nil {
			return nil, err
		}
		if b.content, err = summary.ParseAmendment(data); err != nil {
			return nil, a.amendmentFailure(err)
		}
		for _, path := range slices.Sorted(slices.Values(b.content.Unknown())) {
			b.assumed = append(b.assumed, problem{path, a.lang.s(
				"membre inconnu : porté tel quel, jamais affiché ; faute de frappe ?",
				"unknown member: carried as it is, never shown; misspelt?",
			)})
		}
	} else {
		b.build(operation)
		if b.err != nil {
			return nil, b.err
		}
		if err := b.content.Validate(); err != nil {
			return nil, a.amendmentFailure(err)
		}
	}
	return b, a.checkAmendedMasking(b.content, o.maskCritical)
}

func today(now time.Time) summary.Date {
	return summary.Date{Year: now.Year(), Month: int(now.Month()), Day: now.Day()}
}

// amendmentFailure lists everything that is wrong with an amendment, as summaryFailure does for a summary.
func (a *app) amendmentFailure(err error) error {
	list := a.problems(err)
	message := a.lang.s("l'ajout est refusé :", "the amendment is refused:")
	for _, p := range list {
		if p.Path != "" {
			p.Message = p.Path + ": " + p.Message
		}
		message += "\n" + oneLine(p.Message)
	}
	return &failure{
		code: exitGeneral, name: "invalid-amendment", path: list[0].Path, problems: list, err: err, message: message,
		hint: a.lang.s(
			"« secours amend --help » montre l'emploi, et le schéma JSON secours.amendment-1 accompagne le programme",
			"\"secours amend --help\" shows the usage, and the JSON Schema secours.amendment-1 comes with the program",
		),
	}
}

// tell notes in the result what is on the card after the amendment that was not there before.
func (a *app) tell(result *amended, before, after *record.Record, content *summary.Amendment) {
	if before.Summary != nil && before.Clearance > 0 {
		p := &before.Summary.Patient
		result.Patient = &amendedPatient{Family: p.Family, Given: p.Given, BirthDate: p.BirthDate.String()}
	}
	known := map[string]bool{}
	for _, m := range before.Amendments {
		known[m.ID] = true
	}
	result.Amendments = []amendedLevel{}
	for _, m := range after.Amendments {
		if !known[m.ID] {
			result.Amendments = append(result.Amendments, amendedLevel{m.ID, levelNames()[m.Level]})
		}
	}
	was := map[string]bool{}
	for _, item := range itemsOf(before) {
		was[item.ID] = true
	}
	sections := map[string]string{}
	result.Items = []amendedItem{}
	for _, item := range itemsOf(after) {
		sections[item.ID] = item.Section
		if !was[item.ID] {
			result.Items = append(result.Items, item)
		}
	}
	if len(result.Items) < countAdded(content) {
		result.Warnings = append(result.Warnings, problem{"add", a.lang.s(
			"déjà dit par le même signataire : pas ajouté une seconde fois",
			"said by the same signer already: not added again",
		)})
	}
	for _, t := range targets(content) {
		result.Items = append(result.Items, amendedItem{t.operation, sections[t.id], t.id})
	}
}

// itemsOf are the items of a record, those among them that a signer adds whom this reader does not know.
func itemsOf(r *record.Record) []amendedItem {
	var list []amendedItem
	r.Summary.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			list = append(list, amendedItem{summary.OpAdd, name, section.Common(i).ID})
		}
	})
	for _, m := range r.Amendments {
		if m.Unverified != nil {
			m.Unverified.Add.Each(func(section string, _ any, common *summary.Common) {
				list = append(list, amendedItem{summary.OpAdd, section, common.ID})
			})
		}
	}
	return list
}

func (a *app) printAmended(r amended) error {
	if a.json {
		return a.printJSON(r)
	}
	l := a.lang
	for _, w := range r.Warnings {
		if w.Path != "" {
			w.Message = w.Path + l.colon() + w.Message
		}
		a.note("%s", w.Message)
	}
	signer := r.Signer.Name
	if role := word(l, roleWords, r.Signer.Role); role != "" {
		signer += ", " + role
	}
	format := l.s(
		"Signé par %s, écrit et relu : %d octets sur %d.\n",
		"Signed by %s, written and read back: %d bytes of %d.\n",
	)
	switch r.Outcome {
	case "unchanged":
		_, err := fmt.Fprint(a.out, l.s(
			"Inchangé : cette signature dit déjà tout cela sur la carte. Rien n'a été écrit.\n",
			"Unchanged: this signer has said all of it on the card already. Nothing was written.\n",
		))
		return err
	case "dry-run":
		format = l.s(
			"Essai : signé par %s, cela prendrait %d octets sur %d. Rien n'a été écrit.\n",
			"Dry run: signed by %s, this would take %d bytes of %d. Nothing was written.\n",
		)
	}
	if _, err := fmt.Fprintf(a.out, format, oneLine(signer), r.RecordBytes, r.Capacity); err != nil {
		return err
	}
	p := a.lines()
	if w := r.Patient; w != nil {
		p.add("  "+l.s("patient", "patient"), w.Family+" "+strings.Join(w.Given, " ")+", "+w.BirthDate)
	}
	for _, i := range r.Items {
		p.add("  "+word(l, operationWords, i.Operation), i.ID+" ("+l.p(sectionWords[i.Section].title)+")")
	}
	for _, m := range r.Amendments {
		p.add("  "+strings.TrimSpace(l.s("ajout ", "amendment ")+m.ID), l.s("visible pour : ", "visible to: ")+word(l, audienceWords, m.Level))
	}
	return p.print()
}

// operationWords say what was done with an item.
var operationWords = words{
	"add":       {"ajouté", "added"},
	"stop":      {"arrêté", "stopped"},
	"annotate":  {"annoté", "annotated"},
	"taken":     {"prise réelle", "intake"},
	"dispensed": {"délivré", "dispensed"},
	"retract":   {"retiré", "withdrawn"},
}

// audienceWords say who has the clearance for a level (trust.Role.Clearance).
var audienceWords = words{
	"care": {
		"médecins, urgences, pharmaciens, chirurgiens-dentistes, sages-femmes, infirmiers",
		"physicians, emergency services, pharmacists, dentists, midwives, nurses",
	},
	"clinical": {"médecins, urgences", "physicians, emergency services"},
	"masked":   {"le cabinet traitant, et le patient s'il a son code", "the treating practice, and the patient who has the code"},
}
