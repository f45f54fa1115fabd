package sim

// accessLog is the cyclic EF: whole records, the oldest overwritten. There is one slot more than records, so that a record torn while
// being appended destroys only one that had been retired.
type accessLog struct {
	records int
	length  int
	newest  uint32 // number of the newest record, counting from 1; 0 for none
	oldest  uint32 // lowest number that is there
	slots   [][]byte
}

func newAccessLog(records, length int) accessLog {
	return accessLog{records: records, length: length, oldest: 1, slots: make([][]byte, records+1)}
}

// get returns record i, 1 the newest.
func (l *accessLog) get(i int) ([]byte, bool) {
	if i < 1 || i > l.records || uint32(i) > l.newest {
		return nil, false
	}
	number := l.newest - uint32(i) + 1
	if number < l.oldest {
		return nil, false
	}
	return l.slots[number%uint32(len(l.slots))], true
}

// file finds the record file of a command: P2 holds a short file id, or zero for the current file.
func (c *Card) recordFile(cmd command) uint16 {
	id := c.current
	if short := cmd.p2 >> 3; short != 0 {
		id = fileOf(short)
		if !c.exists(id) {
			return swNotFound
		}
		c.current = id
	}
	switch id {
	case 0:
		return swNoFile
	case fidLog:
		return swOK
	}
	return swFileType
}

// readRecord is READ RECORD by number, ISO/IEC 7816-4:2020, 11.4.3. In a cyclic file 1 is the newest (7.3.3).
func (c *Card) readRecord(cmd command) answer {
	switch {
	case len(cmd.data) != 0 || cmd.ne == 0:
		return sw(swLength)
	case cmd.p2&0x07 != 0x04 || cmd.p1 == 0 || cmd.p1 == 0xFF:
		return sw(swParameters)
	}
	if status := c.recordFile(cmd); status != swOK {
		return sw(status)
	}
	b, ok := c.log.get(int(cmd.p1))
	switch {
	case !ok:
		return sw(swNoRecord)
	case cmd.ne != len(b) && !cmd.all || c.opt.T0 && !cmd.extended && cmd.ne != len(b):
		return sw(swExactLength | uint16(len(b)))
	}
	return answer{append([]byte(nil), b...), swOK}
}

// appendRecord is APPEND RECORD, 11.4.5. It needs no PIN: whoever reads in an emergency must be able to leave a trace.
func (c *Card) appendRecord(cmd command) (answer, error) {
	if cmd.p1 != 0 || cmd.p2&0x07 != 0 {
		return sw(swParameters), nil
	}
	if status := c.recordFile(cmd); status != swOK {
		return sw(status), nil
	}
	if len(cmd.data) != c.log.length || cmd.ne != 0 {
		return sw(swLength), nil
	}
	if err := c.writable(); err != nil {
		return sw(swConditions), err
	}
	number := c.log.newest + 1
	if number == 0 {
		return sw(swNoSpace), nil // after four thousand million entries
	}
	slot := int(number % uint32(len(c.log.slots)))
	b := append([]byte(nil), cmd.data...)
	if err := c.img.saveRecord(slot, number, b); err != nil {
		return c.imageFailure(err)
	}
	c.log.slots[slot], c.log.newest = b, number
	return sw(swOK), nil
}
