"""Writes a C file with the bytes of openapi.json, without white space between its tokens."""
import json
import sys

text = json.dumps(json.load(open(sys.argv[1], encoding="utf-8")), ensure_ascii=False, separators=(",", ":"))
data = text.encode("utf-8")
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('/* Made from openapi.json by embed.py. */\n#include "console/openapi.h"\n\n')
    out.write("static const unsigned char TEXT[] = {\n")
    for at in range(0, len(data), 24):
        out.write("    " + ",".join(str(byte) for byte in data[at:at + 24]) + ",\n")
    out.write("};\n\nstruct str openapi_text(void)\n{\n    return str_n((const char *)TEXT, sizeof TEXT);\n}\n")
