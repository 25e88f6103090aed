/* The bytes of a file, unpacked as they are read: plain, gzip, zstd (told by the first bytes, not by the
 * name), or the members of a zip archive one after the other. Memory is bounded whatever the file's size. */
#ifndef BASE_UNPACK_H
#define BASE_UNPACK_H

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

#define UNPACK_MEMBERS_MAX 100000

struct unpack;
struct unpack *unpack_open(const char *path, struct error *err); /* "-" = standard input */
void unpack_close(struct unpack *u);
bool unpack_is_archive(const struct unpack *u);

/* Goes to the first or next member; a file that is no archive has one, with the name "". 1 = there is one,
 * 0 = no more, −1 = this member cannot be read (call again for the next). The name lives until the next call.
 */
int unpack_next(struct unpack *u, struct str *name, struct error *err);

/* Bytes of the member: 1 = some (`*got` > 0), 0 = its end, −1 = error. */
int unpack_read(struct unpack *u, char *to, size_t room, size_t *got, struct error *err);

/* Bytes of the file that were used so far; for progress. May be asked by another thread. */
uint64_t unpack_position(const struct unpack *u);

/* CRC-32 of ISO 3309 (gzip, zip, event logs); goes on from `crc`, 0 at the start. */
uint32_t crc32_add(uint32_t crc, struct str bytes);

#endif
