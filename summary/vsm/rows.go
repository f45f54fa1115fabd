package vsm

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/secours-card/secours/summary"
)

// An account is what a statement of the allergies says, to find the rows of the narrative that are about it: its words, and the
// names of its agent, without the words that name no substance. A statement that gave no item, be it that it was withdrawn or that it
// says that there is none, has one too: its row must not come back as an allergy.
type account struct {
	words map[string]bool
	names [][]string
}

// maxAccounts bounds the search for what a row says. What is beyond it makes an item too many.
const maxAccounts = 3 * maxItems

func (im *importer) account(a account) {
	if len(im.accounts) < maxAccounts {
		im.accounts = append(im.accounts, a)
	}
}

// accountOf is that of an item. The labels of its codes are none of its words, for they are not in the summary: the label
// "codeine" of an "aspirin" does not say that codeine is on the card.
func accountOf(a *summary.Allergy) account {
	texts := []string{
		a.Agent.Text, a.Note, a.Severity, a.By.Name, a.By.Org, a.Onset.String(), a.LastReaction.String(), a.Recorded.String(),
	}
	for _, r := range a.Reactions {
		texts = append(texts, r.Text)
	}
	if a.Category == summary.CategoryFood || a.Category == "" {
		texts = append(texts, "alimentaire food")
	}
	names := [][]string{substances(rowWords(a.Agent.Text))}
	// "Clamoxyl (amoxicilline)" has two names.
	if before, inside, ok := strings.Cut(a.Agent.Text, "("); ok {
		names = append(names, substances(rowWords(before)), substances(rowWords(inside)))
	}
	return account{stems(texts...), names}
}

// A row that says more than one thing is cut where it may go on to another.
var joints = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)[,;/+•&|]|\s(?:et|and|ainsi que|ou|or|puis)\s`)
})

// accounted says whether statements say everything in a text that may be a substance.
func (im *importer) accounted(text string) bool {
	said := func(all, named []string) bool {
		return slices.ContainsFunc(im.accounts, func(a account) bool { return a.says(all, named) })
	}
	all := rowWords(text)
	if said(all, substances(all)) {
		return true
	}
	found := false
	for _, part := range joints().Split(text, -1) {
		all := rowWords(part)
		named := substances(all)
		if len(named) > 0 && !said(all, named) {
			return false
		}
		found = found || len(named) > 0
	}
	return found
}

// says returns whether a statement has all words of a text, or its agent and besides that only words that name no substance.
func (a account) says(all, named []string) bool {
	if !slices.ContainsFunc(all, func(w string) bool { return !a.words[w] && !isPlain(w) }) {
		return true
	}
	if slices.ContainsFunc(named, func(w string) bool { return !a.words[w] }) {
		return false
	}
	return slices.ContainsFunc(a.names, func(name []string) bool {
		return len(name) > 0 && !slices.ContainsFunc(name, func(w string) bool { return !slices.Contains(named, w) })
	})
}

// rowAccounted says whether statements say the substance of a row. Where the table has a column for it, the others are about the
// reaction or say who noted it.
func (im *importer) rowAccounted(b block) bool {
	if b.n.name == "tr" {
		heads, texts := cells(b.n)
		i := slices.IndexFunc(heads, isAgentHead)
		if i >= 0 && !blank(texts[i]) && len(substances(rowWords(texts[i]))) > 0 {
			return im.accounted(texts[i])
		}
	}
	return im.accounted(b.text)
}

// isAgentHead says whether a column of allergies has what they are to.
func isAgentHead(head string) bool {
	found := false
	for w := range stems(head) {
		switch {
		case slices.Contains([]string{"type", "date", "code", "coded", "reaction", "statut", "status"}, w):
			return false
		case strings.HasPrefix(w, "allerg"),
			slices.Contains([]string{"agent", "substance", "produit", "product", "medicament", "drug", "name", "nom", "libelle", "cause"}, w):
			found = true
		}
	}
	return found
}

// heads says whether a block is the heading of those after it: words of headings alone, in a line that says so by a colon, a
// plural, or its place as the first row of a table.
func heads(found []block, i int) bool {
	b, all := found[i], words(found[i].text)
	prose := slices.Contains(all, "section") // where "or" is not gold
	if i+1 == len(found) || slices.ContainsFunc(rowWords(b.text), func(w string) bool {
		return !isPlain(w) && !headings()[w] && !(prose && w == "or")
	}) {
		return false
	}
	switch {
	case strings.HasSuffix(b.text, ":"):
		return true
	case b.n.name == "tr" && b.n.nth <= 1 && len(b.n.all("td")) > 1 && found[i+1].n.up == b.n.up:
		table := b.n.up
		if table != nil && table.name == "tbody" {
			table = table.up
		}
		if table.kid("thead") == nil {
			return true
		}
	}
	many := slices.ContainsFunc(all, func(w string) bool {
		return slices.Contains([]string{"allergies", "intolerances", "hypersensibilites", "reactions"}, w)
	})
	return many && (b.n.name != "tr" && b.n.name != "item" || prose)
}

// deniesFirst says whether each part of a text begins with a denial, and makes no exception: "aucune notée par le spécialiste". Beside a
// code that says the same it names no allergy.
func deniesFirst(s string) bool {
	denied := false
	for _, part := range clauses().Split(s, -1) {
		first := false
		for _, w := range words(part) {
			switch {
			case slices.Contains(denials, w):
				first = true
			case isException(w):
				return false
			case !first && !slices.Contains(idle, w) && strings.Trim(w, "0123456789") != "":
				return false
			}
		}
		denied = denied || first
	}
	return denied
}

var clauses = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[.,:;!\n]\s|\s[-–—]\s`)
})

