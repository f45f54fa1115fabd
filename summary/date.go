package summary

import (
	"fmt"
	"time"
)

// Date is a partial date: a year, a year and month, or a day. The zero Date is absent.
type Date struct{ Year, Month, Day int }

// The years of a Date: nobody older is a patient, and the years below 2156 fit one byte counted from 1900.
const (
	minYear = 1850
	maxYear = 2155
)

// IsZero says whether the date is absent.
func (d Date) IsZero() bool { return d == Date{} }

// String returns the date as JSON writes it: 2026, 2026-11 or 2026-11-21, and nothing for the zero Date.
func (d Date) String() string { return string(d.append(nil)) }

func (d Date) append(b []byte) []byte {
	if d.IsZero() {
		return b
	}
	two := func(n int) []byte { return append(b, '-', byte('0'+n/10%10), byte('0'+n%10)) }
	b = fmt.Appendf(b, "%04d", d.Year)
	if d.Month != 0 {
		b = two(d.Month)
	}
	if d.Day != 0 {
		b = two(d.Day)
	}
	return b
}

// ParseDate reads a partial date as JSON writes it. The error wraps ErrType or ErrDate.
func ParseDate(s string) (Date, error) {
	var d Date
	number := func(s string) int {
		n := 0
		for i := range len(s) {
			if s[i] < '0' || s[i] > '9' {
				return -1
			}
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	switch {
	case len(s) != 4 && len(s) != 7 && len(s) != 10, len(s) >= 7 && s[4] != '-', len(s) == 10 && s[7] != '-':
		return Date{}, errDateForm()
	}
	d.Year = number(s[:4])
	if len(s) >= 7 {
		d.Month = number(s[5:7])
	}
	if len(s) == 10 {
		d.Day = number(s[8:10])
	}
	switch {
	case d.Year < 0 || d.Month < 0 || d.Day < 0:
		return Date{}, errDateForm()
	case len(s) >= 7 && d.Month == 0 || len(s) == 10 && d.Day == 0:
		// Zero means unknown in a Date: it must not be written as a month or a day.
		return Date{}, fmt.Errorf("%w: leave out what is not known", ErrDate)
	}
	return d, d.check()
}

func errDateForm() error {
	return fmt.Errorf("%w: want a date as YYYY, YYYY-MM or YYYY-MM-DD", ErrType)
}

func (d Date) check() error {
	switch {
	case d.Year < minYear || d.Year > maxYear:
		return fmt.Errorf("%w: the year must be from %d to %d", ErrDate, minYear, maxYear)
	case d.Month < 0 || d.Month > 12:
		return fmt.Errorf("%w: the month must be from 1 to 12", ErrDate)
	case d.Day != 0 && d.Month == 0:
		return fmt.Errorf("%w: a day without its month", ErrDate)
	case d.Day < 0 || d.Day != 0 && d.Day > daysIn(d.Year, d.Month):
		return fmt.Errorf("%w: the month has no such day", ErrDate)
	}
	return nil
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// number is the date on the card. It grows with the date, and an unknown month or day is 0.
func (d Date) number() int64 {
	return (int64(d.Year-1900)*13+int64(d.Month))*32 + int64(d.Day)
}

func dateOf(n int64) (Date, error) {
	const year = 13 * 32
	if n < (minYear-1900)*year || n >= (maxYear+1-1900)*year {
		return Date{}, fmt.Errorf("%w: the year must be from %d to %d", ErrDate, minYear, maxYear)
	}
	n += (1900 - minYear) * year
	d := Date{minYear + int(n/year), int(n % year / 32), int(n % 32)}
	return d, d.check()
}
