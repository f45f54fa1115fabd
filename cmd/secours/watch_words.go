package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// words are what is on the screen while there is no summary.
func (f *screenFront) words() string {
	l, w := f.a.lang, f.w
	var b strings.Builder
	add := func(s string) { b.WriteString(s); b.WriteByte('\n') }
	v := f.current
	switch {
	case v != nil && (v.last == nil || v.last.failure == nil):
		add(l.s("LECTURE…  ", "READING…  ") + oneLine(v.slot.reader.Name))
		return b.String()
	case v != nil:
		b.WriteString(f.a.talk(v.last.failure))
		for _, n := range v.last.notes {
			add(clean(n))
		}
		if !v.again.IsZero() {
			add("\n" + l.s("Nouvel essai dans un instant.", "It will be tried again in a moment."))
		}
		return b.String()
	case w.down != nil:
		b.WriteString(f.a.talk(w.down))
		add("\n" + l.s("Reprise dès qu'il répond.", "It is taken up as soon as it answers."))
	case !w.started:
		add(l.s("RECHERCHE DES LECTEURS…", "LOOKING FOR READERS…"))
		return b.String()
	case len(w.slots) == 0:
		add(l.s("BRANCHEZ UN LECTEUR DE CARTES", "PLUG IN A CARD READER"))
	default:
		add(l.s("INSÉREZ UNE CARTE", "INSERT A CARD"))
	}
	add("")
	for _, s := range w.slots {
		state := l.s("vide", "empty")
		if s.reader.Exclusive {
			state = l.s("tenu par un autre programme", "held by another program")
		}
		add("  " + oneLine(s.reader.Name) + l.colon() + state)
	}
	if len(w.slots) > 0 {
		add("")
	}
	if f.trust != "" {
		add("  " + f.trust)
	}
	return b.String()
}

// verdict is what the exit code of a reading says ("read --help").
func (f *screenFront) verdict(v *visit) string {
	l := f.a.lang
	switch v.last.code {
	case exitOK:
		return l.s("VÉRIFIÉE", "VERIFIED")
	case exitInvalid:
		return l.s("NE PAS S'Y FIER", "NOT TO BE RELIED ON")
	case exitUnverifiable:
		return l.s("NON VÉRIFIÉE EN ENTIER", "NOT WHOLLY VERIFIED")
	case exitNotAuthorised:
		return l.s("AUCUNE CLÉ POUR L'OUVRIR", "NO KEY TO OPEN IT")
	}
	return l.s("NON LUE", "NOT READ")
}

// statusLine tells what is on the screen. Where there is not room for all, what matters least is left out as a whole.
func (f *screenFront) statusLine() string {
	l, v := f.a.lang, f.current
	line := " "
	add := func(forms ...string) {
		for _, s := range forms {
			if textWidth(line+s) < f.columns {
				line += s + " | "
				return
			}
		}
	}
	if v != nil && v.last != nil {
		add(f.verdict(v))
	}
	first, last, above, below := f.page.span()
	switch {
	case below:
		add(fmt.Sprintf(l.s("lignes %d-%d sur %d : SUITE PLUS BAS", "lines %d-%d of %d: MORE BELOW"), first, last, f.page.lines),
			fmt.Sprintf(l.s("%d-%d/%d SUITE", "%d-%d/%d MORE"), first, last, f.page.lines), l.s("SUITE", "MORE"))
	case above:
		add(fmt.Sprintf(l.s("lignes %d-%d sur %[2]d : fin", "lines %d-%d of %[2]d: end"), first, last), l.s("fin", "end"))
	}
	if v != nil && v.document != nil && v.touched {
		add(l.s("UTILISÉE DEPUIS, à relire", "USED SINCE, to be read again"), l.s("à relire", "read again"))
	}
	if n := len(f.w.visits); n > 1 {
		at := slices.Index(f.w.visits, v) + 1
		forms := []string{fmt.Sprintf(l.s("carte %d sur %d (Tab)", "card %d of %d (Tab)"), at, n), fmt.Sprintf("%d/%d", at, n)}
		for _, s := range f.aside() {
			// There has to be room for the reader of what is on the screen.
			if textWidth(line+s)+20 < f.columns {
				forms = []string{s}
				break
			}
		}
		add(forms...)
	}
	if v != nil && v.last != nil {
		add(fmt.Sprintf(l.s("il y a %s", "%s ago"), ago(time.Since(v.at))))
	}
	if v != nil {
		add(shortened(oneLine(v.slot.reader.Name), f.columns-textWidth(line)-1))
	}
	add(l.s("q quitter", "q quits"))
	return strings.TrimSuffix(line, "| ")
}

// aside tells of the card that was put in last, of those that are not on the screen and show nothing, in ever fewer words.
func (f *screenFront) aside() []string {
	l := f.a.lang
	for _, v := range slices.Backward(f.w.visits) {
		if v == f.current || v.document != nil {
			continue
		}
		reader := oneLine(v.slot.reader.Name)
		short := l.s("lecture", "reading")
		what := short
		if v.last != nil {
			short = f.verdict(v)
			what = short
			if v.last.failure != nil {
				what = oneLine(v.last.failure.message)
			}
		}
		return []string{
			fmt.Sprintf("%s%s%s (Tab)", reader, l.colon(), what), fmt.Sprintf("%s%s%s (Tab)", reader, l.colon(), short),
			fmt.Sprintf("%s (Tab)%s%s", shortened(reader, 12), l.colon(), short), fmt.Sprintf("Tab%s%s", l.colon(), short),
		}
	}
	return nil
}

// shortened is the name of a reader in so many columns. Its end stays, which tells the slots of a reader apart.
func shortened(name string, columns int) string {
	const end = 5 // as " 00 01" of pcsc-lite
	runes := []rune(name)
	if textWidth(name) <= columns || columns < end+4 {
		return name
	}
	tail := string(runes[len(runes)-end:])
	columns -= textWidth(tail) + 1
	head := 0
	for head < len(runes)-end && columns >= runeWidth(runes[head]) {
		columns -= runeWidth(runes[head])
		head++
	}
	return string(runes[:head]) + "…" + tail
}

// ago is a time that has passed, in the unit that matters.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
