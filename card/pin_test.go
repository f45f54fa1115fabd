package card_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

func TestPIN(t *testing.T) {
	ctx := t.Context()
	p := &tap{Card: newCard(t, sim.Options{PIN: []byte("1234"), PUK: []byte("87654321")})}
	a := selected(t, p)
	m := a.Medium(ctx)
	read := func() error {
		_, err := m.ReadAt(make([]byte, 1), 0)
		return err
	}
	retries := func(want int, wantVerified bool) {
		t.Helper()
		if n, verified, err := a.PINRetries(ctx); n != want || verified != wantVerified || err != nil {
			t.Errorf("%d attempts, %v, %v; want %d, %v", n, verified, err, want, wantVerified)
		}
	}
	wrong := func(err error, left int) {
		t.Helper()
		var e *card.PINError
		if !errors.As(err, &e) || e.Retries != left || e.Blocked != (left == 0) {
			t.Errorf("%v; want %d attempts left", err, left)
			return
		}
		meaning := card.ErrSecurity
		if left == 0 {
			meaning = card.ErrBlocked
		}
		if !errors.Is(err, meaning) {
			t.Errorf("%v is not %v", err, meaning)
		}
		if strings.Contains(err.Error(), "9999") {
			t.Errorf("the PIN is in %q", err)
		}
	}

	if err := read(); !errors.Is(err, card.ErrSecurity) {
		t.Fatalf("reading without PIN: %v", err)
	}
	if _, err := m.WriteAt([]byte{1}, 0); !errors.Is(err, card.ErrSecurity) {
		t.Fatalf("writing without PIN: %v", err)
	}
	retries(3, false)
	wrong(a.VerifyPIN(ctx, []byte("9999")), 2)
	retries(2, false)
	if err := a.VerifyPIN(ctx, []byte("1234")); err != nil {
		t.Fatal(err)
	}
	retries(0, true)
	if err := read(); err != nil {
		t.Fatal(err)
	}
	if err := m.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, card.ErrSecurity) {
		t.Fatalf("reading after a reset: %v", err)
	}
	retries(3, false)

	if err := a.ChangePIN(ctx, []byte("1234"), []byte("567890")); err != nil {
		t.Fatal(err)
	}
	wrong(a.ChangePIN(ctx, []byte("999999"), []byte("4444")), 2)
	wrong(a.VerifyPIN(ctx, []byte("999999")), 1)
	wrong(a.VerifyPIN(ctx, []byte("999999")), 0)
	wrong(a.VerifyPIN(ctx, []byte("567890")), 0)
	retries(0, false)
	wrong(a.ResetRetryCounter(ctx, []byte("99999999"), []byte("4321")), 9)
	if err := a.ResetRetryCounter(ctx, []byte("87654321"), []byte("4321")); err != nil {
		t.Fatal(err)
	}
	retries(3, false)
	if err := a.VerifyPIN(ctx, []byte("4321")); err != nil {
		t.Fatal(err)
	}

	// The old PIN is not told from the new one by its length: a beginning of the right one does not do.
	wrong(a.ChangePIN(ctx, []byte("43210"), []byte("6777777")), 2)
	if err := a.VerifyPIN(ctx, []byte("4321")); err != nil {
		t.Fatal(err)
	}
	for _, c := range p.commands {
		if n := len(c.Data); (c.Instruction == 0x24 || c.Instruction == 0x2C) && n != 32 || c.Instruction == 0x20 && n != 16 && n != 0 {
			t.Errorf("%s of %d bytes", c.Name(), n)
		}
	}

	before := len(p.commands)
	for _, pin := range []string{"", "123", strings.Repeat("1", 17)} {
		if err := a.VerifyPIN(ctx, []byte(pin)); !errors.Is(err, card.ErrLength) {
			t.Errorf("a PIN of %d bytes: %v", len(pin), err)
		}
	}
	if err := a.VerifyPIN(ctx, []byte("1234\xFF")); !errors.Is(err, card.ErrData) {
		t.Errorf("a PIN that ends like padding: %v", err)
	}
	if len(p.commands) != before {
		t.Error("a PIN that cannot be right was sent")
	}
}

