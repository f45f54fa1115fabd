package main

import (
	"errors"
	"strings"

	"github.com/secours-card/secours/summary"
)

// problem is one thing that is wrong with a summary, or that deserves a second look. It never quotes a value.
type problem struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// problems lists what is wrong with a summary, in the user's language.
func (a *app) problems(err error) []problem {
	var list []problem
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok && !errors.As(err, new(*summary.SyntaxError)) {
			if _, isPath := err.(*summary.PathError); !isPath {
				for _, e := range joined.Unwrap() {
					walk(e)
				}
				return
			}
		}
		p := problem{Message: err.Error()}
		var at *summary.PathError
		if errors.As(err, &at) {
			p = problem{at.Path, at.Err.Error()}
		}
		p.Message = a.lang.s(inFrench(p.Message), p.Message)
		list = append(list, p)
	}
	walk(err)
	return list
}

// inFrench translates what package summary says is wrong. Its texts are a short list of phrases; names of members and values stay as
// they are.
func inFrench(message string) string { return frenchProblems.Replace(message) }

var frenchProblems = strings.NewReplacer(
	"malformed JSON", "JSON mal formé",
	"too large", "trop grand",
	"wrong type", "mauvais type",
	"missing", "absent",
	"empty text: leave the member out", "texte vide : enlevez le membre",
	"empty object: leave the member out", "objet vide : enlevez le membre",
	"unknown value", "valeur inconnue",
	"comes from a newer format", "vient d'un format plus récent",
	"no such date", "cette date n'existe pas",
	"character not allowed", "caractère interdit",
	"duplicate member", "membre en double",
	"duplicate value", "valeur en double",
	"duplicate", "en double",
	"contradiction", "contradiction",
	"the status is items, so there must be one", "le statut est items, il en faut donc au moins un",
	"the status is ", "le statut est ",
	", but there are items", ", mais il y a des éléments",
	" is of this category", " est de cette catégorie",
	"another item has the same id", "un autre élément a le même identifiant",
	"open wants the patient's consent, and there is none", "open demande le consentement du patient, et il n'y en a pas",
	"the year must be from", "l'année va de",
	"the month must be from", "le mois va de",
	"the month has no such day", "le mois n'a pas ce jour",
	"a day without its month", "un jour sans son mois",
	"leave out what is not known", "enlevez ce qui n'est pas connu",
	"nested deeper than", "plus profond que",
	"replacement character, lone surrogate or invalid UTF-8", "caractère de remplacement, demi-codet isolé ou UTF-8 incorrect",
	"line break", "fin de ligne",
	"control character in a text", "caractère de commande dans un texte",
	"text without end", "texte sans fin",
	"unknown escape in a text", "échappement inconnu dans un texte",
	"control character", "caractère de commande",
	"a member without a name", "un membre sans nom",
	"this section has no categories", "cette section n'a pas de catégories",
	"no such item", "aucun élément de ce numéro",
	"no such member, and none that would be shown", "ce membre n'existe pas, et ne serait jamais affiché",
	"another operation of this list is about the same item", "une autre opération de cette liste porte sur le même élément",
	"names an item and says nothing", "nomme un élément et n'en dit rien",
	"only the author of a base can open an item to everybody", "seul l'auteur d'une synthèse ouvre un élément à tous",
	"whatever an amendment adds is unreviewed", "ce qu'un ajout apporte n'est jamais déjà revu",
	"want at least one operation", "il faut une opération au moins",
	"want true or false", "il faut true ou false",
	"want a date as YYYY, YYYY-MM or YYYY-MM-DD", "il faut une date AAAA, AAAA-MM ou AAAA-MM-JJ",
	"want letters, digits, dots, dashes and underscores", "il faut des lettres, chiffres, points, tirets et soulignés",
	"want an object", "il faut un objet",
	"want a list", "il faut une liste",
	"want a text", "il faut un texte",
	"want a number", "il faut un nombre",
	"want a URI", "il faut un URI",
	"want the name of a member", "il faut le nom d'un membre",
	"want a colon", "il faut deux-points",
	"want a comma or the end of the object", "il faut une virgule ou la fin de l'objet",
	"want a comma or the end of the list", "il faut une virgule ou la fin de la liste",
	"want a value", "il faut une valeur",
	"want one compact JSON value", "il faut une seule valeur JSON, compacte",
	"want CBOR in base64", "il faut du CBOR en base64",
	"name of a member", "nom d'un membre",
	"others annotate what an amendment adds", "ce qu'un ajout apporte est annoté par d'autres",
	"a name that begins with # must be #N, the number of a member", "un nom qui commence par # est #N, le numéro d'un membre",
	"this version knows the member under its name", "cette version connaît ce membre par son nom",
	"want ", "il faut ",
	"say ", "dites ",
	" at most ", " au plus ",
	" characters,", " caractères,",
	" elements,", " éléments,",
	" items,", " éléments,",
	" bytes,", " octets,",
	" at byte ", " à l'octet ",
	" at line ", ", ligne ",
	", column ", ", colonne ",
	"(byte ", "(octet ",
	": ", " : ",
	" or ", " ou ",
	" to ", " à ",
)
