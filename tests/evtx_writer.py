"""Writes small Windows event logs (.evtx) from plain values, for tests and as seeds for the fuzzer:

    python3 tests/evtx_writer.py fuzz/corpus/evtx

One template for all events with the same names; names and templates stand in line where they are used first, as Windows writes them.
The reader, src/parse/evtx.h, says what each part means."""
import struct
import sys
import zlib
from pathlib import Path

CHUNK = 65536
# type of binary XML, and how a value becomes bytes
STRING, UINT8, UINT16, UINT32, UINT64, FILETIME, SID, HEX64, STRINGS = 0x01, 0x04, 0x06, 0x08, 0x0a, 0x11, 0x13, 0x15, 0x81
PACK = {
    STRING: lambda v: v.encode("utf-16-le"),
    UINT8: lambda v: struct.pack("<B", v),
    UINT16: lambda v: struct.pack("<H", v),
    UINT32: lambda v: struct.pack("<I", v),
    UINT64: lambda v: struct.pack("<Q", v),
    HEX64: lambda v: struct.pack("<Q", v),
    FILETIME: lambda v: struct.pack("<Q", int((v + 11644473600) * 10**7)),
    SID: lambda v: bytes([1, len(v.split("-")) - 3]) + int(v.split("-")[2]).to_bytes(6, "big")
    + b"".join(struct.pack("<I", int(x)) for x in v.split("-")[3:]),
    STRINGS: lambda v: b"".join(x.encode("utf-16-le") + b"\0\0" for x in v),
}


class Chunk:
    def __init__(self):
        self.b = bytearray(512)
        self.b[:8] = b"ElfChnk\0"
        self.names, self.templates = {}, {}

    def name(self, text):
        place = self.names.get(text)
        if place:
            self.b += struct.pack("<I", place)
            return
        code = 0
        for c in text.encode("utf-16-le")[::2]:
            code = (code * 65599 + c) & 0xFFFFFFFF
        place = len(self.b) + 4
        self.names[text] = place
        self.b += struct.pack("<IIHH", place, 0, code & 0xFFFF, len(text)) + text.encode("utf-16-le") + b"\0\0"

    def text(self, text):
        self.b += struct.pack("<BBH", 5, 1, len(text)) + text.encode("utf-16-le")

    def element(self, name, attributes, content):
        """`content`: an index (substitution), a list of elements, a text, or None."""
        self.b += struct.pack("<BHI", 0x41 if attributes else 0x01, 0xFFFF, 0)
        self.name(name)
        if attributes:
            self.b += struct.pack("<I", 0)
        for i, (key, value) in enumerate(attributes):
            self.b += bytes([0x06 if i == len(attributes) - 1 else 0x46])
            self.name(key)
            self.value(value)
        if content is None:
            self.b += b"\x03"
            return
        self.b += b"\x02"
        if isinstance(content, list):
            for child in content:
                self.element(*child)
        else:
            self.value(content)
        self.b += b"\x04"

    def value(self, value):
        if isinstance(value, int):
            self.b += struct.pack("<BHB", 0x0e, value, 0)
        else:
            self.text(value)

    def record(self, number, shape, tree, values):
        start = len(self.b)
        self.b += struct.pack("<IIQQ", 0x2a2a, 0, number, 0) + b"\x0f\x01\x01\x00" + b"\x0c\x01" + struct.pack("<I", 7)
        place = self.templates.get(shape)
        if place:
            self.b += struct.pack("<I", place)
        else:
            place = len(self.b) + 4
            self.templates[shape] = place
            self.b += struct.pack("<I", place) + bytes(24) + b"\x0f\x01\x01\x00"
            self.element(*tree)
            self.b += b"\0"
            struct.pack_into("<I", self.b, place + 20, len(self.b) - place - 24)
        packed = [PACK[t](v) for t, v in values]
        self.b += struct.pack("<I", len(values))
        for (kind, _), data in zip(values, packed):
            self.b += struct.pack("<HH", len(data), kind)
        self.b += b"".join(packed) + b"\0"
        self.b += bytes(-(len(self.b) - start + 4) % 8)
        size = len(self.b) - start + 4
        self.b += struct.pack("<I", size)
        struct.pack_into("<I", self.b, start + 4, size)

    def done(self):
        end = len(self.b)
        struct.pack_into("<II", self.b, 40, 128, 0)
        struct.pack_into("<II", self.b, 48, end, zlib.crc32(self.b[512:end]))
        struct.pack_into("<I", self.b, 124, zlib.crc32(self.b[:120] + self.b[128:512]))
        return bytes(self.b)


def add_event(chunk, event):
    """`event`: channel, provider, id, record, time (seconds since 1970), computer, data (name → text or list of texts)."""
    values = [(UINT16, event["id"]), (UINT8, 4), (HEX64, 0x8000000000000000), (FILETIME, event["time"]), (UINT64, event["record"]),
              (UINT32, 664), (SID, "S-1-5-18")]
    system = [("Provider", [("Name", event["provider"])], None), ("EventID", [], 0), ("Level", [], 1), ("Keywords", [], 2),
              ("TimeCreated", [("SystemTime", 3)], None), ("EventRecordID", [], 4), ("Execution", [("ProcessID", 5)], None),
              ("Channel", [], event["channel"]), ("Computer", [], event["computer"]), ("Security", [("UserID", 6)], None)]
    data = []
    for name, value in event["data"].items():
        data.append(("Data", [("Name", name)] if name else [], len(values)))
        values.append((STRINGS if isinstance(value, list) else STRING, value))
    tree = ("Event", [("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event")], [("System", [], system), ("EventData", [], data)])
    shape = (event["channel"], event["provider"], event["computer"], *event["data"])
    chunk.record(event["record"], shape, tree, values)


def event_log(events, per_chunk=50):
    """The whole file, with full chunks."""
    header = bytearray(4096)
    header[:8] = b"ElfFile\0"
    out = bytes(header)
    for start in range(0, len(events), per_chunk):
        chunk = Chunk()
        for event in events[start:start + per_chunk]:
            add_event(chunk, event)
        body = chunk.done()
        assert len(body) <= CHUNK, "fewer events per chunk"
        out += body + bytes(CHUNK - len(body))
    return out


def sysmon_process(record, image, command_line, time=1762733582.8, **more):
    return {"channel": "Microsoft-Windows-Sysmon/Operational", "provider": "Microsoft-Windows-Sysmon", "id": 1, "record": record, "time": time,
            "computer": "pc31.corp.example",
            "data": {"RuleName": "-", "UtcTime": "2025-11-10 00:13:02.800", "ProcessId": "5160", "Image": image, "CommandLine": command_line,
                     "User": "CORP\\t.sato", **more}}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    classic = {"channel": "Application", "provider": "MSSQLSERVER", "id": 18456, "record": 4, "time": 1762733582, "computer": "pc31",
               "data": {"": ["sa", "", "[CLIENT: 192.0.2.7]"]}}
    chunk = Chunk()
    for event in [sysmon_process(2, "C:\\Windows\\System32\\whoami.exe", "whoami /priv"), sysmon_process(3, "C:\\a.exe", "<a & b>")]:
        add_event(chunk, event)
    (folder / "sysmon").write_bytes(chunk.done())
    chunk = Chunk()
    add_event(chunk, classic)
    (folder / "classic").write_bytes(chunk.done())


if __name__ == "__main__":
    main()