func isException(w string) bool {
	return slices.Contains(exceptions, w) || strings.HasPrefix(w, "excep")
}

var exceptions = strings.Fields(`sauf hormis hormi mais hors dehors part exclusion excluding que qu seulement uniquement cependant toutefois
	but besides apart than only however unless autrement`)

// denial says whether a text beside a code for "none known" says no more than the code: words of denials alone, in whatever number, and
// dates.
func denial(s string) bool {
	if denies(s) {
		return true
	}
	for _, w := range words(s) {
		if !denialStems()[stem(w)] && strings.Trim(w, "0123456789") != "" {
			return false
		}
	}
	return slices.ContainsFunc(words(s), func(w string) bool { return slices.Contains(denials, w) })
}

var denialStems = sync.OnceValue(func() map[string]bool {
	return stems(strings.Join(idle, " "), strings.Join(denials, " "), "note notee situation nie denies he she il elle y on avoir l aucun aliment")
})

// unnamed says whether the words in the place of an agent name none: a denial, or the kind of things that agents are.
func unnamed(s string) bool {
	return denial(s) || !slices.ContainsFunc(words(s), func(w string) bool { return !kinds()[stem(w)] })
}

var kinds = sync.OnceValue(func() map[string]bool {
	return stems(strings.Join(plain, " "), `allergie allergique allergy allergic substance agent allergene allergen produit product
	medicament medicamenteuse medicamenteux drug medication medicinal pharmaceutical aliment alimentaire food environment environmental
	environnement environnementale`)
})

// substances returns those of the words of a text that may name a substance: all but those for reactions, times, and whatever else is said of
// an allergy. A word that is not known here makes an item too many, never one too few.
func substances(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(w string) bool {
		return isPlain(w) || aside()[w] || strings.Trim(w, "0123456789") == "" ||
			slices.ContainsFunc(reactionStems, func(stem string) bool { return strings.HasPrefix(w, stem) })
	})
}

// rowWords returns the stems of a text's words. "Thé" is tea, and "the" an article.
func rowWords(text string) []string {
	var found []string
	text = strings.ToLower(norm.NFC.String(text))
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		if w == "thé" || w == "thés" {
			found = append(found, "thé")
			continue
		}
		for _, v := range words(w) {
			found = append(found, stem(v))
		}
	}
	return found
}

// stem makes plurals equal to their singular, and numbers without their zeros.
func stem(w string) string {
	if len(w) > 3 {
		w = strings.TrimRight(w, "sx")
	}
	if short := strings.TrimLeft(w, "0"); short != "" {
		w = short
	}
	return w
}

func stems(texts ...string) map[string]bool {
	all := map[string]bool{}
	for _, s := range texts {
		for _, w := range rowWords(s) {
			all[w] = true
		}
	}
	return all
}

var plainStems = sync.OnceValue(func() map[string]bool {
	return stems(strings.Join(plain, " "))
})

func isPlain(w string) bool { return plainStems()[w] }

// aside are the words that name no substance. Those of "idle" are among them, but for gold (or) and for vaccines and implants, which
// are what some are allergic to, and for food: "pénicilline, allergie alimentaire" are two allergies.
var aside = sync.OnceValue(func() map[string]bool {
	all := stems(strings.Join(idle, " "), strings.Join(denials, " "), `choc chocs shock rash toux cough hive wheezing gene grave graves
		leger legere mild moyen moyenne fatal mineur mineure majeur majeure important importante hypotension bouton boutons swelling
		short shortness breath possible probable actif active inactif inactive resolu resolue bas basse eleve elevee high low
		statut status type agent substance severity severite gravite criticite certitude intermittent permanent
		janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre an ans annee annees mois semaine heure
		heures minutes age enfance enfant jeune apres avant lors prise suite immediat immediate no longer hospitalisation
		respiratoire dans sur avec chez qui`)
	for w := range stems(`or vaccin vaccination immunization implant device dispositif alimentaire food`) {
		delete(all, w)
	}
	return all
})

// reactionStems begin words for reactions, and for how sure, how bad and of what kind an allergy is.
var reactionStems = strings.Fields(`allerg intoler hypersens reaction manifest urticair urticari anaphyla oedem œdem edema angioedem
	angioœdem quincke erupt prurit itch demange nause vomiss vomit diarr dyspn asthm bronchosp rhinit conjonctivit conjunctivit eczema
	erythem malaise fever febril fievre dermat cutan rougeur gonfle lyell toxiderm syncop sever moder confirm suspect present
	commentaire`)

// headings are the words of headings.
var headings = sync.OnceValue(func() map[string]bool {
	return stems(`allergie allergique allergy intolerance hypersensibilite reaction adverse effet indesirable alerte medicament
	medicamenteuse alimentaire respiratoire environnement environnementale cutanee autre other drug food connue known signalee
	declaree patient liste suivante suivant note et ou and allergene allergen agent responsable substance manifestation date debut
	fin severite severity gravite statut status commentaire comment type source criticite certitude observation produit nom name
	libelle code event onset ses sont this section contains all information from va treatment facilities it does not contain
	that were deleted entered error cette rubrique contient`)
})
