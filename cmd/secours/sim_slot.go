package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/secours-card/secours/card/sim"
)

// simSlot is the place in the virtual reader, as vpcd sees it: one card after another can be in it.
type simSlot struct {
	pace  bool
	told  func(event string, e simEvent) // called from the reader's goroutine
	fault func(error)

	// Held while a command runs, so that cards are exchanged between two.
	mu      sync.Mutex
	card    *sim.Card
	answers int // until the card is pulled; 0: never

	powered, announced bool
	questions          int // for the ATR
}

// pulledError is a card that was pulled between two commands.
type pulledError struct{}

func (pulledError) Error() string  { return "pulled between two commands" }
func (pulledError) CardGone() bool { return true }

// put exchanges the card, and returns the one that was there.
func (s *simSlot) put(c *sim.Card) *sim.Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.card
	s.card, s.answers = c, 0
	return old
}

// heard begins a connection.
func (s *simSlot) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced, s.questions = false, 0
}

// with runs f on the card that is in, between two commands.
func (s *simSlot) with(f func(*sim.Card)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.card)
}

func (s *simSlot) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce()
	before := s.card.Elapsed()
	answer, err := s.card.Transmit(ctx, command)
	if err := s.spend(ctx, before); err != nil {
		return nil, err
	}
	if len(answer) == 0 {
		return nil, err
	}
	if err != nil {
		s.fault(err)
	}
	if s.answers > 0 {
		if s.answers--; s.answers == 0 {
			return answer, pulledError{}
		}
	}
	return answer, nil
}

// spend waits for as long as a real card would have taken.
func (s *simSlot) spend(ctx context.Context, before time.Duration) error {
	took := s.card.Elapsed() - before
	if !s.pace || took <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(took):
		return nil
	}
}

func (s *simSlot) Reset(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.card.Elapsed()
	if err := s.card.Reset(ctx); err != nil {
		return err
	}
	how := "reset"
	if !s.powered {
		how = "on"
	}
	s.powered = true
	s.told("powered", simEvent{Power: how})
	return s.spend(ctx, before)
}

func (s *simSlot) PowerOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.card.PowerOff()
	if s.powered {
		s.powered = false
		s.told("powered", simEvent{Power: "off"})
	}
}

// The questions for the ATR by which pcscd finds a card, before it gives it power and asks again. A reader that gives none until a
// program wants the card has seen it by then too.
const findingQuestions = 2

func (s *simSlot) ATR() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.questions++; s.questions > findingQuestions || s.powered {
		s.announce()
	}
	return s.card.ATR()
}

// announce says, once for each connection, that the reader sees the card.
func (s *simSlot) announce() {
	if !s.announced {
		s.announced = true
		s.told("inserted", simEvent{})
	}
}

// pulledAt is where a card was torn out: "cut" in its memory, "command" between two; "" where it was not.
func pulledAt(err error) string {
	switch {
	case errors.As(err, new(pulledError)):
		return "command"
	case errors.Is(err, sim.ErrPowerLost), errors.Is(err, sim.ErrRemoved):
		return "cut"
	}
	return ""
}
