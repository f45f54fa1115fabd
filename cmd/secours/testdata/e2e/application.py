# Reads a Secours card as a program would that has ISO/IEC 7816-4 and docs/FORMAT.md, section 1, and nothing of ours.
#
#   application.py READER
#
# Prints a JSON object of hexadecimal strings: fci, info (EF.ATR/INFO), short (the container by short APDUs), extended (likewise by
# extended ones, empty where the card does not announce any).
import json
import struct
import sys

from smartcard.System import readers


def objects(data):
    """The BER-TLV data objects in data, as a list of tag and value."""
    found = []
    while data:
        n = 2 if data[0] & 0x1F == 0x1F else 1
        tag, length, data = data[:n].hex().upper(), data[n], data[n + 1 :]
        if length > 0x80:
            n = length - 0x80
            length, data = int.from_bytes(data[:n], "big"), data[n:]
        if length > len(data):
            sys.exit("an object %s of %d bytes in %d" % (tag, length, len(data)))
        found.append((tag, data[:length]))
        data = data[length:]
    return found


def value(data, *path):
    for tag in path:
        data = dict(objects(data))[tag]
    return data


[reader] = [r for r in readers() if str(r) == sys.argv[1]]
connection = reader.createConnection()
connection.connect()


def transmit(command):
    data, sw1, sw2 = connection.transmit(list(command))
    if (sw1, sw2) != (0x90, 0x00):
        sys.exit("%s: %02X%02X" % (command[:7].hex(), sw1, sw2))
    return bytes(data)


def read(size, le):
    """The container: by its short file identifier, which makes it the current file, and from there by offset."""
    data = b""
    while len(data) < size:
        n = min(le, size - len(data))
        p1, p2 = (0x81, 0) if not data else divmod(len(data), 256)
        command = struct.pack(">BBBB", 0x00, 0xB0, p1, p2)
        command += bytes([n]) if le < 256 else struct.pack(">BH", 0, n)
        data += transmit(command)
    return data


fci = transmit(bytes.fromhex("00A4040008F05345434F55525300"))
if value(fci, "6F", "84") != bytes.fromhex("F05345434F555253"):
    sys.exit("another application: " + fci.hex())
size = int.from_bytes(value(fci, "6F", "A5", "80"), "big")
info = transmit(bytes.fromhex("00B09D0000"))
extended = b""
limits = dict(objects(info)).get("7F66")
if limits:
    (_, longest_command), (_, longest_response) = objects(limits)
    if int.from_bytes(longest_command, "big") < 7:
        sys.exit("no READ BINARY fits " + limits.hex())
    extended = read(size, int.from_bytes(longest_response, "big") - 2)
print(json.dumps({"fci": fci.hex(), "info": info.hex(), "short": read(size, 240).hex(), "extended": extended.hex()}))
