package summary_test

import (
	"errors"
	"fmt"

	"github.com/secours-card/secours/summary"
)

func ExampleParse() {
	s, err := summary.Parse([]byte(`{
		"schema": "secours.summary/1",
		"patient": {"family": "DURAND", "given": ["Jeanne"], "birthDate": "1948-12-03", "sex": "female"},
		"sections": {"allergies": {"status": "items", "items": [
			{"agent": {"text": "amoxicilline"}, "criticality": "high", "onset": "2012"}]}}}`))
	if err != nil {
		panic(err)
	}
	for _, a := range s.Sections.Allergies.Items {
		fmt.Println(a.Agent.Text, a.Criticality, a.Onset)
	}
	fmt.Println("history asked about:", s.Sections.History != nil)

	// An empty list says nothing: who asked, and what was the answer?
	_, err = summary.Parse([]byte(`{
		"schema": "secours.summary/1",
		"patient": {"family": "DURAND", "given": ["Jeanne"], "birthDate": "1948-12-03", "sex": "female"},
		"sections": {"allergies": {"items": []}}}`))
	var at *summary.PathError
	if errors.As(err, &at) {
		fmt.Println(at.Path)
	}
	// Output:
	// amoxicilline high 2012
	// history asked about: false
	// sections.allergies.status
}
