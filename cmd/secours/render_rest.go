package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/secours-card/secours/summary"
)

func (r *renderer) measurements(s *summary.Section[summary.Measurement]) block {
	l := r.l
	b, items := start(r, "measurements", s)
	for i := range items {
		m := &items[i]
		e := entry{mark: ordinary, main: new(phrase)}
		e.main.keep(plain, strings.TrimRight(word(l, measurementKindWords, m.Kind)+" "+m.Value.Text+" "+m.Unit, " "))
		if m.Date != (summary.Date{}) {
			e.main.list(l.date(m.Date))
		} else {
			e.main.list(l.s("NON DATÉ", "NOT DATED"))
		}
		if m.Kind == "blood-group" {
			lab := m.Laboratory
			if lab == "" {
				lab = l.s("NON INDIQUÉ", "NOT STATED")
			}
			e.main.list(l.s("laboratoire : ", "laboratory: ")+lab).add(plain, ", ").
				keep(strong, l.s("SANS VALEUR TRANSFUSIONNELLE", "NOT VALID FOR TRANSFUSION"))
		} else if m.Laboratory != "" {
			e.main.list(l.s("laboratoire : ", "laboratory: ") + m.Laboratory)
		}
		if m.Note != "" {
			e.main.list(l.quote(m.Note))
		}
		r.common(&e, &m.Common, m)
		b.entries = append(b.entries, e)
	}
	return b
}

func (r *renderer) vaccinations(s *summary.Section[summary.Vaccination]) block {
	l := r.l
	b, items := start(r, "vaccinations", s)
	for i := range items {
		v := &items[i]
		e := entry{mark: ordinary, main: new(phrase)}
		e.main.keep(plain, r.concept(&v.Vaccine))
		if v.Date != (summary.Date{}) {
			e.main.list(l.date(v.Date))
		} else {
			e.main.list(l.s("date non indiquée", "date not stated"))
		}
		if v.Note != "" {
			e.main.list(l.quote(v.Note))
		}
		r.common(&e, &v.Common, v)
		b.entries = append(b.entries, e)
	}
	return b
}

// history comes with what is active first and the family's last.
func (r *renderer) history(s *summary.Section[summary.Condition]) block {
	b, items := start(r, "history", s)
	order := func(c *summary.Condition) int {
		switch {
		case c.Kind == "family":
			return 4
		case c.Certainty == "refuted":
			return 3
		}
		if n, ok := map[summary.ConditionStatus]int{"active": 0, "recurrence": 0, "relapse": 0, "remission": 2, "inactive": 3, "resolved": 3}[c.Status]; ok {
			return n
		}
		return 1
	}
	sorted := make([]*summary.Condition, len(items))
	for i := range items {
		sorted[i] = &items[i]
	}
	slices.SortStableFunc(sorted, func(a, b *summary.Condition) int { return order(a) - order(b) })
	for _, c := range sorted {
		b.entries = append(b.entries, r.condition(c))
	}
	return b
}

func (r *renderer) condition(c *summary.Condition) entry {
	l := r.l
	e := entry{mark: ordinary, main: new(phrase)}
	if c.Certainty == "refuted" {
		e.mark = refuted
	}
	if c.Kind == "family" {
		e.title = caps(l, conditionKindWords, c.Kind)
	}
	if c.Certainty != "" && c.Certainty != "confirmed" {
		e.title = strings.TrimSpace(e.title + " " + caps(l, certaintyWords, c.Certainty))
	}
	e.main.keep(plain, r.concept(&c.Condition))
	e.main.list(word(l, lateralityWords, c.Laterality))
	if c.Kind != "family" && c.Kind != "disease" {
		e.main.list(word(l, conditionKindWords, c.Kind))
	}
	if c.Onset != (summary.Date{}) {
		if c.Kind == "procedure" {
			e.main.list(l.date(c.Onset))
		} else {
			e.main.list(l.s("depuis ", "since ") + l.date(c.Onset))
		}
	}
	if c.End != (summary.Date{}) {
		e.main.list(l.s("fin ", "ended ") + l.date(c.End))
	}
	e.main.list(word(l, conditionStatusWords, c.Status))
	if c.Certainty == "confirmed" {
		e.main.list(word(l, certaintyWords, c.Certainty))
	}
	if c.Note != "" {
		e.main.list(l.quote(c.Note))
	}
	r.common(&e, &c.Common, c)
	return e
}

func (r *renderer) visits(s *summary.Section[summary.Visit]) block {
	l := r.l
	b, items := start(r, "visits", s)
	for i := range items {
		v := &items[i]
		e := entry{mark: ordinary, main: new(phrase)}
		date := l.date(v.Date)
		if date == "" {
			date = l.s("non daté", "not dated")
		}
		e.main.add(plain, date+"  "+r.concept(&v.Reason))
		if v.Conclusion != nil {
			e.main.add(plain, l.s(" ; conclusion : ", "; conclusion: ")+r.concept(v.Conclusion))
		}
		e.main.list(v.Place)
		if v.Note != "" {
			e.main.list(l.quote(v.Note))
		}
		r.common(&e, &v.Common, v)
		b.entries = append(b.entries, e)
	}
	return b
}

// contacts come in the order of their priority, where it is a number.
func (r *renderer) contacts(s *summary.Section[summary.Contact]) block {
	l := r.l
	b, items := start(r, "contacts", s)
	sorted := make([]*summary.Contact, len(items))
	for i := range items {
		sorted[i] = &items[i]
	}
	priority := func(c *summary.Contact) int {
		if n, err := strconv.Atoi(c.Priority.Text); err == nil {
			return n
		}
		return 1 << 30
	}
	slices.SortStableFunc(sorted, func(a, b *summary.Contact) int { return min(max(priority(a)-priority(b), -1), 1) })
	for _, c := range sorted {
		e := entry{mark: ordinary, main: new(phrase), title: caps(l, contactKindWords, c.Kind)}
		e.main.add(plain, c.Name)
		if c.Relationship != "" {
			e.main.add(plain, " ("+c.Relationship+")")
		}
		for _, phone := range c.Phones {
			e.main.add(plain, "  ").keep(strong, phone)
		}
		if len(c.Phones) == 0 {
			e.main.list(l.s("téléphone non indiqué", "telephone not stated"))
		}
		if c.Language != "" {
			e.main.list(l.s("langue : ", "language: ") + l.language(c.Language))
		}
		if c.Priority.Text != "" && priority(c) == 1<<30 {
			e.main.list(l.s("priorité ", "priority ") + c.Priority.Text)
		}
		r.common(&e, &c.Common, c)
		b.entries = append(b.entries, e)
	}
	return b
}
