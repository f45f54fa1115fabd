package record

import (
	"fmt"
	"reflect"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// PermissionError means that a role may not do one operation of an amendment. It unwraps to ErrRole.
type PermissionError struct {
	Role      trust.Role
	Operation summary.Operation
	Section   string // "" where the item is not there
	Path      string // of the operation in the amendment, such as stop[0]
}

func (e *PermissionError) Error() string {
	role := string(e.Role)
	if role == "" {
		role = "a signer without a role"
	}
	if e.Section == "" {
		return fmt.Sprintf("%s: %s may not %s", e.Path, role, e.Operation)
	}
	return fmt.Sprintf("%s: %s may not %s this in %s", e.Path, role, e.Operation, e.Section)
}

func (e *PermissionError) Unwrap() error { return ErrRole }

// A condition says of an item that a role may add it, or do the operation on it.
type condition func(item any) bool

// permissions are the operations that a role may do in a section, by the section's name, and on which items. What is not named is
// refused. OpRetract is for items that the same signer added, whatever the role.
type permissions map[string]map[summary.Operation]condition

// permissionsOf is the table of FORMAT 4.11.
func permissionsOf(role trust.Role) permissions {
	type operations = map[summary.Operation]condition
	// What is given out in a pharmacy, bought there or told there is said by whoever hears of it; what was prescribed is for
	// prescribers.
	supplies := operations{
		summary.OpAdd: supplied, summary.OpStop: supplied, summary.OpAnnotate: anything, summary.OpTaken: anything,
		summary.OpDispensed: anything, summary.OpRetract: anything,
	}
	notes := operations{summary.OpAdd: anything, summary.OpAnnotate: anything, summary.OpRetract: anything}
	told := operations{summary.OpAdd: reported, summary.OpRetract: anything}
	switch role {
	case trust.RolePhysician:
		all := permissions{}
		for _, name := range summary.SectionNames() {
			all[name] = operations{
				summary.OpAdd: anything, summary.OpStop: anything, summary.OpAnnotate: anything, summary.OpTaken: anything,
				summary.OpDispensed: anything, summary.OpRetract: anything,
			}
		}
		return all
	case trust.RolePharmacist:
		return permissions{"medications": supplies, "vaccinations": notes, "allergies": told}
	case trust.RoleMidwife:
		return permissions{
			"medications": {
				summary.OpAdd: anything, summary.OpStop: supplied, summary.OpAnnotate: anything, summary.OpTaken: anything,
				summary.OpDispensed: anything, summary.OpRetract: anything,
			},
			"vaccinations": notes,
			"allergies":    told,
			"alerts":       {summary.OpAdd: ofPregnancy, summary.OpAnnotate: ofPregnancy, summary.OpRetract: anything},
		}
	case trust.RoleDentist:
		return permissions{
			"medications": {
				summary.OpAdd: anything, summary.OpStop: supplied, summary.OpAnnotate: anything, summary.OpTaken: anything,
				summary.OpRetract: anything,
			},
			"allergies": notes,
		}
	case trust.RoleNurse:
		return permissions{"measurements": notes, "vaccinations": notes, "allergies": told}
	}
	return nil
}

func anything(any) bool { return true }

// supplied: a line that no prescriber is known to have ordered. One without an origin may be prescribed.
func supplied(item any) bool {
	m, ok := item.(*summary.Medication)
	if !ok {
		return false
	}
	switch m.Origin {
	case summary.OriginDispensed, summary.OriginOTC, summary.OriginReported:
		return true
	}
	return false
}

// reported: an allergy that says of itself that somebody told of it.
func reported(item any) bool {
	a, ok := item.(*summary.Allergy)
	return ok && (a.Basis == summary.BasisReported || a.Source == summary.SourceReported)
}

func ofPregnancy(item any) bool {
	a, ok := item.(*summary.Alert)
	return ok && (a.Kind == summary.AlertPregnancy || a.Kind == summary.AlertBreastfeeding)
}

// permitted refuses an amendment of which the role may not say all, with a *PermissionError. Target returns the item with an id, its
// section, and whether the signer of this amendment added it; it is not asked for items that the amendment adds itself. An operation on
// an item that is not there has no effect, and is refused only where the role may do it nowhere.
func permitted(role trust.Role, a *summary.Amendment, target func(id string) (section string, item any, own, ok bool)) error {
	p := permissionsOf(role)
	type added struct {
		section string
		item    any
	}
	adds := map[string]added{}
	var err error
	count := map[string]int{}
	a.Add.Each(func(section string, item any, common *summary.Common) {
		adds[common.ID] = added{section, item}
		may, ok := p[section][summary.OpAdd]
		// Nobody but a physician speaks for somebody else.
		named := role != trust.RolePhysician && !reflect.DeepEqual(common.By, summary.Author{})
		if err == nil && (!ok || !may(item) || named) {
			err = &PermissionError{role, summary.OpAdd, section, fmt.Sprintf("add.%s[%d]", section, count[section])}
		}
		count[section]++
	})
	check := func(op summary.Operation, i int, t summary.Target) {
		if err != nil {
			return
		}
		section, item, own := adds[t.ID].section, adds[t.ID].item, true
		ok := item != nil && t.ID != ""
		if !ok {
			section, item, own, ok = target(t.ID)
		}
		if ok {
			may, listed := p[section][op]
			ok = listed && may(item) && (own || op != summary.OpRetract)
		} else {
			section = ""
			for _, operations := range p {
				ok = ok || operations[op] != nil
			}
		}
		if !ok {
			err = &PermissionError{role, op, section, fmt.Sprintf("%s[%d]", op, i)}
		}
	}
	for i := range a.Stop {
		check(summary.OpStop, i, a.Stop[i].Target)
	}
	for i := range a.Annotate {
		check(summary.OpAnnotate, i, a.Annotate[i].Target)
	}
	for i := range a.Taken {
		check(summary.OpTaken, i, a.Taken[i].Target)
	}
	for i := range a.Dispensed {
		check(summary.OpDispensed, i, a.Dispensed[i].Target)
	}
	for i := range a.Retract {
		check(summary.OpRetract, i, a.Retract[i].Target)
	}
	return err
}
