# Holds the card in a reader for itself, from the line "held" until its input ends.
#
#   exclusive.py READER
import sys

from smartcard.scard import (
    SCARD_LEAVE_CARD,
    SCARD_PROTOCOL_T0,
    SCARD_PROTOCOL_T1,
    SCARD_S_SUCCESS,
    SCARD_SCOPE_USER,
    SCARD_SHARE_EXCLUSIVE,
    SCardConnect,
    SCardDisconnect,
    SCardEstablishContext,
    SCardGetErrorMessage,
)

status, context = SCardEstablishContext(SCARD_SCOPE_USER)
if status == SCARD_S_SUCCESS:
    protocols = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1
    status, card, _ = SCardConnect(context, sys.argv[1], SCARD_SHARE_EXCLUSIVE, protocols)
if status != SCARD_S_SUCCESS:
    sys.exit(SCardGetErrorMessage(status))
print("held", flush=True)
sys.stdin.read()
SCardDisconnect(card, SCARD_LEAVE_CARD)
