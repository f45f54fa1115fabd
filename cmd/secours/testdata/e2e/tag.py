# Reads a Type 4 Tag by the NDEF detection procedure of the NFC Forum's Type 4 Tag Technical Specification (2.0, section 5.4; mapping
# version 3 adds the control TLV 06 with four-byte lengths), takes the message apart by its NDEF specification (1.0, section 3.2), and
# knows nothing of Secours.
#
#   tag.py READER
#
# Prints a JSON object: cc and message in hexadecimal, records with tnf, type and payload (in hexadecimal).
import json
import sys

from smartcard.System import readers

[reader] = [r for r in readers() if str(r) == sys.argv[1]]
connection = reader.createConnection()
connection.connect()


def transmit(command):
    data, sw1, sw2 = connection.transmit(list(command))
    if (sw1, sw2) != (0x90, 0x00):
        sys.exit("%s: %02X%02X" % (command.hex(), sw1, sw2))
    return bytes(data)


def select(file):
    transmit(bytes.fromhex("00A4000C02") + file)


def read(offset, length):
    data = b""
    while len(data) < length:
        at = offset + len(data)
        data += transmit(bytes([0x00, 0xB0, at >> 8, at & 0xFF, min(longest, length - len(data))]))
    return data


def number(data):
    return int.from_bytes(data, "big")


transmit(bytes.fromhex("00A4040007D276000085010100"))
select(bytes.fromhex("E103"))
longest = 15
cc = read(0, 15)
cc = read(0, number(cc[:2]))
version, longest = cc[2] >> 4, min(number(cc[3:5]), 255)
tlv = cc[7:]
if version in (2, 3) and tlv[:2] == b"\x04\x06":
    size, lengths = number(tlv[4:6]), 2
elif version == 3 and tlv[:2] == b"\x06\x08":
    size, lengths = number(tlv[4:8]), 4
else:
    sys.exit("a capability container " + cc.hex())
select(tlv[2:4])
length = number(read(0, lengths))
if not 0 < length <= size - lengths:
    sys.exit("a message of %d bytes in a file of %d" % (length, size))
message = read(lengths, length)

records, rest = [], message
while rest:
    flags, type_length, rest = rest[0], rest[1], rest[2:]
    if flags & 0x20:
        sys.exit("a chunk")
    if bool(flags & 0x80) != (not records):
        sys.exit("MB where no message begins, or none where one does")
    n = 1 if flags & 0x10 else 4
    payload_length, rest = number(rest[:n]), rest[n:]
    id_length = 0
    if flags & 0x08:
        id_length, rest = rest[0], rest[1:]
    if type_length + id_length + payload_length > len(rest):
        sys.exit("a record longer than its message")
    kind, rest = rest[:type_length], rest[type_length + id_length :]
    payload, rest = rest[:payload_length], rest[payload_length:]
    if bool(flags & 0x40) != (not rest):
        sys.exit("ME where no message ends, or none where one does")
    records.append({"tnf": flags & 7, "type": kind.decode("ascii"), "payload": payload.hex()})
print(json.dumps({"cc": cc.hex(), "message": message.hex(), "records": records}))
