/* What an entry of the response record is, byte for byte (spec 3.8, S167 to S175). Programs of others may
 * check a record by this file alone; a change of it is a new version, and old entries stay checkable.
 *
 *   payload_hash = SHA-256( salt(32 bytes) || text )                  the text lies beside the chain
 *   changes_hash = SHA-256( JCS( [[table,id,field,old,new], ...] ) )   what became of which field
 *   A change of the field "row" holds fingerprints: SHA-256( salt of this entry || for each column of the
 * row, in the table's order, that is neither empty nor 0 nor the program's own counter
 * (store/state_recorded.def): name, NUL, length of the value in decimal, ":", value ), "" for no row.
 *   entry_hash   = SHA-256( prev_hash || JCS(header) || payload_hash )
 *
 *   seq 1            seq 2            seq 3
 *   +---------+      +---------+      +---------+
 *   | header  |<--+  | header  |<--+  | header  |     prev_hash: entry_hash of seq - 1; zeros for the first
 *   | prev=0  |   +--| prev    |   +--| prev    |     incident_prev_hash: entry_hash of the entry before of
 *   +---------+      +---------+      +---------+     the same incident; zeros for its first, and for none
 *     salt,text        salt,text        (erased)      erased: salt and text gone, payload_hash stays
 *
 * The header is a JSON object in the canonical form of RFC 8785 with exactly the members of header_fields in
 * entry.c. Times are RFC 3339 in UTC with as many of 3, 6 or 9 digits as keep them; hashes are lower-case
 * hexadecimal; incident ids, and every integer that may pass 2^53, are decimal strings; lists are "a;b".
 * clock_back_ns says by how much the clock was behind that of the entry before: it is never hidden. */
#ifndef RECORD_FORMAT_H
#define RECORD_FORMAT_H

#include <stdint.h>

#define RECORD_VERSION    1
#define RECORD_HASH_BYTES 32
#define RECORD_SALT_BYTES 32

/* The line of a checkpoint in DATA/record/checkpoints.ndjson, canonical too:
 *   {"entries":…,"head":hex,"key":hex,"number":…,"parts":hex,"previous":hex,"signature":hex,"time":…,"v":1}
 * number counts from 1; entries = seq of the newest entry, head = its entry_hash; parts = SHA-256 over the
 * hashes of the sealed event files, in the order of their first event; key = the Ed25519 public key (RFC
 * 8032); previous = SHA-256 of the line before without its newline, zeros for the first; signature = that of
 * the same object without the member "signature". */

#endif
