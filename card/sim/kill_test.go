package sim_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

const killEnv = "SECOURS_SIM_WRITE_UNTIL_KILLED"

// TestMain is also the child that TestKilledWhileWriting kills.
func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// numbered is record n: its number, then bytes that follow from it, some hundreds of them.
func numbered(n uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, n)
	return append(b, bytes.Repeat([]byte{byte(n), byte(n >> 8), ^byte(n)}, 100+int(n%100))...)
}

// writeForEver writes record after record and prints the number of each when it was acknowledged.
func writeForEver(path string) error {
	ctx := context.Background()
	c, err := sim.Open(path, sim.Session{Wait: 5 * time.Second})
	if err != nil {
		return err
	}
	a, err := card.Select(ctx, c)
	if err != nil {
		return err
	}
	m := a.Medium(ctx)
	now, err := card.Read(m)
	if err != nil {
		return err
	}
	n, seq := uint32(0), now.Seq
	if len(now.Record) >= 4 {
		n = binary.BigEndian.Uint32(now.Record)
	}
	for {
		n++
		if seq, err = card.Write(m, numbered(n), seq); err != nil {
			return err
		}
		if _, err := fmt.Println(n); err != nil {
			return err
		}
	}
}

// A process killed while writing leaves an image that opens and holds its last acknowledged record, or a newer one, and never an
// older one than was read before.
func TestKilledWhileWriting(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SIGKILL")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{Size: 4096})
	if err := card.Format(medium(t, c), card.ID{1}); err != nil {
		t.Fatal(err)
	}
	c.Close()

	rounds, between := 25, 0
	acknowledged, tried := uint32(0), uint32(0) // the last by any child, and the highest that any can have begun
	seen := uint32(0)                           // the last that was read
	if testing.Short() {
		rounds = 10
	}
	spread := 60 * time.Millisecond
	for round := range rounds {
		before := acknowledged
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), killEnv+"="+path)
		var out, talk bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &talk
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20*time.Millisecond + rand.N(spread))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
			t.Fatalf("round %d: the child ended by itself: %v, %s", round, err, talk.String())
		}
		for line := range bytes.Lines(out.Bytes()) {
			if line[len(line)-1] == '\n' {
				fmt.Sscan(string(line), &acknowledged)
			}
		}

		c := reopen(t, path)
		got, err := card.Read(medium(t, c))
		if err != nil {
			t.Fatalf("round %d, after %d: %v", round, acknowledged, err)
		}
		n := uint32(0)
		if len(got.Record) >= 4 {
			n = binary.BigEndian.Uint32(got.Record)
		}
		if acknowledged == before {
			spread = min(2*spread, 400*time.Millisecond) // a slow or busy machine
		}
		tried = max(tried, acknowledged+1)
		switch {
		case n < acknowledged || n < seen || n > tried:
			t.Fatalf("round %d: record %d; %d was acknowledged, %d read, and none after %d begun", round, n, acknowledged, seen, tried)
		case got.Record != nil && !bytes.Equal(got.Record, numbered(n)):
			t.Fatalf("round %d: record %d is not as written", round, n)
		case got.NewerLost, got.Unconfirmed && acknowledged > 0:
			t.Fatalf("round %d: record %d: unconfirmed %v, newer lost %v", round, n, got.Unconfirmed, got.NewerLost)
		case n > acknowledged:
			between++
		}
		seen, tried = n, max(tried, n+1)
		c.Close()
	}
	if acknowledged == 0 {
		t.Errorf("%d records were written in %d rounds", acknowledged, rounds)
	}
	t.Logf("%d records, %d of %d kills after the commit and before the acknowledgement", acknowledged, between, rounds)
}
