/* Free-text patterns: literal text with typed captures, compiled once, matched without allocation.
 *
 *   Failed password for {invalid user }?<user> from <source.ip:ip> port <source.port:int> ssh2...
 *
 *   text        itself; a space stands for one or more spaces or tabs
 *   <name>      a capture of type `word`; <name:type>; <:type> matches and forgets
 *   {a|b|c}     one of these, first that fits
 *   {a|b}?      one of these, or nothing
 *   ...         at the end: anything may follow; at the start: the rest may stand anywhere
 *   \x          the character x itself: \< \{ \| (inside braces) \\; brackets and parentheses are just text
 *
 * Types: word (no white space), until (at least one byte, up to what follows in the pattern), any (the same,
 * may be empty), rest (up to the end,
 * white space trimmed), int, num, hex, ip, host (name or address), mac, quoted ("…" without its quotes), id
 * (letters, digits, _ - .), path (from / or X:\ up to white space). The pattern covers the whole text unless
 * "..." says otherwise; trailing white space is ignored. */
#ifndef PARSE_PATTERN_H
#define PARSE_PATTERN_H

#include "base/error.h"
#include "parse/named.h"

#define PATTERN_MAX_CAPTURES 64

struct pattern;

/* Everything lives in the arena. NULL on a mistake: the sentence names the character. */
struct pattern *pattern_compile(struct str source, struct arena *arena, struct error *err) MUST_CHECK;
size_t pattern_capture_count(const struct pattern *p);
struct str pattern_capture_name(const struct pattern *p, size_t i);

/* `captures` has room for pattern_capture_count(); those that did not take part have p == NULL. Gives up
 * (false) after 20,000 steps, so that no text makes it slow. */
bool pattern_match(const struct pattern *p, struct str text, struct str *captures);

/* Many patterns: a tree over the literal text they begin with, so that only those are tried that can match.
 */
struct pattern_set;
struct pattern_set *pattern_set_new(const struct pattern *const *patterns, size_t count, struct arena *arena);
/* Number of the first pattern in the given order that matches, or -1. */
int pattern_set_match(const struct pattern_set *set, struct str text, struct str *captures);

#endif
