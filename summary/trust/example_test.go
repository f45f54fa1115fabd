package trust_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/secours-card/secours/summary/trust"
)

// The certificate of a signature from last year is checked as of then, and by an authority that this reader trusts.
func ExampleStore_Check() {
	signed := time.Date(2025, 11, 21, 9, 0, 0, 0, time.UTC)
	authority, err := trust.NewAuthority("Demo", trust.P256, signed)
	if err != nil {
		panic(err)
	}
	nurse, err := authority.NewIdentity(trust.Subject{Name: "Anne PETIT", Place: "Tours", Role: trust.RoleNurse}, trust.P256, signed)
	if err != nil {
		panic(err)
	}

	var store trust.Store
	_, err = store.Check(nurse.Certificate, signed)
	fmt.Println(errors.Is(err, trust.ErrNoAnchors))

	if err := store.Add(trust.Anchor{Name: "Demo", Certificate: authority.Certificate}); err != nil {
		panic(err)
	}
	who, err := store.Check(nurse.Certificate, signed)
	fmt.Println(who.Name, who.Role, who.Anchor, err)

	_, err = store.Check(nurse.Certificate, signed.AddDate(10, 0, 0))
	fmt.Println(err)
	// Output:
	// true
	// Anne PETIT nurse Demo <nil>
	// the certificate was not valid at the time of signing
}
