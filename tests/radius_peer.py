"""A dynamic authorisation server (RFC 5176) for tests, written from the RFCs with hashlib alone: it verifies every request and signs every answer."""
import hashlib
import hmac
import socket
import struct
import threading
import time

DISCONNECT, COA = 40, 43
USER_NAME, FRAMED_IP, VENDOR, CALLING_STATION, SESSION, EVENT_TIMESTAMP, AUTHENTICATOR, ERROR_CAUSE = 1, 8, 26, 31, 44, 55, 80, 101
NOT_FOUND = 503


def attribute(kind, value):
    return bytes([kind, len(value) + 2]) + value


def attributes(packet):
    at, found = 20, []
    while at < len(packet):
        assert packet[at + 1] >= 2 and at + packet[at + 1] <= len(packet), "an attribute runs over"
        found.append((packet[at], packet[at + 2:at + packet[at + 1]]))
        at += packet[at + 1]
    return found


def is_genuine(packet, secret):
    """RFC 5176, 3: both authenticators of a request, the Message-Authenticator reckoned with zeros in both places."""
    head, body = packet[:4], packet[20:]
    if hashlib.md5(head + bytes(16) + body + secret).digest() != packet[4:20]:
        return False
    at = 0
    while at < len(body):
        if body[at] == AUTHENTICATOR:
            blank = body[:at + 2] + bytes(16) + body[at + 18:]
            return hmac.compare_digest(hmac.new(secret, head + bytes(16) + blank, hashlib.md5).digest(), body[at + 2:at + 18])
        at += body[at + 1]
    return False


def answer_to(request, code, secret, extra=b"", signs=True):
    body = (attribute(AUTHENTICATOR, bytes(16)) if signs else b"") + extra
    head = struct.pack("!BBH", code, request[1], 20 + len(body))
    if signs:
        body = attribute(AUTHENTICATOR, hmac.new(secret, head + request[4:20] + body, hashlib.md5).digest()) + extra
    return head + hashlib.md5(head + request[4:20] + body + secret).digest() + body


class Peer:
    """Knows sessions by their Calling-Station-Id or Framed-IP-Address; what it has not got it answers with a NAK."""

    def __init__(self, secret, sessions=(), drops=0, cause=NOT_FOUND, signs=True):
        self.secret, self.sessions, self.drops, self.cause, self.signs = secret.encode(), set(sessions), drops, cause, signs
        self.requests, self.forged = [], 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                packet, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            if not packet or len(packet) != struct.unpack("!H", packet[2:4])[0] or not is_genuine(packet, self.secret):
                self.forged += 1
                continue
            self.requests.append(packet)
            if self.drops:
                self.drops -= 1
                continue
            self.socket.sendto(self.answer(packet), sender)

    def answer(self, packet):
        named = dict(attributes(packet))
        assert abs(struct.unpack("!I", named[EVENT_TIMESTAMP])[0] - time.time()) < 300
        known = {named[CALLING_STATION].decode()} if CALLING_STATION in named else set()
        if FRAMED_IP in named:
            known.add(socket.inet_ntoa(named[FRAMED_IP]))
        if known & self.sessions:
            return answer_to(packet, packet[0] + 1, self.secret, signs=self.signs)
        return answer_to(packet, packet[0] + 2, self.secret, attribute(ERROR_CAUSE, struct.pack("!I", self.cause)), self.signs)

    def stop(self):
        self.socket.close()
