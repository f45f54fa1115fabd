package fhir_test

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/fhir"
)

func ExampleImport() {
	data, err := os.ReadFile("testdata/french.json")
	if err != nil {
		log.Fatal(err)
	}
	s, losses, err := fhir.Import(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Sections.Allergies.Items[0].Agent.Text, s.Sections.Medications.Items[0].Dosage.Period)
	for _, l := range losses {
		if l.Reason == summary.ReasonNarrative {
			fmt.Println(l.Kind, l.Element, l.Text)
		}
	}
	// Output:
	// céfaclor (ALFATIL) week
	// dropped section[0].text Allergies et intolérances: Venin de guêpe : réaction locale étendue
}

func ExampleExport() {
	data, err := os.ReadFile("../../cmd/secours/example.json")
	if err != nil {
		log.Fatal(err)
	}
	s, err := summary.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	out, _, err := fhir.Export(s, fhir.Origin{Time: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), Signer: summary.Author{Name: "Dr Paul LEROY"}, Verdict: "valid"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Count(string(out), `"resourceType": "AllergyIntolerance"`), "allergies, one of them the statement that no food allergy is known")
	// Output:
	// 5 allergies, one of them the statement that no food allergy is known
}
