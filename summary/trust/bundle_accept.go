package trust

import (
	"fmt"
	"time"
)

// maxAhead is how far a bundle may have been issued in the future: clocks disagree, but a bundle from next year would
// hold off all that come before.
const maxAhead = 24 * time.Hour

// Update takes a bundle from outside, after all the checks of FORMAT 7.5: from now on the store believes what it says, and
// refuses bundles of other authorities and earlier ones. A store that has no Roots yet gets them from its user, who
// compared their fingerprint; see Bundle.RootsBy. The clock is the computer's. Errors are ErrNoRoot, ErrForeignBundle,
// ErrOlderBundle, ErrTwoBundles, ErrFutureBundle, ErrBundle; then the store is what it was.
func (s *Store) Update(b *Bundle, clock time.Time) error {
	if err := s.admit(b); err != nil {
		return err
	}
	now := s.Now(clock)
	if b.Issued.After(now.Add(maxAhead)) {
		return fmt.Errorf("%w: issued %s", ErrFutureBundle, b.Issued.Format(time.RFC3339))
	}
	if err := b.Check(); err != nil {
		return err
	}
	s.Roots, s.Statement, s.Counter, s.Digest = *b.Roots(), b.statement().Number, b.Counter, b.digest
	s.Updated = now
	s.use(b)
	return nil
}

// Attach gives a store, fresh from its JSON, the bundle that it has taken before. A later bundle of the same authority will
// do: it was checked, and the process that took it ended before the store was written. Errors are those of Update.
func (s *Store) Attach(b *Bundle) error {
	if err := s.admit(b); err != nil {
		return err
	}
	s.use(b)
	return nil
}

// admit is about whose bundle it is, and which.
func (s *Store) admit(b *Bundle) error {
	switch {
	case len(s.Roots.Keys) == 0:
		return ErrNoRoot
	case b.RootsBy(s.Roots.Fingerprint()) == nil:
		return ErrForeignBundle
	case b.statement().Number < s.Statement, b.Counter < s.Counter:
		return ErrOlderBundle
	case b.Counter == s.Counter && b.digest != s.Digest:
		return ErrTwoBundles
	}
	return nil
}

func (s *Store) use(b *Bundle) {
	anchors := make([]Anchor, 0, len(s.Anchors)+len(b.Anchors))
	for _, a := range s.Anchors {
		if !a.Bundled {
			anchors = append(anchors, a)
		}
	}
	s.Anchors = append(anchors, b.Anchors...)
	s.Issued, s.NextUpdate = b.Issued, b.NextUpdate
	s.Intermediates, s.RoleKeys, s.RetiredSuites = b.Intermediates, b.RoleKeys, b.RetiredSuites
	s.bundle = b
}

// Bundle returns the bundle in use, nil if there is none.
func (s *Store) Bundle() *Bundle { return s.bundle }

// SealingKeys returns the role keys to seal to: for each role of each authority those of the newest epoch. One of them is Stolen
// only where the authority has published no newer epoch; the caller should say so, and seal all the same, since whoever
// cannot read in an emergency is worse off.
func (s *Store) SealingKeys() []RoleKey { return newestRoleKeys(s.RoleKeys) }

// StolenKeys returns the role keys with that key id which are reported stolen. Two keys may share an id: a reader that
// knows the whole key compares Public.
func (s *Store) StolenKeys(id [2]byte) []RoleKey {
	var list []RoleKey
	for _, k := range s.RoleKeys {
		if !k.Stolen.IsZero() && KeyID(k.Public) == id {
			list = append(list, k)
		}
	}
	return list
}