// A card with a PIN is written through all its resets when the caller presents it again.
func TestAfterReset(t *testing.T) {
	ctx := t.Context()
	c := newCard(t, sim.Options{PIN: []byte("1234")})
	a := selected(t, c)
	unlock := func(ctx context.Context) error { return a.VerifyPIN(ctx, []byte("1234")) }
	if err := unlock(ctx); err != nil {
		t.Fatal(err)
	}
	m := a.Medium(ctx)
	if err := card.Format(m, card.ID{1}); !errors.Is(err, card.ErrSecurity) || errors.Is(err, card.ErrDamaged) {
		t.Fatalf("formatting with the PIN presented once: %v", err)
	}
	a.AfterReset(unlock)
	if err := unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := card.Format(m, card.ID{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := card.Write(m, []byte("record"), 0); err != nil {
		t.Fatal(err)
	}
	n := 0
	a.AfterReset(func(ctx context.Context) error {
		n++
		return a.VerifyPIN(ctx, []byte("9999"))
	})
	var refused *card.PINError
	if err := m.Reset(); !errors.As(err, &refused) || n != 1 {
		t.Errorf("a wrong PIN after a reset: %v, presented %d times", err, n)
	}
}

// However a write goes on, a wrong PIN is presented once: another card may lie in the reader.
func TestOneAttempt(t *testing.T) {
	ctx := t.Context()
	for at := 1; at <= 3; at++ {
		s := &swapping{Card: newCard(t, sim.Options{PIN: []byte("1234")}), other: newCard(t, sim.Options{PIN: []byte("9999")})}
		a := selected(t, s)
		unlock := func(ctx context.Context) error { return a.VerifyPIN(ctx, []byte("1234")) }
		a.AfterReset(unlock)
		if err := unlock(ctx); err != nil {
			t.Fatal(err)
		}
		m := a.Medium(ctx)
		if err := card.Format(m, card.ID{1}); err != nil {
			t.Fatal(err)
		}
		s.at, s.count = at, 0
		var refused *card.PINError
		_, err := card.Write(m, []byte("record"), 0)
		if !errors.As(err, &refused) || at > 1 != errors.Is(err, card.ErrUnknownOutcome) {
			t.Errorf("swapped at reset %d: %v", at, err)
		}
		if err := m.Reset(); !errors.As(err, &refused) {
			t.Errorf("a reset after a wrong PIN: %v", err)
		}
		if left, _, err := a.PINRetries(ctx); left != 2 || err != nil {
			t.Errorf("swapped at reset %d: %d attempts left, %v", at, left, err)
		}
		if n := s.count; n > at+2 {
			t.Errorf("swapped at reset %d: %d resets", at, n)
		}
		a.AfterReset(func(ctx context.Context) error { return a.VerifyPIN(ctx, []byte("9999")) })
		if err := m.Reset(); err != nil {
			t.Errorf("with the right PIN: %v", err)
		}
	}
}

// Neither the caller's bytes nor those of the command outlive the call.
func TestPINIsWiped(t *testing.T) {
	var commands [][]byte
	keep := transmit(func(_ context.Context, c []byte) ([]byte, error) {
		if c[1] == 0xA4 {
			return unhex(t, fci), nil
		}
		if !bytes.Contains(c, []byte("1234")) {
			t.Errorf("a command without the PIN: %X", c)
		}
		commands = append(commands, c) // not a copy
		return []byte{0x90, 0x00}, nil
	})
	a := selected(t, keep)
	for name, f := range map[string]func(x, y []byte) error{
		"verify": func(x, _ []byte) error { return a.VerifyPIN(t.Context(), x) },
		"change": func(x, y []byte) error { return a.ChangePIN(t.Context(), x, y) },
		"reset":  func(x, y []byte) error { return a.ResetRetryCounter(t.Context(), x, y) },
		"short":  func(x, y []byte) error { _ = a.ChangePIN(t.Context(), x, y[:1]); clear(y); return nil },
	} {
		x, y := []byte("1234"), []byte("1234")
		if err := f(x, y); err != nil {
			t.Fatal(err)
		}
		if name == "verify" {
			clear(y)
		}
		if !bytes.Equal(append(x, y...), make([]byte, 8)) {
			t.Errorf("%s: %q %q left", name, x, y)
		}
	}
	if len(commands) != 3 {
		t.Fatalf("%d commands", len(commands))
	}
	for _, c := range commands {
		if bytes.Contains(c, []byte("12")) {
			t.Errorf("the command still holds the PIN")
		}
	}
}

func TestPINStatus(t *testing.T) {
	for answer, want := range map[string]error{
		"6983": card.ErrBlocked, "6984": card.ErrReference, "6A88": card.ErrNotFound, "63C0": card.ErrBlocked,
		"63C1": card.ErrSecurity, "6300": card.ErrSecurity, "6982": card.ErrSecurity, "6D00": card.ErrInstruction,
		"6282": card.Status(0x6282), "": card.ErrCardGone,
	} {
		a := selected(t, &script{t: t, steps: []step{{selectApp, fci}, {"00200081 10 31323334" + strings.Repeat("FF", 12), answer}}})
		if err := a.VerifyPIN(t.Context(), []byte("1234")); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", answer, err, want)
		}
	}
}
