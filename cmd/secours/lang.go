package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
)

// lang is the language of everything secours says itself. What a professional wrote stays in the language it was
// written in.
type lang int

const (
	en lang = iota
	fr
)

// chooseLang takes the value of --lang, else the locale of the environment by the order of POSIX: LC_ALL,
// LC_MESSAGES, LANG, the first that is not empty. Anything that is not French is English.
func chooseLang(flag string, getenv func(string) string) (lang, error) {
	if flag != "" {
		switch strings.ToLower(flag) {
		case "fr":
			return fr, nil
		case "en":
			return en, nil
		}
		return en, fmt.Errorf("--lang: fr, en")
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "fr") {
				return fr, nil
			}
			return en, nil
		}
	}
	return en, nil
}

// s is the word of one language. Both always stand together at the point of use, so that none can be missing.
func (l lang) s(french, english string) string {
	if l == fr {
		return french
	}
	return english
}

// pair is a wording in both languages, for tables.
type pair struct{ fr, en string }

func (l lang) p(p pair) string { return l.s(p.fr, p.en) }

// count is n with its noun; zero is singular in French and plural in English.
func (l lang) count(n int, one, many pair) string {
	if n == 1 || n == 0 && l == fr {
		return fmt.Sprintf("%d %s", n, l.p(one))
	}
	return fmt.Sprintf("%d %s", n, l.p(many))
}

// quote puts the marks of the language around what somebody else wrote.
func (l lang) quote(s string) string { return l.s("« ", "“") + s + l.s(" »", "”") }

// colon is the sign before an explanation: French sets a space before it.
func (l lang) colon() string { return l.s(" : ", ": ") }

// date shows a partial date and nothing more than it says. Figures that make no date are shown as they are.
func (l lang) date(d summary.Date) string {
	if d == (summary.Date{}) {
		return ""
	}
	known := d.Month >= 1 && d.Month <= 12
	if l == fr || d.Month != 0 && !known {
		switch {
		case d.Day != 0:
			return fmt.Sprintf("%02d/%02d/%04d", d.Day, d.Month, d.Year)
		case d.Month != 0:
			return fmt.Sprintf("%02d/%04d", d.Month, d.Year)
		}
		return fmt.Sprintf("%04d", d.Year)
	}
	switch {
	case d.Day != 0 && !known:
		return fmt.Sprintf("%d ? %04d", d.Day, d.Year)
	case d.Day != 0:
		return fmt.Sprintf("%d %s %04d", d.Day, shortMonths[d.Month-1], d.Year)
	case known:
		return fmt.Sprintf("%s %04d", shortMonths[d.Month-1], d.Year)
	}
	return fmt.Sprintf("%04d", d.Year)
}

var shortMonths = [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// day shows the calendar day of an instant, in its own location.
func (l lang) day(t time.Time) string {
	return l.date(summary.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()})
}

// on is a date within a sentence: a day takes "le" in French and "on" in English, a month or a year "en" and "in".
func (l lang) on(d summary.Date) string {
	switch {
	case d == (summary.Date{}):
		return ""
	case d.Day != 0:
		return l.s("le ", "on ") + l.date(d)
	}
	return l.s("en ", "in ") + l.date(d)
}

// days says how long ago something was: exact days while they matter, then whole months, then whole years.
func (l lang) days(n int) string {
	switch {
	case n == 0:
		return l.s("aujourd'hui", "today")
	case n < 100:
		return l.count(n, pair{"jour", "day"}, pair{"jours", "days"})
	case n < 730:
		return l.count(n*12/365, pair{"mois", "month"}, pair{"mois", "months"})
	}
	return l.count((n*4+3)/1461, pair{"an", "year"}, pair{"ans", "years"})
}

// age is what can be said of an age from a birth date that may be partial; "" where nothing honest can be, as for a date
// in the future. English says "aged 77", since "77 years" alone may be how long something took.
func (l lang) age(birth summary.Date, now time.Time) string {
	text := l.ageText(birth, now)
	if l == en && text != "" {
		return "aged " + text
	}
	return text
}

func (l lang) ageText(birth summary.Date, now time.Time) string {
	year, month, day := now.Date()
	years := year - birth.Year
	if birth.Year == 0 || years < 0 || years > 130 || birth.Month < 0 || birth.Month > 12 || birth.Day < 0 || birth.Day > 31 {
		return ""
	}
	yearsOld := func(n int) string {
		if l == en {
			return strconv.Itoa(n)
		}
		return l.count(n, pair{"an", "year"}, pair{"ans", "years"})
	}
	if birth.Month == 0 {
		if years < 2 {
			return l.s("moins de 2 ans", "under 2")
		}
		return l.s("environ ", "about ") + yearsOld(years)
	}
	months := years*12 + int(month) - birth.Month
	if birth.Day > day {
		months--
	}
	if months < 0 {
		return ""
	}
	if months < 24 {
		if birth.Day == 0 {
			return l.s("environ ", "about ") + l.count(months, pair{"mois", "month"}, pair{"mois", "months"})
		}
		if months == 0 {
			born := time.Date(birth.Year, time.Month(birth.Month), birth.Day, 12, 0, 0, 0, time.UTC)
			today := time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
			return l.count(int(today.Sub(born).Hours()/24), pair{"jour", "day"}, pair{"jours", "days"})
		}
		return l.count(months, pair{"mois", "month"}, pair{"mois", "months"})
	}
	if birth.Day == 0 && birth.Month == int(month) {
		return l.s("environ ", "about ") + yearsOld(years)
	}
	return yearsOld(months / 12)
}
