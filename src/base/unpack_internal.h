/* What unpack.c and zip.c share. */
#ifndef BASE_UNPACK_INTERNAL_H
#define BASE_UNPACK_INTERNAL_H

#include "base/arena.h"
#include "base/unpack.h"

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD, PACKING_DEFLATE, PACKING_UNKNOWN };

struct zip_member {
    struct str name;
    uint64_t header_at, packed_bytes;
    uint16_t method; /* 0 stored, 8 deflate, 93 zstd */
    bool is_encrypted;
};

struct zip {
    struct arena arena;
    struct zip_member *members;
    uint32_t count, next;
};

bool zip_is_magic(struct str start);
/* Reads the central directory. */
bool zip_open(struct zip *z, int fd, const char *path, struct error *err) MUST_CHECK;
void zip_close(struct zip *z);
/* Where the member's bytes begin, and how they are packed. */
bool zip_locate(int fd, const char *path, const struct zip_member *m, uint64_t *at, enum packing *packing,
                struct error *err) MUST_CHECK;

#endif
