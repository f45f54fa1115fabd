package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

type writeOptions struct {
	encoding       string
	patient        string
	expectSeq      optionalSeq
	ifChanged      bool
	dryRun         bool
	dropUnreadable bool
	newPatient     bool
	unsealed       bool
	maskCritical   bool
	onBehalfOf     string
}

func (a *app) writeCommand() *cobra.Command {
	l := a.lang
	var o writeOptions
	c := &cobra.Command{
		Use:   "write FILE|-",
		Short: l.s("Signer une synthèse et l'écrire sur la carte", "Sign a summary and write it to the card"),
		Long: l.s(`Lit une synthèse en JSON (schéma secours.summary/1) dans un fichier ou sur l'entrée standard (-),
la contrôle, la signe avec l'identité du dossier (--home), l'écrit et la relit. La synthèse
précédente reste entière sur la carte tant que la nouvelle n'est pas relue, même si la carte est
arrachée. Une synthèse mal formée, un autre patient ou une carte qui a changé sont refusées avant
d'écrire.

Codes de sortie : 0 écrite ou inchangée ; 1 synthèse refusée (le chemin JSON est dit) ; 10 pas de
lecteur ; 11 pas de carte ; 12 pas une carte Secours ; 13 code du patient ; 14 le contenu actuel est
illisible (--drop-unreadable) ; 16 lecteur occupé ; 17 autre patient ; 18 la carte a changé ; 19 pas
assez de place ; 20 rôle non autorisé ; 21 identité ou phrase de passe ; 22 format plus récent que
ce programme.`,
			`Reads a summary as JSON (schema secours.summary/1) from a file or standard input (-), checks it,
signs it with the identity of the home (--home), writes it, and reads it back. The previous summary
stays whole on the card until the new one is read back, even if the card is pulled out. A malformed
summary, another patient, or a card that changed are refused before anything is written.

Exit codes: 0 written or unchanged; 1 summary refused (its JSON path is named); 10 no reader;
11 no card; 12 not a Secours card; 13 the patient's PIN; 14 the present content is unreadable
(--drop-unreadable); 16 reader busy; 17 another patient; 18 the card changed; 19 no space; 20 role
not allowed; 21 identity or passphrase; 22 format newer than this program.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.write(c.Context(), args[0], o) },
	}
	f := c.Flags()
	f.StringVar(&o.encoding, "encoding", "utf-8", l.s(
		"codage du fichier : utf-8 ou windows-1252",
		"encoding of the file: utf-8 or windows-1252",
	))
	f.StringVar(&o.patient, "patient", "", l.s(
		"n'écrit que pour ce patient, SYSTÈME:VALEUR (par exemple ins-nir:…)",
		"write only for this patient, SYSTEM:VALUE (for example ins-nir:…)",
	))
	f.Var(&o.expectSeq, "expect-seq", l.s(
		"n'écrit que si la carte porte la synthèse de ce numéro (0 : vide)",
		"write only if the card holds the summary of this number (0: empty)",
	))
	f.BoolVar(&o.ifChanged, "if-changed", false, l.s(
		"n'écrit pas si la carte dit déjà la même chose",
		"do not write if the card says the same already",
	))
	f.BoolVar(&o.dryRun, "dry-run", false, l.s("fait tout sauf écrire", "do everything but write"))
	f.BoolVar(&o.dropUnreadable, "drop-unreadable", false, l.s(
		"écrit même si le contenu actuel est illisible, donc perdu",
		"write even if the present content is unreadable, and so lost",
	))
	f.BoolVar(&o.newPatient, "new-patient", false, l.s(
		"écrit même si la carte est celle d'un autre patient",
		"write even if the card is another patient's",
	))
	f.BoolVar(&o.maskCritical, "mask-critical", false, l.s(
		"masque aussi une alerte ou une allergie, comme le patient le veut",
		"mask an alert or an allergy too, as the patient wants it",
	))
	f.BoolVar(&o.unsealed, "unsealed", false, l.s(
		"écrit sans sceller sur une vraie carte : quiconque la trouve peut la lire",
		"write unsealed to a real card: whoever finds it can read it",
	))
	f.StringVar(&o.onBehalfOf, "on-behalf-of", "", l.s(
		"le professionnel remplacé",
		"the professional whom the signer stands in for",
	))
	a.addSecretFlags(c)
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
	Sealed      bool      `json:"sealed"` // false in this version
	Warnings    []problem `json:"warnings,omitempty"`
}

func (a *app) write(ctx context.Context, file string, o writeOptions) error {
	if file == "-" && (a.secrets.stdin || a.secrets.fd == 0) {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"l'entrée standard ne peut pas donner à la fois la synthèse et la phrase de passe",
			"standard input cannot give both the summary and the passphrase",
		), hint: "--passphrase-fd"}
	}
	s, err := a.parseSummary(ctx, file, o.encoding)
	if err != nil {
		return err
	}
	if err := a.checkPatientOption(s, o.patient); err != nil {
		return err
	}
	if err := a.checkMasking(s, o.maskCritical); err != nil {
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
	if err := a.checkSigner(store, id, now); err != nil {
		return err
	}

	content, session, err := a.content(ctx)
	if err != nil {
		return err
	}
	defer session.close()
	if !session.simulated && !o.unsealed {
		return &failure{
			code: exitGeneral, name: "unsealed",
			message: a.lang.s(
				"cette version ne scelle pas encore : elle n'écrit que sur des cartes simulées",
				"this version does not seal yet: it writes to simulated cards only",
			),
			hint: a.lang.s(
				"--unsealed l'accepte pour un essai, sans données réelles",
				"--unsealed accepts it for a trial, with no real data",
			),
		}
	}
	previous, err := a.previous(content, store, now, o)
	if err != nil {
		return err
	}
	draft := record.Draft{Card: content.Card, Summary: s, Signer: id, Time: now, OnBehalfOf: o.onBehalfOf}
	draft.Seq = next(previous, content)
	if previous != nil {
		draft.Prev = &previous.Head
	}
	if err := a.checkExpected(previous, o.expectSeq); err != nil {
		return err
	}
	if err := a.samePatient(previous, s, o.newPatient); err != nil {
		return err
	}
	result := written{Schema: "secours.write/1", Card: content.Card.String(), Capacity: content.Capacity, SignedAt: now.UTC().Truncate(time.Second), Warnings: a.warnings(s)}
	if o.ifChanged && previous != nil && previous.Verdict.Status == record.Valid &&
		!content.Unconfirmed && !content.NewerLost && unchanged(previous, s) {
		result.Outcome, result.Seq, result.SignedAt, result.RecordBytes = "unchanged", previous.Seq, previous.Time, previous.Size
		return a.printWritten(result)
	}
	raw, err := record.Write(draft)
	if err != nil {
		return a.summaryFailure(err)
	}
	result.Outcome, result.Seq, result.RecordBytes = "written", draft.Seq, len(raw)
	if o.dryRun {
		if len(raw) > content.Capacity {
			return &card.NoSpaceError{Need: int64(len(raw)), Have: int64(content.Capacity)}
		}
		result.Outcome = "dry-run"
		return a.printWritten(result)
	}
	// From here an interruption waits: a write that is cut short loses nothing, but one that ends is better. The slowest card takes a
	// few seconds; a reader that hangs is not waited for.
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if _, err := content.Replace(session.application.Medium(writing), raw); err != nil {
		return err
	}
	return a.printWritten(result)
}

func (a *app) printWritten(r written) error {
	if a.json {
		return a.printJSON(r)
	}
	l := a.lang
	for _, w := range r.Warnings {
		a.note("%s: %s: %s", l.s("attention", "warning"), w.Path, w.Message)
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
	if !r.Sealed {
		a.note("%s", l.s(
			"NON SCELLÉE : quiconque tient la carte peut la lire. Démonstration seulement.",
			"NOT SEALED: whoever holds the card can read it. Demonstration only.",
		))
	}
	return err
}

func (a *app) parseSummary(ctx context.Context, file, encoding string) (*summary.Summary, error) {
	data, err := a.readInput(ctx, file, encoding)
	if err != nil {
		return nil, err
	}
	s, err := summary.Parse(data)
	if err != nil {
		return nil, a.summaryFailure(err)
	}
	return s, nil
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

// warnings are about the form of a summary, never about medicine: what will be carried without being understood, and what this version
// does not do yet.
func (a *app) warnings(s *summary.Summary) []problem {
	var list []problem
	for _, path := range slices.Sorted(slices.Values(s.Unknown())) {
		list = append(list, problem{path, a.lang.s(
			"membre inconnu : porté tel quel, jamais affiché ; faute de frappe ?",
			"unknown member: carried as it is, never shown; misspelt?",
		)})
	}
	s.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			if section.Common(i).Level == summary.LevelMasked {
				list = append(list, problem{
					fmt.Sprintf("sections.%s.items[%d].level", name, i),
					a.lang.s(
						"masquage sans effet : cette version ne scelle pas",
						"masking without effect: this version does not seal",
					),
				})
			}
		}
	})
	return list
}

// checkMasking refuses to mask an alert or an allergy unless that was asked for: nobody can break that glass.
func (a *app) checkMasking(s *summary.Summary, allowed bool) error {
	if allowed {
		return nil
	}
	var path string
	s.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			if path == "" && (name == "alerts" || name == "allergies") && section.Common(i).Level == summary.LevelMasked {
				path = fmt.Sprintf("sections.%s.items[%d].level", name, i)
			}
		}
	})
	if path == "" {
		return nil
	}
	return &failure{
		code: exitGeneral, name: "masked-critical", path: path,
		message: a.lang.s(
			"une alerte ou une allergie serait masquée : aux urgences, personne ne la verrait ; rien n'a été écrit",
			"an alert or an allergy would be masked: nobody would see it in an emergency; nothing was written",
		),
		hint: a.lang.s(
			"si le patient le veut malgré tout : --mask-critical",
			"if the patient wants it all the same: --mask-critical",
		),
	}
}

// checkSigner refuses to write what no reader would accept, and warns where the writer cannot tell.
func (a *app) checkSigner(store *trust.Store, id *trust.Identity, now time.Time) error {
	l := a.lang
	who, err := store.Check(id.Certificate, now)
	switch {
	case errors.Is(err, trust.ErrNotValidThen), now.Before(id.Certificate.NotBefore), now.After(id.Certificate.NotAfter):
		return &failure{
			code: exitSigner, name: "certificate-expired", err: err,
			message: fmt.Sprintf(l.s(
				"le certificat de l'identité n'est valable que du %s au %s",
				"the identity's certificate is valid only from %s to %s",
			),
				id.Certificate.NotBefore.Format(time.DateOnly), id.Certificate.NotAfter.Format(time.DateOnly)),
			hint: l.s("renouvelez le certificat, et vérifiez l'horloge", "renew the certificate, and check the clock"),
		}
	case errors.Is(err, trust.ErrRole), errors.Is(err, trust.ErrCeiling), err == nil && who.Role != trust.RolePhysician:
		return record.ErrRole
	case errors.Is(err, trust.ErrNoAnchors), errors.Is(err, trust.ErrUnknownIssuer):
		a.note("%s", l.s(
			"attention : l'autorité de cette identité n'est pas dans la confiance de ce dossier ; ses lecteurs doivent la connaître",
			"warning: the authority of this identity is not in this home's trust; its readers must know it",
		))
	case err != nil:
		return &failure{code: exitSigner, name: "identity", message: err.Error(), err: err}
	}
	return nil
}

// previous is the record on the card, nil for an empty card. What cannot be read whole is refused, since writing over it
// loses what somebody may still be able to read; --drop-unreadable waives that, and nothing else: what can be read of it still guards
// against the wrong patient and a changed card.
func (a *app) previous(content *card.Content, store *trust.Store, now time.Time, o writeOptions) (*record.Record, error) {
	if content.Record == nil {
		return nil, nil
	}
	r, err := record.Read(content.Record, content.Card, store, now)
	var unverified *record.UnverifiedError
	if errors.As(err, &unverified) {
		// What it says is not believed: the number, the head and the patient only guard against mistakes.
		r, err = unverified.Unverified, nil
	}
	l := a.lang
	switch {
	case err != nil:
		f := *a.explain(err)
		if f.code != exitInvalid {
			return nil, &f
		}
		// Nothing says whose card this is, and which number it is at.
		switch {
		case o.dropUnreadable && o.expectSeq.given:
			return nil, a.conflict(l.s(
				"ce qui est sur la carte est illisible, et n'a pas de numéro",
				"what is on the card is unreadable, and has no number",
			))
		case o.dropUnreadable && o.patient == "" && !o.newPatient:
			return nil, &failure{
				code: exitWrongPatient, name: "wrong-patient",
				message: l.s(
					"rien de lisible ne dit à qui est cette carte ; rien n'a été écrit",
					"nothing readable says whose card this is; nothing was written",
				),
				hint: l.s(
					"avec --drop-unreadable, dites pour qui : --patient SYSTÈME:VALEUR, ou --new-patient",
					"with --drop-unreadable, say for whom: --patient SYSTEM:VALUE, or --new-patient",
				),
			}
		case o.dropUnreadable:
			return nil, nil
		}
		f.hint = l.s(
			"--drop-unreadable écrit par-dessus, et perd ce qui s'y trouve",
			"--drop-unreadable writes over it, and loses what is there",
		)
		return nil, &f
	case r.Amendments > 0:
		return nil, a.explain(record.ErrNewerFormat)
	case o.dropUnreadable:
		return r, nil
	case damaged(r), content.NewerLost:
		return nil, &failure{
			code: exitInvalid, name: "partly-unreadable",
			message: l.s(
				"une partie de ce qui est sur la carte est illisible ; rien n'a été écrit",
				"part of what is on the card is unreadable; nothing was written",
			),
			hint: l.s(
				"--drop-unreadable écrit par-dessus, et perd cette partie ; si la mémoire de la carte faiblit, prenez une carte neuve",
				"--drop-unreadable writes over it, and loses that part; if the card's memory is failing, take a new card",
			),
		}
	}
	return r, nil
}

// next is the number of the record that replaces one. A number that was lost with its record is not used again; one that nobody
// can have reached is a forger's, who would leave no room after it.
func next(previous *record.Record, content *card.Content) uint64 {
	switch {
	case previous == nil:
		return 1
	case previous.Seq > plausibleSeq:
		return 1
	case content.NewerLost:
		return previous.Seq + 2
	}
	return previous.Seq + 1
}

// plausibleSeq is more than a card can be written in its life.
const plausibleSeq = 1 << 32

func damaged(r *record.Record) bool {
	return slices.ContainsFunc(r.Levels[:], func(l record.Level) bool { return l.State == record.LevelDamaged })
}

func (a *app) checkExpected(previous *record.Record, expected optionalSeq) error {
	var seq uint64
	if previous != nil {
		seq = previous.Seq
	}
	switch {
	case !expected.given || expected.value == seq:
		return nil
	case previous == nil:
		return a.conflict(fmt.Sprintf(a.lang.s(
			"la carte est vide, et ne porte pas la synthèse numéro %d",
			"the card is empty, and does not hold summary number %d",
		), expected.value))
	}
	return a.conflict(fmt.Sprintf(a.lang.s(
		"la carte porte la synthèse numéro %d, pas %d",
		"the card holds summary number %d, not %d",
	), seq, expected.value))
}

func (a *app) conflict(message string) *failure {
	return &failure{
		code: exitConflict, name: "conflict",
		message: message + a.lang.s(" ; rien n'a été écrit", "; nothing was written"),
		hint:    a.lang.s("relisez la carte, puis écrivez de nouveau", "read the card again, then write again"),
	}
}

// optionalSeq is the value of --expect-seq: a number from 0, or not given.
type optionalSeq struct {
	value uint64
	given bool
}

func (o *optionalSeq) String() string { return "" }
func (o *optionalSeq) Type() string   { return "N" }

func (o *optionalSeq) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return errors.New("0, 1, 2, …")
	}
	o.value, o.given = n, true
	return nil
}

func (a *app) checkPatientOption(s *summary.Summary, option string) error {
	if option == "" {
		return nil
	}
	if system, value, ok := strings.Cut(option, ":"); !ok || system == "" || value == "" {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"--patient : SYSTÈME:VALEUR, par exemple ins-nir:…",
			"--patient: SYSTEM:VALUE, for example ins-nir:…",
		)}
	}
	for _, id := range s.Patient.IDs {
		if option == string(id.System)+":"+id.Value {
			return nil
		}
	}
	return &failure{
		code: exitWrongPatient, name: "wrong-patient", path: "patient.ids",
		message: a.lang.s(
			"la synthèse n'est pas celle du patient de --patient ; rien n'a été écrit",
			"the summary is not that of the patient of --patient; nothing was written",
		),
	}
}

// samePatient compares who the card is about with who the summary is about. Names of traits are told, never their values.
func (a *app) samePatient(previous *record.Record, s *summary.Summary, allowed bool) error {
	if previous == nil || previous.Summary == nil || allowed {
		return nil
	}
	differ := differentTraits(&previous.Summary.Patient, &s.Patient)
	if len(differ) == 0 {
		return nil
	}
	return &failure{
		code: exitWrongPatient, name: "wrong-patient", path: differ[0],
		message: fmt.Sprintf(a.lang.s(
			"la carte est celle d'un autre patient (traits différents : %s) ; rien n'a été écrit",
			"the card is another patient's (traits that differ: %s); nothing was written",
		), strings.Join(differ, ", ")),
		hint: a.lang.s(
			"vérifiez la carte ; si l'identité a été corrigée, --new-patient écrit quand même",
			"check the card; if the person's identity was corrected, --new-patient writes all the same",
		),
	}
}

// differentTraits returns the paths of the traits in which two patients differ, none if they can be one person. Names change by
// marriage or correction: they may differ where a national identifier is the same. A practice's own numbers prove nothing,
// since every practice counts from 1; but two different ones in one system are two persons.
func differentTraits(x, y *summary.Patient) []string {
	var differ []string
	national := false
	for _, a := range x.IDs {
		for _, b := range y.IDs {
			if a.System != b.System {
				continue
			}
			if a.Value != b.Value {
				differ = append(differ, "patient.ids")
			} else if a.System == summary.SystemINSNIR || a.System == summary.SystemINSNIA {
				national = true
			}
		}
	}
	differ = slices.Compact(differ)
	if !national {
		if !strings.EqualFold(x.Family, y.Family) {
			differ = append(differ, "patient.family")
		}
		if !strings.EqualFold(strings.Join(x.Given[:min(1, len(x.Given))], ""), strings.Join(y.Given[:min(1, len(y.Given))], "")) {
			differ = append(differ, "patient.given")
		}
	}
	if x.BirthDate != y.BirthDate {
		differ = append(differ, "patient.birthDate")
	}
	if x.Sex != y.Sex {
		differ = append(differ, "patient.sex")
	}
	return differ
}

// unchanged compares what would be signed: the canonical bytes of every level.
func unchanged(previous *record.Record, s *summary.Summary) bool {
	was, err := previous.Summary.Compartments()
	if err != nil {
		return false
	}
	is, err := s.Compartments()
	if err != nil {
		return false
	}
	for level := range was {
		if !bytes.Equal(was[level], is[level]) {
			return false
		}
	}
	return true
}
