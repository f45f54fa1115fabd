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

// A process killed while writing leaves an image that opens and holds its last acknowledged record, or the one it was writing.
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

	rounds, between, last := 40, 0, uint32(0)
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), killEnv+"="+path)
		var out, talk bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &talk
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+rand.IntN(60)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
			t.Fatalf("round %d: the child ended by itself: %v, %s", round, err, talk.String())
		}
		acknowledged := last
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
		if acknowledged > 0 || got.Record != nil {
			if len(got.Record) < 4 || got.Unconfirmed || got.NewerLost {
				t.Fatalf("round %d, after %d: %+v", round, acknowledged, got)
			}
			n := binary.BigEndian.Uint32(got.Record)
			if n != acknowledged && n != acknowledged+1 || !bytes.Equal(got.Record, numbered(n)) {
				t.Fatalf("round %d: record %d, acknowledged was %d", round, n, acknowledged)
			}
			if n > acknowledged {
				between++
			}
			last = n
		}
		c.Close()
	}
	if last < uint32(rounds) {
		t.Errorf("only %d records were written in %d rounds", last, rounds)
	}
	t.Logf("%d records, %d of %d kills after the commit and before the acknowledgement", last, between, rounds)
}
