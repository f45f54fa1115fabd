package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

type writeOptions struct {
	signingOptions
	from           string
	expectSeq      optionalSeq
	ifChanged      bool
	dropUnreadable bool
	newPatient     bool
	reason         string
	unsealed       bool
	consentOpen    bool
	practiceOnly   bool
	suite          int
	carry          carryOptions
	remove         []string
}

func (a *app) writeCommand() *cobra.Command {
	l := a.lang
	var o writeOptions
	c := &cobra.Command{
		Use:   "write FILE|-",
		Short: l.s("Signer une synthèse et l'écrire sur la carte", "Sign a summary and write it to the card"),
		Long: l.s(`Lit une synthèse en JSON (schéma secours.summary/1), un Bundle FHIR IPS ou un VSM, reconnu à son
contenu, dans un fichier ou sur l'entrée standard (-), dit ce qui n'a pas pu en être repris, la contrôle, la signe avec l'identité du dossier (--home), la scelle pour les rôles de la liste de
confiance et pour ce cabinet, l'écrit et la relit. La synthèse précédente reste entière sur la carte
tant que la nouvelle n'est pas relue, même si la carte est arrachée. Une synthèse mal formée, un
autre patient ou une carte qui a changé sont refusées avant d'écrire.

Ce que d'autres ont ajouté depuis la dernière synthèse y est repris sous leur nom, « non revu par le
médecin » (--amendments keep), ou accepté, tout (accept) ou par identifiant (ID,…).

Qui ne peut pas tout lire de la carte n'écrit pas par-dessus : il ajoute (« secours amend »). Avec
l'accord du patient, --drop-unreadable --reason passe outre ; la synthèse le dira.

Codes de sortie : 0 écrite ou inchangée ; 1 synthèse refusée (le chemin JSON est dit) ; 10 pas de
lecteur ; 11 pas de carte ; 12 pas une carte Secours ; 13 code du patient ; 14 le contenu actuel est
illisible (--drop-unreadable) ; 15 un ajout n'a pas pu être intégré (--discard) ; 16 lecteur occupé ;
17 autre patient ; 18 la carte a changé ; 19 pas assez de place ; 20 rôle ou clés insuffisants ;
21 identité ou phrase de passe ; 22 format plus récent que ce programme.`,
			`Reads a summary as JSON (schema secours.summary/1), a FHIR IPS Bundle or a VSM, recognised by its
content, from a file or standard input (-), says what of it could not be taken over, checks it,
signs it with the identity of the home (--home), seals it for the roles of the trust bundle and for
this practice, writes it, and reads it back. The previous summary stays whole on the card until the
new one is read back, even if the card is pulled out. A malformed summary, another patient, or a
card that changed are refused before anything is written.

What others added since the last summary is taken over under their name, "not reviewed by the
physician" (--amendments keep), or accepted, all of it (accept) or by id (ID,…).

Who cannot read all of the card does not write over it, but adds ("secours amend"). With the
patient's consent, --drop-unreadable --reason overrides that; the summary will say so.

Exit codes: 0 written or unchanged; 1 summary refused (its JSON path is named); 10 no reader;
11 no card; 12 not a Secours card; 13 the patient's PIN; 14 the present content is unreadable
(--drop-unreadable); 15 an amendment could not be applied (--discard); 16 reader busy; 17 another
patient; 18 the card changed; 19 no space; 20 role or keys do not suffice; 21 identity or
passphrase; 22 format newer than this program.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.write(c.Context(), args[0], o) },
	}
	f := c.Flags()
	f.Var(&o.expectSeq, "expect-seq", l.s(
		"n'écrit que si la carte porte la synthèse de ce numéro (0 : vide)",
		"write only if the card holds the summary of this number (0: empty)",
	))
	f.BoolVar(&o.ifChanged, "if-changed", false, l.s(
		"n'écrit pas si la carte dit déjà la même chose",
		"do not write if the card says the same already",
	))
	f.BoolVar(&o.dropUnreadable, "drop-unreadable", false, l.s(
		"écrit même si le contenu actuel est illisible, donc perdu",
		"write even if the present content is unreadable, and so lost",
	))
	f.BoolVar(&o.newPatient, "new-patient", false, l.s(
		"écrit même si la carte est celle d'un autre patient",
		"write even if the card is another patient's",
	))
	f.StringVar(&o.reason, "reason", "", l.s(
		"pourquoi l'illisible est abandonné ; se lira sur la carte",
		"why the unreadable is given up; can be read on the card",
	))
	f.BoolVar(&o.consentOpen, "consent-open", false, l.s(
		"le patient veut que les éléments du niveau open soient lisibles par quiconque trouve la carte",
		"the patient wants the items of the level open readable by whoever finds the card",
	))
	f.StringVar(&o.carry.amendments, "amendments", "keep", l.s(
		"ce que d'autres ont ajouté : keep, accept, ou les identifiants acceptés (ID,…), le reste étant gardé",
		"what others added: keep, accept, or the ids accepted (ID,…), the rest being kept",
	))
	f.StringSliceVar(&o.carry.discard, "discard", nil, l.s(
		"les ajouts ou éléments non revus à ne pas reprendre (ID,…)",
		"the amendments or unreviewed items not to take over (ID,…)",
	))
	f.StringSliceVar(&o.remove, "remove", nil, l.s(
		"les alertes et allergies de la carte que la synthèse n'a plus, à dessein (ID,…)",
		"the alerts and allergies of the card that the summary has no more, on purpose (ID,…)",
	))
	f.BoolVar(&o.practiceOnly, "practice-only", false, l.s(
		"scelle pour ce cabinet seul : essais",
		"seal for this practice alone: trials",
	))
	f.IntVar(&o.suite, "suite", 0, l.s(
		"suite cryptographique : 1 ou 2 (défaut : la première que la liste de confiance n'a pas retirée)",
		"cryptographic suite: 1 or 2 (default: the first that the trust bundle has not retired)",
	))
	f.BoolVar(&o.unsealed, "unsealed", false, l.s(
		"sans sceller, sur une carte simulée seulement",
		"without sealing, on simulated cards only",
	))
	a.addFrom(c, &o.from)
	o.add(a, c)
	return c
}

// written is the JSON of "write". Outcome is written, unchanged or dry-run.
type written struct {
	Schema      string    `json:"schema"`
	Outcome     string    `json:"outcome"`
	Seq         uint64    `json:"seq"`
	Card        string    `json:"card"`
	SignedAt    time.Time `json:"signedAt"`
	RecordBytes int       `json:"recordBytes"`
	Capacity    int       `json:"capacityBytes"`
	Sealed      bool      `json:"sealed"`
	// Head names the new state of the card.
	Head string `json:"head,omitempty"`
	// SealedFor lists the roles that can read it, up to which level.
	SealedFor []sealedFor `json:"sealedFor"`
	// Erased is true where the previous record was removed from the other slot too, since it showed more, or to more people.
	Erased bool `json:"erased"`
	// Amendments is what became of what others had said; those kept are pending a review.
	Amendments []carried `json:"amendments"`
	// Removed is what the previous summary had and this one has not.
	Removed  []removedItem `json:"removed"`
	Warnings []problem     `json:"warnings"`
	// From is the format that the summary was read from; Losses is what it said that the summary does not say as it did.
	From   string         `json:"from"`
	Losses []summary.Loss `json:"losses"`
}

// sealedFor is a kind of recipient.
type sealedFor struct {
	Kind      trust.KeyKind `json:"kind"`
	Role      trust.Role    `json:"role,omitempty"`
	Clearance summary.Level `json:"clearance"`
}

func (a *app) write(ctx context.Context, file string, o writeOptions) error {
	a.purpose = toWrite
	l := a.lang
	if file == "-" && (a.secrets.stdin || a.secrets.fd == 0) {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"l'entrée standard ne peut pas donner à la fois la synthèse et la phrase de passe",
			"standard input cannot give both the summary and the passphrase",
		), hint: "--passphrase-fd"}
	}
	src, err := a.readSource(ctx, file, o.from, o.encoding)
	if err != nil {
		return err
	}
	if err := a.checkDocument(src, nil); err != nil {
		return err
	}
	s := src.summary
	if !a.json {
		a.tellLosses(src.losses)
	}
	if err := a.checkPatientOption(s, o.patient); err != nil {
		return err
	}
	if err := a.checkMasking(s, o.maskCritical); err != nil {
		return err
	}
	if err := a.checkOpen(s, o.consentOpen); err != nil {
		return err
	}
	if o.dropUnreadable && o.reason == "" {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"--drop-unreadable veut une raison : --reason \"…\"",
			"--drop-unreadable wants a reason: --reason \"…\"",
		)}
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
	switch who, err := a.checkSigner(store, id, now); {
	case err != nil:
		return err
	case who.Role != "" && who.Role != trust.RolePhysician:
		return record.ErrRole
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
	reader.Simulated = session.simulated
	if o.unsealed && !session.simulated {
		return &failure{code: exitGeneral, name: "unsealed", message: a.lang.s(
			"--unsealed n'est permis que sur une carte simulée",
			"--unsealed is allowed on simulated cards only",
		)}
	}
	previous, lost, err := a.previous(content, reader, o)
	if err != nil {
		return err
	}
	draft := record.Draft{Card: content.Card, Summary: s, Signer: id, Time: now, OnBehalfOf: o.onBehalfOf, Dropped: lost}
	// A number that this home has seen on the card is not given twice, even where nothing of what had it can be read.
	draft.Seq = max(next(previous, content), h.seen(content.Card).seq+1, h.attempted(content.Card)+1)
	if previous != nil {
		draft.Prev = &previous.Head
	}
	if err := a.checkExpected(previous, o.expectSeq); err != nil {
		return err
	}
	if err := a.checkHead(previous, o.expectHead); err != nil {
		return err
	}
	if err := a.samePatient(previous, s, o.newPatient); err != nil {
		return err
	}
	result := written{
		Schema: "secours.write/1", Card: content.Card.String(), Capacity: content.Capacity, SignedAt: now.UTC().Truncate(time.Second),
		Sealed: !o.unsealed, SealedFor: []sealedFor{}, Amendments: []carried{}, Removed: []removedItem{}, Warnings: append([]problem{}, a.warnings(s, o.unsealed)...),
		From: src.format, Losses: append([]summary.Loss{}, src.losses...),
	}
	if previous != nil && h.notAfter(content.Card, stateOf(previous)) {
		result.Warnings = append(result.Warnings, problem{"", a.lang.s(
			"ce poste a déjà lu un état plus récent de cette carte : ce que d'autres y avaient ajouté peut manquer",
			"this workstation has read a newer state of this card: what others had added to it may be missing",
		)})
	}
	samePatient := previous
	if o.newPatient && previous != nil && previous.Summary != nil && previous.Clearance > 0 && len(differentTraits(&previous.Summary.Patient, &s.Patient)) == 0 {
		o.newPatient = false // it is the same one
	}
	if o.newPatient {
		// Another patient's practices and recovery code do not open this one's summary, and what was said of him is not said of this one.
		samePatient = nil
		result.Warnings = append(result.Warnings, a.leftBehind(previous)...)
	}
	if samePatient != nil {
		result.Warnings = append(result.Warnings, a.lostIdentifiers(previous, s)...)
	}
	seals := &sealing{}
	if !o.unsealed {
		known := samePatient
		if known != nil && !known.Verdict.Good() && len(known.Ring) > 0 {
			// Whoever made that record put into its ring whom he liked.
			unverified := *known
			unverified.Ring = nil
			known = &unverified
			result.Warnings = append(result.Warnings, problem{"", l.s(
				"d'autres clés ouvraient la synthèse précédente, que rien ne vérifie : elles n'ouvrent pas celle-ci",
				"other keys opened the previous summary, which nothing verifies: they do not open this one",
			)})
		}
		if seals, err = a.sealFor(h, reader.Keys, store, known, o.suite, o.practiceOnly); err != nil {
			return err
		}
		result.Warnings = append(result.Warnings, seals.warnings...)
		for _, r := range seals.recipients {
			result.SealedFor = append(result.SealedFor, sealedForOf(store, r))
		}
	}
	draft.Suite, draft.Recipients = seals.suite, seals.recipients
	o.carry.dropUnreadable = o.dropUnreadable
	done, was, err := a.carry(samePatient, s, o.carry)
	if err != nil {
		return err
	}
	result.Amendments = append(result.Amendments, done...)
	if samePatient != nil && samePatient.Summary != nil {
		result.Removed = removed(samePatient.Summary, s, was, oneOf(o.carry.discard))
		if err := a.checkDocument(src, result.Removed); err != nil {
			return err
		}
		if err := a.checkRemoved(result.Removed, o.remove); err != nil && samePatient.Verdict.Status != record.Invalid {
			return err
		}
	}
	if o.ifChanged && previous != nil && previous.Verdict.Status == record.Valid && len(previous.Amendments) == 0 &&
		!content.Unconfirmed && !content.NewerLost && unchanged(previous, s) && !seals.removes(previous) && seals.suite == previous.Suite &&
		!h.erasing(content.Card) {
		result.Outcome, result.Seq, result.SignedAt, result.RecordBytes = "unchanged", previous.Seq, previous.Time, previous.Size
		result.Head = hex.EncodeToString(previous.Head[:])
		return a.printWritten(result)
	}
	raw, err := record.Write(draft)
	if err != nil {
		return a.summaryFailure(err)
	}
	result.Outcome, result.Seq, result.RecordBytes = "written", draft.Seq, len(raw)
	head, err := record.HeadOf(raw)
	if err != nil {
		return err
	}
	result.Head = hex.EncodeToString(head[:])
	if len(raw) > content.Capacity {
		return &card.NoSpaceError{Need: int64(len(raw)), Have: int64(content.Capacity)}
	}
	result.Erased = content.Record != nil && (seals.removes(previous) || raises(previous, s) || o.newPatient || previous == nil ||
		h.erasing(content.Card))
	if o.dryRun {
		result.Outcome = "dry-run"
		return a.printWritten(result)
	}
	h.attempt(content.Card, draft.Seq)
	if err := a.replace(ctx, h, session, content, raw, result.Erased); err != nil {
		return err
	}
	h.remember(content.Card, state{draft.Seq, head})
	return a.printWritten(result)
}

// leftBehind says what a summary for another patient does not take over. Where only the patient's identity was corrected, somebody wants
// to know.
func (a *app) leftBehind(previous *record.Record) (list []problem) {
	if previous == nil {
		return nil
	}
	if len(previous.Amendments) > 0 || previous.Summary != nil && len(pending(previous.Summary)) > 0 {
		list = append(list, problem{"", a.lang.s(
			"--new-patient : ce que d'autres avaient ajouté sur la carte n'est pas repris",
			"--new-patient: what others had added to the card is not taken over",
		)})
	}
	if previous.Individuals > 1 || previous.Individuals > 0 && previous.Clearance < 3 {
		list = append(list, problem{"", a.lang.s(
			"--new-patient : les autres cabinets et le code de secours qui ouvraient la carte ne l'ouvrent plus",
			"--new-patient: the other practices and the recovery code that opened the card do not open it any more",
		)})
	}
	return list
}

// replace writes a record over the card's, erasing that from both slots where asked. An interruption waits: a write that is cut short
// loses nothing, but one that ends is better. The slowest card takes a few seconds; a reader that hangs is not waited for.
func (a *app) replace(ctx context.Context, h home, s *session, content *card.Content, raw []byte, erase bool) error {
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	medium := s.card.Medium(writing)
	write := content.Replace
	if erase {
		write = content.ReplaceBoth
		h.beginErasing(content.Card)
	}
	_, err := write(medium, raw)
	if err == nil && erase {
		h.endErasing(content.Card)
	}
	if errors.Is(err, card.ErrNotErased) { // whatever it ended with
		return &failure{
			code: exitNoCard, name: "not-erased", retryable: true, err: err,
			message: a.lang.s(
				"la nouvelle synthèse est sur la carte, mais l'ancienne, qui en montrait plus, peut s'y trouver encore",
				"the new summary is on the card, but the old one, which showed more, may still be there",
			),
			hint: a.lang.s(
				"remettez la carte et écrivez de nouveau, jusqu'à ce que les deux emplacements soient écrits",
				"put the card back and write again, until both slots are written",
			),
		}
	}
	return err
}

func sealedForOf(store *trust.Store, r record.Recipient) sealedFor {
	d := sealedFor{Kind: r.Kind, Clearance: summary.LevelMasked}
	if r.Kind == trust.KeyRole {
		d.Clearance = levelNames()[r.Clearance]
		for _, k := range store.RoleKeys {
			if bytes.Equal(k.Public.Bytes(), r.Key.Bytes()) {
				d.Role = k.Role
			}
		}
	}
	return d
}

func (a *app) printWritten(r written) error {
	if a.json {
		return a.printJSON(r)
	}
	l := a.lang
	for _, w := range r.Warnings {
		a.note("%s: %s", l.s("attention", "warning"), strings.TrimPrefix(w.Path+": "+w.Message, ": "))
	}
	for _, m := range r.Amendments {
		what := pair{"repris, non revu par le médecin", "taken over, not reviewed by the physician"}
		switch m.Outcome {
		case carriedAccepted:
			what = pair{"accepté", "accepted"}
		case carriedDiscarded:
			what = pair{"non repris", "not taken over"}
		case carriedInSummary:
			what = pair{"déjà dans la synthèse", "in the summary already"}
		}
		a.note(l.s("ajout : %s (%s) : %s", "amendment: %s (%s): %s"), cmp.Or(m.ID, m.Amendment), m.By, l.p(what))
	}
	for _, m := range r.Removed {
		a.note(l.s("n'est plus dans la synthèse : %s, %s", "no longer in the summary: %s, %s"), l.p(sectionWords[m.Section].title), m.ID)
	}
	switch r.Outcome {
	case "unchanged":
		_, err := fmt.Fprintf(a.out, l.s(
			"Inchangée : la carte porte déjà cette synthèse (numéro %d).\n",
			"Unchanged: the card holds this summary already (number %d).\n",
		), r.Seq)
		return err
	case "dry-run":
		_, err := fmt.Fprintf(a.out, l.s(
			"Essai : la synthèse numéro %d prendrait %d octets sur %d. Rien n'a été écrit.\n",
			"Dry run: summary number %d would take %d bytes of %d. Nothing was written.\n",
		), r.Seq, r.RecordBytes, r.Capacity)
		return err
	}
	_, err := fmt.Fprintf(a.out, l.s(
		"Synthèse numéro %d signée, écrite et relue : %d octets sur %d.\n",
		"Summary number %d signed, written and read back: %d bytes of %d.\n",
	), r.Seq, r.RecordBytes, r.Capacity)
	if r.Erased {
		a.note("%s", l.s(
			"l'ancienne synthèse, qui en montrait plus, est effacée des deux emplacements",
			"the previous summary, which showed more, is erased from both slots",
		))
	}
	if !r.Sealed {
		a.note("%s", l.s(
			"NON SCELLÉE : quiconque tient la carte peut la lire. Démonstration seulement.",
			"NOT SEALED: whoever holds the card can read it. Demonstration only.",
		))
	}
	return err
}

// summaryFailure lists everything that is wrong with a summary.
func (a *app) summaryFailure(err error) error {
	if !errors.As(err, new(*summary.PathError)) && !errors.Is(err, summary.ErrSyntax) && !errors.Is(err, summary.ErrTooLarge) {
		return err
	}
	list := a.problems(err)
	message := a.lang.s("la synthèse est refusée :", "the summary is refused:")
	for _, p := range list {
		if p.Path != "" {
			p.Message = p.Path + ": " + p.Message
		}
		message += "\n" + oneLine(p.Message)
	}
	return &failure{
		code: exitGeneral, name: "invalid-summary", path: list[0].Path, problems: list, err: err, message: message,
		hint: a.lang.s(
			"« secours demo DOSSIER » donne un exemple, et le schéma JSON secours.summary-1 accompagne le programme",
			"\"secours demo DIR\" gives an example, and the JSON Schema secours.summary-1 comes with the program",
		),
	}
}

// warnings are about the form of a summary, never about medicine: what will be carried without being understood, and what is not hidden.
func (a *app) warnings(s *summary.Summary, unsealed bool) []problem {
	var list []problem
	for _, path := range slices.Sorted(slices.Values(s.Unknown())) {
		list = append(list, problem{path, a.lang.s(
			"membre inconnu : porté tel quel, jamais affiché ; faute de frappe ?",
			"unknown member: carried as it is, never shown; misspelt?",
		)})
	}
	for _, path := range echoes(s) {
		list = append(list, problem{path, a.lang.s(
			"le texte d'un élément masqué se lit aussi ici, à un niveau que d'autres voient",
			"the text of a masked item can be read here too, at a level that others see",
		)})
	}
	if unsealed {
		for _, path := range itemsAtLevel(s, summary.LevelMasked) {
			list = append(list, problem{path, a.lang.s("masquage sans effet : non scellée", "masking without effect: not sealed")})
		}
	}
	return list
}

// itemsAtLevel returns the JSON paths of the levels of items that name that level.
func itemsAtLevel(s *summary.Summary, level summary.Level, sections ...string) []string {
	var paths []string
	s.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			if section.Common(i).Level == level && (len(sections) == 0 || slices.Contains(sections, name)) {
				paths = append(paths, fmt.Sprintf("sections.%s.items[%d].level", name, i))
			}
		}
	})
	return paths
}
