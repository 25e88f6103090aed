"""Writes small databases in MaxMind's format (MMDB, "MaxMind DB File Format Specification" 2.0): what the tests of GeoIP look up."""
import ipaddress
import struct


def encode(value):
    def head(kind, size):
        first = (kind << 5 if kind < 8 else 0)
        extra = b"" if kind < 8 else bytes([kind - 7])
        if size < 29:
            return bytes([first | size]) + extra
        if size < 285:
            return bytes([first | 29]) + extra + bytes([size - 29])
        return bytes([first | 30]) + extra + struct.pack(">H", size - 285)

    if isinstance(value, str):
        raw = value.encode()
        return head(2, len(raw)) + raw
    if isinstance(value, float):
        return head(3, 8) + struct.pack(">d", value)
    if isinstance(value, tuple):  # (kind of the specification, number)
        raw = value[1].to_bytes(8, "big").lstrip(b"\0")
        return head(value[0], len(raw)) + raw
    if isinstance(value, int):
        raw = value.to_bytes(8, "big").lstrip(b"\0")
        return head(6 if value < 1 << 32 else 9, len(raw)) + raw
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(encode(v) for v in value)
    return head(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


def write(path, networks, kind, built):
    """networks: {"203.0.113.0/24": {record}}; kind: the database's type; built: seconds since 1970."""
    data, offsets, nodes = b"", {}, [[None, None]]
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        if network.version == 4:
            bits, value = 96 + network.prefixlen, int(network.network_address)
        else:
            bits, value = network.prefixlen, int(network.network_address)
        encoded = encode(record)
        if encoded not in offsets:
            offsets[encoded] = len(data)
            data += encoded
        node = 0
        for i in range(bits):
            bit = value >> (127 - i) & 1
            if i + 1 == bits:
                nodes[node][bit] = ("data", offsets[encoded])
            elif nodes[node][bit] is None:
                nodes.append([None, None])
                nodes[node][bit] = node = len(nodes) - 1
            else:
                node = nodes[node][bit]
    count = len(nodes)

    def record_of(side):
        number = count if side is None else side if isinstance(side, int) else count + 16 + side[1]
        return number.to_bytes(3, "big")

    tree = b"".join(record_of(left) + record_of(right) for left, right in nodes)
    about = {"binary_format_major_version": (5, 2), "binary_format_minor_version": (5, 0), "build_epoch": (9, built), "database_type": kind,
             "description": {"en": "test"}, "ip_version": (5, 6), "languages": ["en"], "node_count": count, "record_size": (5, 24)}
    path.write_bytes(tree + b"\0" * 16 + data + b"\xab\xcd\xefMaxMind.com" + encode(about))
    return path
