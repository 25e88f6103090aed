#!/usr/bin/env python3
"""Writes altered copies of Sigma rules: new ids, and every word of three letters and more of every value changed, so that the copies share nothing with
the originals but their shape. Used by bench/detect_bench.c to see how the cost grows with the number of rules.

    detect_copies.py RULES_FOLDER OUT_FOLDER COPIES
"""
import pathlib
import re
import sys


def alter(text, number):
    """Values only: lines of the detection part, words of three letters and more, but not exe and dll."""
    out, inside = [], False
    for line in text.split('\n'):
        top = re.match(r'([A-Za-z_]+):', line)
        if top:
            inside = top[1] == 'detection'
            if top[1] == 'id':
                line = line[:-3] + 'c%02d' % number if len(line) > 8 else line
        elif inside and not re.match(r'\s*condition:', line):
            key = re.match(r"(\s*(?:- )?[\w.|-]+:\s?)(.*)$", line)
            item = re.match(r'(\s*- )(.*)$', line)
            head, value = (key or item).groups() if key or item else (line, '')
            if '|re' not in head and 'EventID' not in head and 'cidr' not in head:
                value = re.sub(r'\b(?!exe\b|dll\b)[A-Za-z]{3,}', lambda m: m[0][:2] + 'qx%d' % number + m[0][2:], value)
            line = head + value
        out.append(line)
    return '\n'.join(out)


def main():
    source, target, copies = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    for path in sorted(source.rglob('*.yml')):
        text = path.read_text(encoding='utf-8')
        for number in range(copies):
            place = target / ('%02d' % number) / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(alter(text, number), encoding='utf-8')


main()
